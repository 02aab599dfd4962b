"""Records of species at places and times, in Darwin Core terms: read, thinned, generalised and gridded."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

from .places import Geometry, Places

LATITUDE, LONGITUDE, SPECIES, DATE = "decimalLatitude", "decimalLongitude", "scientificName", "eventDate"
UNCERTAINTY, STATUS, BASIS = "coordinateUncertaintyInMeters", "occurrenceStatus", "basisOfRecord"
ALIASES = {
    LATITUDE: ("decimallatitude", "latitude", "lat", "y"),
    LONGITUDE: ("decimallongitude", "longitude", "lon", "lng", "long", "x"),
    SPECIES: ("scientificname", "species", "spid", "taxon", "taxonkey", "specieskey"),
    DATE: ("eventdate", "date", "observed_on"),
    STATUS: ("occurrencestatus",),
    UNCERTAINTY: ("coordinateuncertaintyinmeters", "uncertainty"),
    BASIS: ("basisofrecord",),
}
TELLING = (
    "x", "y", "geometry", "verbatimlatitude", "verbatimlongitude", "verbatimcoordinates", "verbatimlocality",
    "verbatimcoordinatesystem", "locality", "locationid", "locationremarks", "footprintwkt", "georeferenceremarks",
    "minimumelevationinmeters", "maximumelevationinmeters", "verbatimelevation", "elevation", "depth", "habitat",
)  # fmt: skip
"""Columns, in lower case, that tell a place in other words than its coordinates."""


def read_occurrences(source: Any, *, columns: Mapping[str, str] | None = None, crs: Any = None) -> pd.DataFrame:
    """Darwin Core records from a CSV or tab-separated file, a GBIF download (zip), Parquet, a GeoPackage, or a table.

    All columns are kept; those that are recognised get their Darwin Core names. `present` is False for records whose
    occurrenceStatus is absent.

    Args:
        columns: {"scientificName": name in the file}, where names are not recognised.
        crs: of the coordinates, where they are not degrees of WGS 84; they are put into degrees.

    Raises:
        DataError: an unknown kind of file, no coordinates or no species.
        FileNotFoundError: there is no such file.
    """
    table = source.copy() if isinstance(source, pd.DataFrame) else _read(Path(source))
    if "geometry" in table:
        table = _without_geometry(table, crs)
    table = _named(table, columns or {})
    if crs is not None and "geometry" not in getattr(source, "columns", ()):
        table[LONGITUDE], table[LATITUDE] = to_degrees(table[LONGITUDE], table[LATITUDE], crs)
    for name in (LATITUDE, LONGITUDE):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    status = table[STATUS].astype(str).str.lower() if STATUS in table else pd.Series("present", table.index)
    table["present"] = status != "absent"
    return table.reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise FileNotFoundError(f"occurrences are read from a file, got {path}, which is not there{near}")
    kind = path.suffix.lower()
    if kind in (".parquet", ".pq"):
        try:
            return pd.read_parquet(path)
        except ImportError as error:
            raise ImportError('Parquet files need pyarrow: pip install "humboldt[geo]"') from error
    if kind in (".gpkg", ".shp", ".geojson"):
        return geopandas().read_file(path)
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:
            name = next((n for n in archive.namelist() if n.endswith(("occurrence.txt", ".csv"))), None)
            if name is None:
                raise DataError(f"a GBIF download holds occurrence.txt or a csv file, got {archive.namelist()[:5]}")
            with archive.open(name) as file:
                return pd.read_csv(file, sep="\t", quoting=3, low_memory=False)
    if kind in (".csv", ".txt", ".tsv", ".gz"):
        first = pd.read_csv(path, nrows=0, sep=None, engine="python")
        tabs = len(first.columns) > 1 and "\t" not in "".join(first.columns) and _is_tabbed(path)
        return pd.read_csv(path, sep="\t" if tabs else ",", quoting=3 if tabs else 0, low_memory=False)
    raise DataError(f"occurrences are read from csv, txt, tsv, zip, parquet, gpkg, shp or geojson, got {path.name}")


def _is_tabbed(path: Path) -> bool:
    import gzip

    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        line = file.readline()
    return line.count("\t") > line.count(",")


def _without_geometry(table: Any, crs: Any) -> pd.DataFrame:
    if table.crs is None and crs is None:
        raise DataError(
            "a layer of points says in which CRS its coordinates are, got none; pass crs='EPSG:4326' or its own"
        )
    points = table.set_crs(crs) if table.crs is None else table
    points = points.to_crs("EPSG:4326")
    plain = pd.DataFrame(points.drop(columns="geometry"))
    plain[LONGITUDE], plain[LATITUDE] = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    return plain


def _named(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    names, lower = {}, {str(c).lower(): str(c) for c in table.columns}
    for term, file_name in columns.items():
        if file_name not in table:
            raise DataError(
                f"columns names columns of the file, got {term}={file_name!r}; it has {list(table.columns)[:12]}"
                f"{did_you_mean(file_name, list(map(str, table.columns)))}"
            )
        names[file_name] = term
    for term, others in ALIASES.items():
        found = next((lower[o] for o in others if o in lower), None)
        if term not in names.values() and found is not None and found not in names:
            names[found] = term
    table = table.rename(columns=names)
    for term in (LATITUDE, LONGITUDE, SPECIES):
        if term not in table:
            raise DataError(
                f"occurrences have {LATITUDE}, {LONGITUDE} and {SPECIES}, got no {term} in {list(table.columns)[:12]}; "
                f"say which column it is, as columns={{{term!r}: ...}}"
            )
    return table


def to_degrees(x: Any, y: Any, crs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (WGS 84) of coordinates in a CRS."""
    try:
        from pyproj import Transformer
    except ImportError as error:
        raise ImportError('coordinates in another CRS need pyproj: pip install "humboldt[geo]"') from error
    there = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    longitude, latitude = there.transform(np.asarray(x, float), np.asarray(y, float))
    return longitude, latitude


