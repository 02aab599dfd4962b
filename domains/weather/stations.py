"""Observations at stations, put on the points of a grid, so that a model can reconstruct what lies between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError

from .grid import Grid

NEEDED = ("time", "latitude", "longitude")


def gridded_stations(table: pd.DataFrame, grid: Grid, units: Mapping[str, str]) -> xr.Dataset:
    """The mean of all stations to which a point of the grid is the nearest; NaN where there is none.

    Args:
        table: a row a station and time, with columns `time` (dates, or ISO 8601 as text; UTC), `latitude` and
            `longitude` (degrees, any branch), and one a variable; stations farther than half a step outside the grid
            are left out.
        grid: such as that of the data that a model was tuned on.
        units: {variable: units}.

    Returns:
        Dims (time, latitude, longitude), times rising; `fill_gaps` reconstructs the rest.

    Raises:
        DataError: a column that is not there, a row without a time, values that are no numbers, or no station on the
            grid.
    """
    if missing := [name for name in (*NEEDED, *units) if name not in table]:
        raise DataError(
            f"a table of stations has columns {[*NEEDED, *units]}, got {sorted(map(str, table.columns))} without "
            f"{missing}; rename or add them"
        )
    rows, columns = (
        _nearest(table["latitude"], grid.latitude, None),
        _nearest(table["longitude"], grid.longitude, 360.0),
    )
    values = pd.DataFrame({name: _numbers(table[name]) for name in units})
    there = (rows >= 0) & (columns >= 0)
    if not there.any():
        raise DataError(
            f"stations lie on the grid, from {grid.latitude[0]:g} to {grid.latitude[-1]:g} north and "
            f"{grid.longitude[0]:g} to {grid.longitude[-1]:g} east, got {len(table)} outside; give degrees, or another "
            "grid"
        )
    times, frame = np.unique(_times(table["time"])[there], return_inverse=True)
    means = values[there].groupby([frame, rows[there], columns[there]]).mean()
    made = {}
    for name, unit in units.items():
        field = np.full((len(times), *grid.shape), np.nan, np.float32)
        field[tuple(means.index.get_level_values(i) for i in range(3))] = means[name]
        made[name] = (NEEDED, field, {"units": unit})
    places = {
        n: (n, list(getattr(grid, n)), {"units": f"degrees_{to}"})
        for n, to in zip(NEEDED[1:], ("north", "east"), strict=True)
    }
    return xr.Dataset(made, {"time": times, **places})


def _times(column: pd.Series) -> np.ndarray:
    found = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    if found.isna().any():
        odd = column[found.isna()].iloc[0]
        raise DataError(f"every row has a time such as 2020-01-31T06:00, got {odd!r}; correct it, or drop the row")
    return found.dt.tz_localize(None).to_numpy("datetime64[ns]")


def _numbers(column: pd.Series) -> np.ndarray:
    found = pd.to_numeric(column, errors="coerce")
    odd = column[found.isna() & column.notna()]
    if len(odd):
        raise DataError(f"observations are numbers, or missing, got {odd.iloc[0]!r} in {column.name!r}; correct it")
    return found.to_numpy(float, na_value=np.nan)


def _nearest(values: pd.Series, points: tuple[float, ...], period: float | None) -> np.ndarray:
    """Which point is the nearest, -1 where all are farther than half a step (and a little) away."""
    line = np.asarray(points)
    away = values.to_numpy(float)[:, None] - line
    if period is not None:
        away = (away + period / 2) % period - period / 2
    nearest = np.abs(away).argmin(1)
    step = np.abs(np.diff(line)).max() if len(line) > 1 else 1.0
    return np.where(np.abs(away).min(1) <= 0.5001 * step, nearest, -1)
