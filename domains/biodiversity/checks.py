"""What is wrong with records of species. Checks flag; `clean_occurrences` drops, and says how many of what."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError, did_you_mean

from .event_dates import DATE, days, window
from .occurrences import BASIS, LATITUDE, LONGITUDE, SPECIES, UNCERTAINTY, require_terms
from .places import Places
from .record_files import geopandas

log = logging.getLogger(__name__)

NOT_LIVING_WILD = ("FOSSIL_SPECIMEN", "LIVING_SPECIMEN")
ON_REQUEST = ("sea", "centroid", "uncertain", "unwild", "date")  # checks that need something to compare with


def flag_occurrences(
    table: pd.DataFrame,
    *,
    land: Any = None,
    centroids: Any = None,
    centroid_radius: float = 1000.0,
    uncertainty: float | None = None,
    decimals: int = 2,
    dates: tuple[str | None, str | None] | None = None,
) -> pd.DataFrame:
    """One column a check, True where a record fails it.

    `missing` coordinates, `outside` of 90 and 180 degrees, `swapped` (latitude beyond 90 where longitude is not, or at
    sea where the swapped point is on land), `zero` (both within 0.01 of 0), `equal` (|latitude| = |longitude|), `sea`,
    `centroid` (of a country or capital), `imprecise` (fewer decimals than `decimals` in both), `uncertain`, `unwild`
    (fossils, specimens in care), `date` (outside of the window, or none), `duplicate` (species, place and day).

    Args:
        land: polygons (a file, GeoSeries or GeoDataFrame in any CRS, shapely geometry in degrees) outside of which
            records are at sea.
        centroids: rows of (longitude, latitude) around which records within `centroid_radius` metres are suspect, or
            the countries themselves: points or polygons in a file, a GeoSeries or a GeoDataFrame.
        uncertainty: largest coordinateUncertaintyInMeters.
        dates: first and last day, as (from, to); None for an open end.

    Raises:
        DataError: records that were not read, or a window of dates that is none.
    """
    require_terms(table, SPECIES, LATITUDE, LONGITUDE)
    latitude, longitude = table[LATITUDE].to_numpy(float), table[LONGITUDE].to_numpy(float)
    flags = pd.DataFrame(index=table.index)
    flags["missing"] = ~(np.isfinite(latitude) & np.isfinite(longitude))
    flags["outside"] = (np.abs(latitude) > 90) | (np.abs(longitude) > 180)
    flags["swapped"] = (np.abs(latitude) > 90) & (np.abs(latitude) <= 180) & (np.abs(longitude) <= 90)
    flags["zero"] = (np.abs(latitude) < 0.01) & (np.abs(longitude) < 0.01)
    flags["equal"] = (np.abs(latitude) == np.abs(longitude)) & ~flags["missing"]
    good = ~(flags["missing"] | flags["outside"]).to_numpy()
    if land is not None:
        land = polygons_of(land)
        land = land.to_crs("EPSG:4326") if getattr(land, "crs", None) is not None else land
        on_land, if_swapped = in_polygons(land, longitude, latitude), in_polygons(land, latitude, longitude)
        flags["sea"] = good & ~on_land
        flags["swapped"] |= good & ~on_land & if_swapped
    if centroids is not None:
        near = np.zeros(len(table), bool)
        suspects = Places(*_centres(centroids))
        near[good] = Places(longitude[good], latitude[good]).nearest(suspects) < centroid_radius
        flags["centroid"] = near
    flags["imprecise"] = good & _rounded(latitude, decimals - 1) & _rounded(longitude, decimals - 1)
    if uncertainty is not None and UNCERTAINTY in table:
        flags["uncertain"] = pd.to_numeric(table[UNCERTAINTY], errors="coerce").to_numpy() > uncertainty
    if BASIS in table:
        flags["unwild"] = table[BASIS].astype(str).str.upper().isin(NOT_LIVING_WILD)
    if dates is not None:
        flags["date"] = _outside_of(table, dates)
    same = [SPECIES, LATITUDE, LONGITUDE, *([DATE] if DATE in table else [])]
    flags["duplicate"] = table.duplicated(same)
    return flags


def _rounded(values: np.ndarray, decimals: int) -> np.ndarray:
    return np.isclose(values, np.round(values, decimals), rtol=0, atol=1e-9)


def polygons_of(source: Any) -> Any:
    """Polygons, read where a path is given.

    Raises:
        DataError: something else.
    """
    if isinstance(source, str | Path):
        return geopandas().read_file(source)
    if not hasattr(source, "geom_type"):
        raise DataError(
            f"polygons are a file, a GeoSeries, a GeoDataFrame or a shapely geometry, got {type(source).__name__}; "
            "make one with geopandas"
        )
    return source


def _centres(centroids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes, of polygons those of their centres on the plane of equal areas (EPSG:6933)."""
    if not isinstance(centroids, str | Path) and not hasattr(centroids, "to_crs"):
        longitude, latitude = np.asarray(centroids, float).reshape(-1, 2).T
        return longitude, latitude
    shapes = polygons_of(centroids).geometry
    shapes = shapes.set_crs("EPSG:4326") if shapes.crs is None else shapes
    centres = shapes.to_crs("EPSG:6933").centroid.to_crs("EPSG:4326")
    return centres.x.to_numpy(), centres.y.to_numpy()


def in_polygons(polygons: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which points lie in one of the polygons."""
    geopandas()
    import shapely

    shape = getattr(polygons, "geometry", polygons)
    shape = shape.union_all() if hasattr(shape, "union_all") else shape
    shapely.prepare(shape)
    return np.asarray(shapely.contains_xy(shape, x, y))


def _outside_of(table: pd.DataFrame, dates: tuple[str | None, str | None]) -> np.ndarray:
    (first, last), day = window(dates), days(table)
    late = pd.Series(False, table.index) if last is None else day >= last + pd.Timedelta(days=1)
    early = pd.Series(False, table.index) if first is None else day < first
    return (early | late | day.isna()).to_numpy()


def clean_occurrences(
    table: pd.DataFrame, *, keep: Sequence[str] = ("imprecise",), **checks: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records that fail no check, and a report: how many failed each, and how many that one alone.

    Args:
        keep: checks whose failures stay.
        checks: see `flag_occurrences`.

    Raises:
        DataError: an unknown check in `keep`, or nothing is left.
    """
    flags = flag_occurrences(table, **checks)
    unknown = [name for name in keep if name not in (*flags, *ON_REQUEST)]
    if unknown:
        raise DataError(f"keep names checks, got {unknown[0]!r}{did_you_mean(unknown[0], list(flags.columns))}")
    counted = flags.drop(columns=[name for name in keep if name in flags])
    alone = counted[counted.sum(axis=1) == 1]
    report = pd.DataFrame({"failed": flags.sum(), "alone": alone.sum().reindex(flags.columns, fill_value=0)})
    report["kept"] = report.index.isin(keep)
    kept = table[~counted.any(axis=1)]
    log.info("kept %d of %d records; failed: %s", len(kept), len(table), counted.sum()[lambda n: n > 0].to_dict())
    if not len(kept):
        raise DataError(f"no record of {len(table)} passes all checks; failed: {counted.sum().to_dict()}")
    return kept.reset_index(drop=True), report
