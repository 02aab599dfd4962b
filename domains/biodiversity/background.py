"""Places to compare presences with: the whole region, where people looked, or as a map of effort says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError

from .checks import in_polygons, polygons_of
from .crs import is_geographic, rioxarray, to_degrees
from .environment import Environment, open_environment
from .occurrences import LATITUDE, LONGITUDE, require_terms


def sample_background(
    environment: Environment,
    count: int,
    *,
    weight: Any = None,
    within: Any = None,
    without: pd.DataFrame | None = None,
    replace: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Random cells in which every layer has a value, as likely as they are large (in degrees, cos(latitude)).

    Args:
        weight: effort by which a cell is likelier: an array [y, x] on the grid of the layers, or a bias file (a path, a
            labelled array or an `Environment` of one layer, on any grid), looked up in the middle of each cell. NaN and
            0 are never drawn.
        within: polygons (a file, GeoSeries, GeoDataFrame, shapely geometry), in the CRS of the layers unless they have
            their own, outside of which nothing is drawn.
        without: occurrences whose cells are left out.
        replace: whether a cell may be drawn twice.

    Returns:
        `decimalLongitude`, `decimalLatitude`, `x`, `y` in the CRS of the layers, and the value of every layer.

    Raises:
        DataError: fewer cells than are asked for, weights on another grid, or negative ones.
    """
    valid = environment.valid()
    if not valid.any():
        raise DataError(f"background is drawn from cells in which every layer has a value, got {environment.lacking()}")
    chance = valid * environment.areas()[:, None]
    if weight is not None:
        chance = chance * _effort(weight, environment)
    if within is not None:
        chance = chance * _mask(within, environment)
    if without is not None:
        require_terms(without, LATITUDE, LONGITUDE)
        rows, columns = environment.cells(without[LONGITUDE], without[LATITUDE])
        inside = (rows >= 0) & (columns >= 0)
        chance[rows[inside], columns[inside]] = 0
    possible = int((chance > 0).sum())
    if possible == 0 or (count > possible and not replace):
        raise DataError(
            f"background is drawn from cells with values and weight, of which there are {possible}, got a wish for "
            f"{count}; ask for fewer, allow replace=True, or widen the region"
        )
    flat = chance.ravel() / chance.sum()
    drawn = np.random.default_rng(seed).choice(flat.size, size=count, replace=replace, p=flat)
    return _described(environment, *np.unravel_index(drawn, environment.shape))


def regional_background(
    environment: Environment, regions: Any, count: int, *, seed: int = 0, **choices: Any
) -> pd.DataFrame:
    """`count` places in each polygon of a GeoDataFrame or of a file, with the number of its row in `region`."""
    parts, regions = [], polygons_of(regions)
    for number, (name, shape) in enumerate(zip(regions.index, regions.geometry, strict=True)):
        own = type(regions.geometry)([shape], crs=regions.crs)
        part = sample_background(environment, count, within=own, seed=seed + number, **choices)
        parts.append(part.assign(region=name))
    return pd.concat(parts, ignore_index=True)


def target_group_background(environment: Environment, group: pd.DataFrame) -> pd.DataFrame:
    """The distinct cells in which any species of a group was recorded: where people looked (Phillips et al. 2009).

    Raises:
        DataError: no record of the group lies in a cell with values.
    """
    require_terms(group, LATITUDE, LONGITUDE)
    rows, columns = environment.cells(group[LONGITUDE], group[LATITUDE])
    inside = (rows >= 0) & (columns >= 0)
    inside[inside] = environment.valid()[rows[inside], columns[inside]]
    cells = np.unique(np.stack([rows[inside], columns[inside]]), axis=1)
    if not cells.size:
        raise DataError(
            f"a target group was recorded where the layers have values, got none of {len(group)} records there"
        )
    return _described(environment, cells[0], cells[1])


def _described(environment: Environment, rows: np.ndarray, columns: np.ndarray) -> pd.DataFrame:
    x, y = environment.places(rows, columns)
    longitude, latitude = to_degrees(x, y, environment.crs)
    longitude = np.where(longitude > 180, longitude - 360, longitude)
    values = environment.extract(x, y, environment.crs)
    return pd.concat([pd.DataFrame({LONGITUDE: longitude, LATITUDE: latitude, "x": x, "y": y}), values], axis=1)


def _effort(weight: Any, environment: Environment) -> np.ndarray:
    """Effort in each cell, [y, x]; 0 where it is not known."""
    if isinstance(weight, xr.DataArray) and len(weight.coords):
        rioxarray()
        weight = open_environment(weight, crs=None if weight.rio.crs else environment.crs)
    if isinstance(weight, str | Path):
        weight = open_environment(weight)
    if isinstance(weight, Environment):
        if len(weight.names) > 1:
            raise DataError(f"a map of effort is one layer, got {list(weight.names)[:6]}; choose one of them")
        weight = weight.extract(*_middles(environment), environment.crs).to_numpy(float).reshape(environment.shape)
    effort = np.nan_to_num(np.asarray(weight, float), nan=0.0)
    if effort.shape != environment.shape:
        raise DataError(
            f"a map of effort lies on the grid of the layers {environment.shape}, got {effort.shape}; regrid it, or "
            "pass it with its coordinates"
        )
    if (effort < 0).any():
        raise DataError(f"effort is at least 0, got {effort.min():g}; set what is not known to NaN")
    return effort


def _middles(environment: Environment) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every cell."""
    x, y = np.meshgrid(environment.layers["x"].values, environment.layers["y"].values)
    return x.ravel(), y.ravel()


def _mask(polygons: Any, environment: Environment) -> np.ndarray:
    """Cells whose middle lies in the polygons, [y, x]."""
    polygons = polygons_of(polygons)
    if getattr(polygons, "crs", None) is not None:
        polygons = polygons.to_crs(environment.crs)
    x, y = _middles(environment)
    inside = in_polygons(polygons, x, y)
    if is_geographic(environment.crs) and (np.abs(x) > 180).any():  # 350 degrees east are 10 degrees west
        inside |= in_polygons(polygons, np.where(x > 180, x - 360, x), y)
    return inside.reshape(environment.shape)
