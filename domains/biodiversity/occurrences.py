"""Records of species at places and times, in Darwin Core terms: read, thinned, generalised and gridded."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

from .crs import to_degrees
from .event_dates import DATE, PARTS, calendar_months, days, joined_date
from .places import Geometry, Places
from .record_files import read_records

log = logging.getLogger(__name__)

LATITUDE, LONGITUDE, SPECIES = "decimalLatitude", "decimalLongitude", "scientificName"
UNCERTAINTY, BASIS = "coordinateUncertaintyInMeters", "basisOfRecord"
STATUS, COUNT = "occurrenceStatus", "individualCount"
ALIASES = {
    LATITUDE: ("decimallatitude", "latitude", "lat", "y"),
    LONGITUDE: ("decimallongitude", "longitude", "lon", "lng", "long", "x"),
    SPECIES: ("scientificname", "species", "spid", "taxon", "taxonname", "taxonkey", "specieskey"),
    DATE: ("eventdate", "date", "observedon", "observationdate"),
    STATUS: ("occurrencestatus",),
    COUNT: ("individualcount",),
    UNCERTAINTY: ("coordinateuncertaintyinmeters", "uncertainty"),
    BASIS: ("basisofrecord",),
}
"""Names of columns, as `plain_name` gives them."""
TELLING = {
    "x", "y", "pointx", "pointy", "geom", "lat", "lon", "lng", "long", "locationid", "locationremarks", "municipality",
    "footprintspatialfit", "georeferenceremarks", "minimumelevationinmeters", "maximumelevationinmeters",
    "verbatimelevation", "elevation", "minimumdepthinmeters", "maximumdepthinmeters", "verbatimdepth", "depth",
    "habitat",
}  # fmt: skip
"""Columns, as `plain_name` gives them, that tell a place in other words than its Darwin Core coordinates."""
TELLING_PARTS = (
    "latitude", "longitude", "coord", "easting", "northing", "utm", "mgrs", "locality", "placeguess", "gridref",
    "geohash", "geometry", "wkt",
)  # fmt: skip
"""Parts of the names of such columns, as in `private_latitude`, `LOCALITY ID`, `footprintWKT` or `coords.x1`."""
KEPT = (LATITUDE, LONGITUDE, UNCERTAINTY, "coordinatePrecision")


def read_occurrences(source: Any, *, columns: Mapping[str, str] | None = None, crs: Any = None) -> pd.DataFrame:
    """Darwin Core records from a CSV or tab-separated file, a GBIF download (zip), Parquet, a GeoPackage, or a table.

    All columns are kept; those that are recognised get their Darwin Core names. `present` is False for records whose
    occurrenceStatus is absent or, where it says nothing, whose individualCount is 0. Where there is no eventDate, year,
    month and day make one.

    Args:
        columns: {"scientificName": name in the file}, where names are not recognised.
        crs: of the coordinates, where they are not degrees of WGS 84; they are put into degrees.

    Raises:
        DataError: an unknown kind of file, no coordinates, none that is a number, or no species.
        FileNotFoundError: there is no such file.
    """
    table = source.copy() if isinstance(source, pd.DataFrame) else read_records(Path(source))
    is_layer = hasattr(table, "geometry") and hasattr(table, "crs")
    table = _named(_without_geometry(table, crs) if is_layer else table, columns or {})
    for name in (LATITUDE, LONGITUDE):
        table[name] = _numbers(table[name], name)
    if crs is not None and not is_layer:
        table[LONGITUDE], table[LATITUDE] = to_degrees(table[LONGITUDE], table[LATITUDE], crs)
    table[SPECIES] = species_names(table[SPECIES])
    if DATE not in table:
        columns_of = {plain_name(column): column for column in table}
        parts = [table[columns_of[p]] for p in takewhile(columns_of.__contains__, PARTS)]
        table = table.assign(**{DATE: joined_date(parts)}) if parts else table
    table["present"] = presence_of(table)
    return table.reset_index(drop=True)


def presence_of(table: pd.DataFrame) -> np.ndarray:
    """False where occurrenceStatus is absent, or where a column `present` says so already.

    Raises:
        DataError: `present` holds something else than true and false, or 1 and 0.
    """
    found = np.ones(len(table), bool)
    if "present" in table:
        meant = {"true": 1, "false": 0, "1": 1, "0": 0}
        said = table["present"].map(lambda value: meant.get(str(value).lower(), value))
        if not said.isin([0, 1]).all():
            other = table["present"][~said.isin([0, 1])].iloc[0]
            raise DataError(f"the column present holds True and False, or 1 and 0, got {other!r}; rename or correct it")
        found &= said.to_numpy(bool)
    status = table[STATUS].astype("string").str.strip().str.lower().fillna("") if STATUS in table else ""
    if COUNT in table:
        none = pd.to_numeric(table[COUNT], errors="coerce") == 0
        found &= ~(none & (pd.Series(status, table.index) == "")).to_numpy()
    return found & np.asarray(status != "absent")


def species_names(values: pd.Series) -> pd.Series:
    """Names as text, keys of a checklist too: 2435240 and not 2435240.0; missing ones stay missing."""
    if not pd.api.types.is_numeric_dtype(values):
        return values
    found = values.astype("Float64")
    is_key = bool((found.dropna() % 1 == 0).all())
    return (found.astype("Int64") if is_key else found).astype("string").astype(object).where(found.notna(), None)


def require_terms(table: pd.DataFrame, *terms: str) -> None:
    """Refuse a table that was not read.

    Raises:
        DataError: a term that is no column.
    """
    lacking = [term for term in terms if term not in table]
    if lacking:
        raise DataError(
            f"records have the columns {', '.join(terms)}, got no {lacking[0]} in {list(table.columns)[:12]}; read "
            "them with read_occurrences first"
        )


def _numbers(values: pd.Series, name: str) -> pd.Series:
    """Coordinates, missing where they are none, which is logged."""
    found = pd.to_numeric(values, errors="coerce")
    odd = found.isna() & values.notna() & (values.astype("string").str.strip() != "")
    if odd.any():
        example = values[odd].iloc[0]
        if found.isna().all():
            raise DataError(f"{name} holds numbers, such as 45.5, got {example!r} and the like; convert it to numbers")
        log.warning(
            "%d of %d values of %s are no number and taken as missing, such as %r", odd.sum(), len(odd), name, example
        )
    return found


def _without_geometry(table: Any, crs: Any) -> pd.DataFrame:
    if table.crs is None and crs is None:
        raise DataError(
            "a layer of points says in which CRS its coordinates are, got none; pass crs='EPSG:4326' or its own"
        )
    points = table.set_crs(crs) if table.crs is None else table
    other = set(points.geometry.dropna().geom_type) - {"Point"}
    if other:
        raise DataError(f"records are points, got {sorted(other)}; take a point of each: layer.representative_point()")
    points = points.to_crs("EPSG:4326")
    plain = pd.DataFrame(points.drop(columns=points.geometry.name))
    plain[LONGITUDE], plain[LATITUDE] = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    return plain


def plain_name(column: Any) -> str:
    """A name of a column without prefix, case, spaces and signs: `dwc:decimal_Latitude` is `decimallatitude`."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[/:#]", str(column).lower())[-1])


