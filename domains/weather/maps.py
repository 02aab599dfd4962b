"""Maps of fields on the Earth, with coastlines and without a network.

With cartopy the globe is drawn in the Robinson projection; without it, and for regions, rows and columns are drawn as
they are. The coastline is a coarse one that comes with the package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from humboldt.foundations import pyplot

from .grid import Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = ("latitude", "longitude")
SIGNED, PLAIN, MISSING = "RdBu_r", "viridis", "#d9d9d9"


def forecast_maps(forecast: xr.Dataset, lead_times: Sequence[float | int] = (), most: int = 6) -> Figure:
    """A row per variable, a column per lead time; a row shares its colours, symmetric about 0 if it has both signs.

    Of several levels the middle one is drawn, of members their mean, of initial times the first. States without lead
    times (analyses, finer fields) are drawn at four of their times.

    Args:
        forecast: as `forecast` or `task_predictions` makes it.
        lead_times: those nearest to these; by default four, evenly spread.
        most: variables.

    Raises:
        ValueError: no variable has a lead time, a latitude and a longitude.
    """
    if "lead_time" not in forecast.dims and "time" in forecast.dims:
        return _state_maps(forecast, most)
    if "lead_time" in forecast.dims and forecast["lead_time"].dtype.kind == "m":
        forecast = forecast.assign_coords(lead_time=forecast["lead_time"] / np.timedelta64(1, "h"))
    fields = {f"{name}": _flat(x) for name, x in forecast.data_vars.items() if {"lead_time", *PLACE} <= set(x.dims)}
    if not fields:
        raise ValueError(
            f"maps are drawn of variables with lead_time, latitude and longitude, got {dict(forecast.sizes)}; plot the "
            "forecast with xarray"
        )
    fields = dict(list(fields.items())[:most])
    there = forecast["lead_time"].values
    times = list(lead_times) or there[np.unique(np.linspace(0, len(there) - 1, 4).round().astype(int))].tolist()
    figure, axes = map_axes(len(fields), len(times), grid_of(forecast))
    for row, (name, field) in zip(axes, fields.items(), strict=True):
        chosen = field.sel(lead_time=times, method="nearest")
        style = colours(chosen)
        images = [draw(axis, x, **style) for axis, x in zip(row, chosen, strict=True)]
        figure.colorbar(images[0], ax=row.tolist(), shrink=0.85, pad=0.02, label=_label(name, field))
    for axis, time in zip(axes[0], times, strict=True):
        axis.set_title(f"lead time {time:g} h", fontsize=10)
    return figure


def _state_maps(states: xr.Dataset, most: int) -> Figure:
    """A row per variable, a column for each of four times."""
    count = states.sizes["time"]
    places = np.unique(np.linspace(0, count - 1, 4).round().astype(int))
    dates = [str(time)[:16].replace("T", " ") for time in states["time"].values[places]]
    numbered = states.isel(time=places).drop_vars("time").rename(time="lead_time")
    figure = forecast_maps(numbered.assign_coords(lead_time=np.arange(len(places))), most=most)
    for axis, date in zip(figure.axes, dates, strict=False):
        axis.set_title(date, fontsize=10)
    return figure


def map_axes(rows: int, columns: int, grid: Grid) -> tuple[Figure, np.ndarray]:
    """Axes (rows, columns) for fields on the grid, their coastlines drawn."""
    longitude, latitude = grid.longitude_edges(), grid.latitude_edges()
    wide, high = longitude[-1] - longitude[0], abs(latitude[-1] - latitude[0])
    stretch = 1.0 if wide > 300 else 1 / max(0.2, float(np.cos(np.deg2rad(latitude.mean()))))
    width = 3.2 if wide > 300 else 2.7
    height = float(np.clip(width * stretch * high / wide, 1.0, 4.0))
    projection = _projection(float(longitude.mean())) if wide > 300 else None
    figure, axes = pyplot().subplots(
        rows, columns, figsize=(width * columns + 1.2, (height + 0.25) * rows + 0.3), squeeze=False,
        layout="constrained", subplot_kw={} if projection is None else {"projection": projection},
    )  # fmt: skip
    for axis in axes.flat:
        coastlines(axis)
        if projection is not None:
            axis.set_global()
            continue
        axis.set(xlim=longitude[[0, -1]], ylim=np.sort(latitude[[0, -1]]), xticks=[], yticks=[], facecolor=MISSING)
        axis.set_aspect(stretch)
    return figure, axes


def draw(axis: Axes, field: xr.DataArray, **style: Any) -> Any:
    """One field (latitude, longitude) on an axis of `map_axes`; what is missing stays grey."""
    grid = grid_of(field)
    values = np.ma.masked_invalid(field.transpose(*PLACE).values)
    edges = grid.longitude_edges(), grid.latitude_edges()
    return axis.pcolormesh(*edges, values, rasterized=True, **placed(axis), **style)


def colours(field: xr.DataArray) -> dict[str, Any]:
    """Limits and colours of a field and all that is drawn beside it."""
    known = np.isfinite(field.values).any()
    low, high = (float(field.min()), float(field.max())) if known else (0.0, 1.0)
    if low < 0 < high:
        return {"cmap": SIGNED, "vmin": -max(-low, high), "vmax": max(-low, high)}
    return {"cmap": PLAIN, "vmin": low, "vmax": high}


def coastlines(axis: Axes) -> None:
    """The coarse coastline, on all branches of longitude."""
    from matplotlib.collections import LineCollection

    turns = (0,) if placed(axis) else (-360, 0, 360)
    lines = [np.stack([longitude + turn, latitude], axis=-1) for longitude, latitude in coast() for turn in turns]
    drawn = LineCollection(lines, colors="#202020", linewidths=0.6, zorder=2, **placed(axis))
    axis.add_collection(drawn, autolim=False)


@cache
def coast() -> list[tuple[np.ndarray, np.ndarray]]:
    """Lines as longitudes (-180 to 180) and latitudes, from Natural Earth (public domain)."""
    lines = json.loads(Path(__file__).with_name("coastline.json").read_text())["lines"]
    return [(np.array(line)[:, 0], np.array(line)[:, 1]) for line in lines]


def placed(axis: Axes) -> dict[str, Any]:
    """How an axis is told that coordinates are degrees: nothing on a plain one."""
    if not hasattr(axis, "projection"):
        return {}
    from cartopy.crs import PlateCarree

    return {"transform": PlateCarree()}


def grid_of(data: xr.Dataset | xr.DataArray) -> Grid:
    """Where the rows and columns of a labelled field lie."""
    return Grid(*(tuple(data[name].values.astype(float).tolist()) for name in PLACE))


def _projection(middle: float) -> Any:
    """Robinson's where cartopy is installed."""
    try:
        from cartopy.crs import Robinson
    except ImportError:
        return None
    return Robinson(central_longitude=middle)


def _flat(field: xr.DataArray) -> xr.DataArray:
    """Lead time, latitude, longitude."""
    field = field.mean("number", keep_attrs=True) if "number" in field.dims else field
    rest = {d: field.sizes[d] // 2 if d == "level" else 0 for d in field.dims if d not in ("lead_time", *PLACE)}
    return field.isel(rest).transpose("lead_time", *PLACE)


def _label(name: str, field: xr.DataArray) -> str:
    level = f" {field['level'].item():g} {field['level'].attrs.get('units', '')}" if "level" in field.coords else ""
    units = field.attrs.get("units", "1")
    return name + level.rstrip() + (f" / {units}" if units != "1" else "")