def geopandas() -> Any:
    """The package; its absence names the extra."""
    try:
        import geopandas
    except ImportError as error:
        raise ImportError('layers of points and polygons need geopandas: pip install "humboldt[geo]"') from error
    return geopandas


def days(table: pd.DataFrame) -> pd.Series:
    """Dates of records, missing where they cannot be read.

    Raises:
        DataError: there is no column of dates.
    """
    if DATE not in table:
        raise DataError(f"dates stand in the column {DATE}, got {list(table.columns)[:12]}; name it in columns={{...}}")
    return pd.to_datetime(table[DATE], errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)


def thin_occurrences(
    table: pd.DataFrame, metres: float, *, seed: int = 0, geometry: Geometry = "sphere"
) -> pd.DataFrame:
    """Records of a species that lie farther apart than a distance: in random order, each keeps its neighbours out."""
    random, kept = np.random.default_rng(seed), []
    for _, part in table.groupby(SPECIES, observed=True, sort=False):
        places = Places(part[LONGITUDE].to_numpy(), part[LATITUDE].to_numpy(), geometry)
        free = np.ones(len(part), bool)
        for index in random.permutation(len(part)):
            if free[index]:
                free[places.neighbours(int(index), metres)] = False
                kept.append(part.index[index])
    return table.loc[sorted(kept)].reset_index(drop=True)


def generalise_occurrences(table: pd.DataFrame, degrees: float) -> pd.DataFrame:
    """Coordinates moved to the middle of a grid cell, for species whose places must not be published.

    The uncertainty becomes at least the half diagonal of the cell, in metres at the equator. Columns that tell a place
    in other words (`TELLING`, and a geometry) are left out; values of an environment at the precise place tell it too,
    so generalise records before an environment is extracted at them.
    """
    if not degrees > 0:
        raise DataError(f"a cell has a positive size in degrees, got {degrees}")
    table = pd.DataFrame(table.drop(columns=[c for c in table if str(c).lower() in TELLING]))
    for name in (LATITUDE, LONGITUDE):
        table[name] = (np.floor(table[name] / degrees) + 0.5) * degrees
    least = degrees * 111_195 / np.sqrt(2)
    known = pd.to_numeric(table.get(UNCERTAINTY, pd.Series(np.nan, table.index)), errors="coerce")
    table[UNCERTAINTY] = np.fmax(known, least)
    return table


def grid_occurrences(
    table: pd.DataFrame, latitude: np.ndarray, longitude: np.ndarray, *, months: tuple[str, str]
) -> xr.Dataset:
    """Records of each species per cell and month as `species_<name>` on (time, latitude, longitude), for `open_months`.

    A record belongs to the nearest cell of the evenly spaced grid; records outside of it, or without a date, are left
    out and counted in the attribute `left_out`.

    Args:
        months: first and last, as ("2000-01", "2020-06").
    """
    times = pd.date_range(months[0], months[1], freq="MS")
    day = days(table)
    month = (day.dt.year - times[0].year) * 12 + day.dt.month - times[0].month
    rows, columns = (
        _nearest(table[n].to_numpy(float), axis) for n, axis in ((LATITUDE, latitude), (LONGITUDE, longitude))
    )
    inside = (rows >= 0) & (columns >= 0) & month.between(0, len(times) - 1).to_numpy()
    fields = {}
    for name, part in table.groupby(SPECIES, observed=True):
        at = part.index[inside[table.index.get_indexer(part.index)]]
        place = table.index.get_indexer(at)
        counts = np.zeros((len(times), len(latitude), len(longitude)), np.float32)
        np.add.at(counts, (month.iloc[place].astype(int).to_numpy(), rows[place], columns[place]), 1)
        fields[f"species_{name}"] = (("time", "latitude", "longitude"), counts, {"units": "records per cell and month"})
    coords = {"time": times, "latitude": latitude, "longitude": longitude}
    return xr.Dataset(fields, coords, {"left_out": int((~inside).sum())})


def _nearest(values: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Number of the cell of an evenly spaced axis; -1 outside."""
    step = float(axis[1] - axis[0])
    place = np.floor((values - axis[0]) / step + 0.5)
    return np.where((place >= 0) & (place < len(axis)), place, -1).astype(int)