def _named(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    names: dict[str, str] = {}
    plain: dict[str, Any] = {}
    for column in table.columns:
        plain.setdefault(plain_name(column), column)
    for term, file_name in columns.items():
        if file_name not in table:
            raise DataError(
                f"columns names columns of the file, got {term}={file_name!r}; it has {list(table.columns)[:12]}"
                f"{did_you_mean(file_name, list(map(str, table.columns)))}"
            )
        names[file_name] = term
    for term, others in ALIASES.items():
        found = term if term in table else next((plain[o] for o in others if o in plain), None)
        if term not in names.values() and found is not None and found not in names:
            names[found] = term
    table = table.drop(columns=[t for f, t in names.items() if t != f and t in table and t not in names])
    table = table.rename(columns=names)
    for term in (LATITUDE, LONGITUDE, SPECIES):
        if term not in table:
            raise DataError(
                f"occurrences have {LATITUDE}, {LONGITUDE} and {SPECIES}, got no {term} in {list(table.columns)[:12]}; "
                f"say which column it is, as columns={{{term!r}: ...}}"
            )
    return table


def thin_occurrences(
    table: pd.DataFrame, metres: float, *, seed: int = 0, geometry: Geometry = "sphere"
) -> pd.DataFrame:
    """Records of a species that lie farther apart than a distance: in random order, each keeps its neighbours out.

    Raises:
        DataError: no positive distance, or records without coordinates.
    """
    require_terms(table, SPECIES, LATITUDE, LONGITUDE)
    if not metres > 0:
        raise DataError(f"records are thinned to a positive distance in metres, got {metres}")
    random, kept = np.random.default_rng(seed), []
    for _, part in table.groupby(SPECIES, observed=True, sort=False):
        places = Places(part[LONGITUDE].to_numpy(), part[LATITUDE].to_numpy(), geometry)
        free = np.ones(len(part), bool)
        for index in random.permutation(len(part)):
            if free[index]:
                free[places.neighbours(int(index), metres)] = False
                kept.append(part.index[index])
    return table.loc[sorted(kept)].reset_index(drop=True)


def tells_place(column: Any) -> bool:
    """Whether a column, by its name, tells a place in other words than its Darwin Core coordinates."""
    name, words = plain_name(column), set(re.split(r"[^a-z]+", str(column).lower()))
    is_part = any(part in name for part in TELLING_PARTS) or bool(words & {"lat", "lon", "lng"})
    return column not in KEPT and (name in TELLING or is_part)


def generalise_occurrences(table: pd.DataFrame, degrees: float) -> pd.DataFrame:
    """Coordinates moved to the middle of a grid cell, for species whose places must not be published.

    Longitudes lie from -180 to 180 then; coordinates that are not on the globe are missing. The uncertainty becomes at
    least the half diagonal of the cell, in metres at the equator. Columns that tell a place in other words
    (`tells_place`: a geometry, a locality, coordinates of another kind) are left out; values of an environment at the
    precise place tell it too, so generalise records before an environment is extracted at them.
    """
    if not degrees > 0:
        raise DataError(f"a cell has a positive size in degrees, got {degrees}")
    require_terms(table, LATITUDE, LONGITUDE)
    shapes = [c for c, kind in zip(table.columns, table.dtypes, strict=True) if str(kind) == "geometry"]
    table = pd.DataFrame(table.drop(columns=[*shapes, *filter(tells_place, table.columns)]))
    east = table[LONGITUDE]
    table[LONGITUDE] = east.where(~east.between(180, 360, inclusive="right"), east - 360)
    for name, most in ((LATITUDE, 90.0), (LONGITUDE, 180.0)):
        cell = np.floor(table[name] / degrees).clip(upper=np.ceil(most / degrees) - 1)
        table[name] = ((cell + 0.5) * degrees).clip(-most, most).where(table[name].abs() <= most)
    least = degrees * 111_195 / np.sqrt(2)
    known = pd.to_numeric(table.get(UNCERTAINTY, pd.Series(np.nan, table.index)), errors="coerce")
    table[UNCERTAINTY] = np.fmax(known, least)
    return table


def grid_occurrences(
    table: pd.DataFrame, latitude: np.ndarray, longitude: np.ndarray, *, months: tuple[str, str]
) -> xr.Dataset:
    """Records of each species per cell and month as `species_<name>` on (time, latitude, longitude), for `open_months`.

    A record belongs to the nearest cell of the evenly spaced grid; absences and records outside of it, or without a
    species or a month, are left out and counted in the attribute `left_out`.

    Args:
        months: first and last, as ("2000-01", "2020-06").
    """
    require_terms(table, SPECIES, LATITUDE, LONGITUDE)
    times = pd.date_range(months[0], months[1], freq="MS")
    month = (days(table).dt.year - times[0].year) * 12 + calendar_months(table) - times[0].month
    rows, columns = _nearest(table[LATITUDE], latitude), _nearest(table[LONGITUDE], longitude, 360.0)
    inside = (rows >= 0) & (columns >= 0) & month.between(0, len(times) - 1).to_numpy()
    inside &= table[SPECIES].notna().to_numpy()
    if "present" in table:
        inside &= table["present"].to_numpy(bool)
    code, names = pd.factorize(table[SPECIES], sort=True)
    counts = np.zeros((len(names), len(times), len(latitude), len(longitude)), np.float32)
    at = month.to_numpy(float)[inside].astype(int), rows[inside], columns[inside]
    np.add.at(counts, (code[inside], *at), 1)
    axes, units = ("time", "latitude", "longitude"), {"units": "records per cell and month"}
    fields = {f"species_{name}": (axes, one, units) for name, one in zip(names, counts, strict=True)}
    coords = {"time": times, "latitude": latitude, "longitude": longitude}
    return xr.Dataset(fields, coords, {"left_out": int((~inside).sum())})


def _nearest(values: pd.Series, axis: np.ndarray, period: float | None = None) -> np.ndarray:
    """Number of the cell of an evenly spaced axis, which may go around a circle; -1 outside."""
    step = float(axis[1] - axis[0])
    place = (values.to_numpy(float) - axis[0]) / step + 0.5
    place = np.floor(place if period is None else place % (period / abs(step)))
    return np.where((place >= 0) & (place < len(axis)), place, -1).astype(int)
