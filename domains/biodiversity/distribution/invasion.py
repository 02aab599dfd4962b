"""A species on its way: where it will be met first, and where its front will be in a year."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from humboldt.data_catalog import DataError

from .maps import of_species

NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def arrival_times(
    suitability: xr.DataArray, occupied: np.ndarray, *, speed: float, least: float = 0.05
) -> xr.DataArray:
    """Years until a front that starts from occupied cells reaches each cell, along the quickest way.

    A front moves with `speed` times the suitability of the cells that it crosses (the mean of both sides of a step), to
    the eight neighbours of a cell; cells less suitable than `least` and missing ones are barriers. The quickest way
    is that of Dijkstra (1959); over eight neighbours it is at most 8 % longer than a straight one.

    Args:
        suitability: (y, x) from 0 to 1, on an evenly spaced grid.
        occupied: (y, x), True where the species is now.
        speed: in units of x and y per year at a suitability of 1.
        least: suitability below which nothing passes.

    Raises:
        DataError: several maps, another grid, no occupied cell, or a speed that is not positive.
    """
    if set(suitability.dims) != {"y", "x"}:
        raise DataError(
            f"a front crosses a map of one species on (y, x), got {tuple(map(str, suitability.dims))}; choose one, "
            "such as maps['suitability'].isel(species=0)"
        )
    values, occupied = suitability.transpose("y", "x").values.astype(float), np.asarray(occupied, bool)
    if occupied.shape != values.shape:
        raise DataError(f"occupied cells lie on the grid of the map {values.shape}, got {occupied.shape}")
    if not occupied.any() or not speed > 0:
        raise DataError(
            f"a front starts from a cell and moves, got {int(occupied.sum())} occupied cells and a speed of {speed}"
        )
    step = tuple(abs(float(suitability[a][1] - suitability[a][0])) for a in ("y", "x"))
    graph = _steps(np.nan_to_num(values), occupied, least, speed, step)
    years = dijkstra(graph, indices=np.flatnonzero(occupied), min_only=True).reshape(values.shape)
    found = np.where(np.isinf(years), np.nan, years)
    about = {"units": "years", "long_name": "time until the front arrives; missing where it never does"}
    return xr.DataArray(found, suitability.transpose("y", "x").coords, ("y", "x"), "arrival", about)


def _steps(values: np.ndarray, occupied: np.ndarray, least: float, speed: float, step: tuple[float, ...]) -> csr_array:
    """Years from each cell to each of its neighbours; an occupied cell below `least` is left at the next's pace."""
    number = np.arange(values.size).reshape(values.shape)
    passable = values >= least
    starts, ends, years = [], [], []
    for down, right in NEIGHBOURS:
        here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip((down, right), values.shape, strict=True))
        there = tuple(slice(max(0, d), n - max(0, -d)) for d, n in zip((down, right), values.shape, strict=True))
        leaves = np.where(passable[here], values[here], values[there])
        goes = passable[there] & (passable[here] | occupied[here])
        pace = speed * (leaves + values[there])[goes] / 2
        starts.append(number[here][goes])
        ends.append(number[there][goes])
        years.append(np.hypot(down * step[0], right * step[1]) / pace)
    where = np.concatenate(starts), np.concatenate(ends)
    return csr_array((np.concatenate(years), where), shape=(values.size, values.size))


def detection_ranking(
    maps: xr.Dataset,
    *,
    occupied: np.ndarray | None = None,
    effort: np.ndarray | None = None,
    reach: float | None = None,
    number: int = 100,
    apart: float = 0.0,
    species: str | None = None,
) -> pd.DataFrame:
    """Cells in which to look first for a species that is not yet known there.

    The priority of a cell is its suitability, times exp(-distance / reach) to the nearest occupied cell, times
    1 - effort: what has been searched well needs no search. Cells come from the first priority down, none within
    `apart` of an earlier one.

    Args:
        maps: of `SpeciesModel.predict`.
        occupied: (y, x), True where the species is known; these cells are not listed.
        effort: (y, x) from 0 to 1, how likely the species would have been found there already.
        reach: distance, in units of x and y, over which the chance of arrival falls to 37 %; without, it does not fall.
        number: of cells at most.
        apart: in units of x and y.
        species: which, the first by default.

    Returns:
        `rank`, `x`, `y`, `priority`, `suitability`, `lower`, `upper`, `extrapolation`, a row a cell; the CRS of the
        maps is the attribute `crs`.

    Raises:
        DataError: another species, other grids, effort beyond 0 and 1, or a reach without occupied cells.
    """
    one = of_species(maps, species).transpose("y", "x", ...)
    priority = one["suitability"].values.astype(float).copy()
    step = tuple(abs(float(one[a][1] - one[a][0])) for a in ("y", "x"))
    for name, grid in (("occupied", occupied), ("effort", effort)):
        if grid is not None and np.shape(grid) != priority.shape:
            raise DataError(f"{name} lies on the grid of the maps {priority.shape}, got {np.shape(grid)}")
    if reach is not None:
        if occupied is None or not np.any(occupied):
            raise DataError("a reach is that from occupied cells, got none; pass occupied=")
        priority *= np.exp(-distance_transform_edt(~np.asarray(occupied, bool), sampling=step) / reach)
    if effort is not None:
        searched = np.asarray(effort, float)
        if np.nanmin(searched) < 0 or np.nanmax(searched) > 1:
            raise DataError(f"effort is a chance from 0 to 1, got {np.nanmin(searched):g} to {np.nanmax(searched):g}")
        priority *= 1 - searched
    if occupied is not None:
        priority[np.asarray(occupied, bool)] = np.nan
    rows, columns = _apart(priority, one, number, apart)
    cells = {"y": xr.DataArray(rows, dims="cell"), "x": xr.DataArray(columns, dims="cell")}
    found = pd.DataFrame(
        {"rank": np.arange(1, len(rows) + 1), "x": one["x"].values[columns], "y": one["y"].values[rows]}
    )
    found["priority"] = priority[rows, columns]
    for name in ("suitability", "lower", "upper", "extrapolation"):
        found[name] = one[name].isel(cells).values
    found.attrs["crs"] = str(maps.rio.crs) if hasattr(maps, "rio") and maps.rio.crs else None
    return found


def _apart(priority: np.ndarray, one: xr.Dataset, number: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-np.nan_to_num(priority, nan=-1.0), axis=None, kind="stable")
    order = order[: int((priority > 0).sum())]
    rows, columns = np.unravel_index(order, priority.shape)
    if not apart:
        return rows[:number], columns[:number]
    x, y = one["x"].values[columns], one["y"].values[rows]
    kept: list[Any] = []
    free = np.ones(len(order), bool)
    while len(kept) < number and free.any():
        first = int(free.argmax())
        kept.append(first)
        free &= np.hypot(x - x[first], y - y[first]) > apart
    return rows[kept], columns[kept]
