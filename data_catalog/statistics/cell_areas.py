"""How much each cell of a grid counts: its area, where the grid says it."""

from __future__ import annotations

import numpy as np
import xarray as xr

LATITUDES = ("lat", "latitude")


def area_weights(data: xr.Dataset, name: str) -> tuple[xr.DataArray | None, str]:
    """Weights of the cells of a variable over some of its dimensions, and what they are.

    The cell areas that its CF attribute `cell_measures` names; else, on a grid with an axis of latitudes, the
    differences of the sines of its bounds, or the cosine where it has none; else nothing: every cell counts the same.
    """
    variable = data[name]
    words = str(variable.attrs.get("cell_measures", variable.encoding.get("cell_measures", ""))).split()
    area = words[words.index("area:") + 1] if "area:" in words[:-1] else ""
    if area in data.variables and {*data[area].dims} <= {*variable.dims}:
        return data[area].astype(np.float64).fillna(0.0).load(), f"cell areas ({area})"
    for dim in variable.dims:
        if dim in data.coords and is_latitude(data[dim]):
            return latitude_weights(data, data[dim])
    return None, "none"


def is_latitude(axis: xr.DataArray) -> bool:
    """Whether an axis holds latitudes in degrees."""
    units = str(axis.attrs.get("units", ""))
    named = str(axis.name).lower() in LATITUDES or axis.attrs.get("standard_name") == "latitude"
    said = units.lower() in ("degrees_north", "degree_north", "degrees_n", "degree_n") or (named and not units)
    return (said or (named and units.startswith("degree"))) and bool((np.abs(axis) <= 90.001).all())


def latitude_weights(data: xr.Dataset, axis: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Weights along an axis of latitudes, from its bounds if it has them."""
    bounds = str(axis.attrs.get("bounds", axis.encoding.get("bounds", "")))
    if bounds in data.variables:
        ends = np.sin(np.radians(np.asarray(data[bounds].values, np.float64)))
        return xr.DataArray(np.abs(ends[:, 1] - ends[:, 0]), dims=axis.dims), f"sines of {bounds}"
    cosine = np.clip(np.cos(np.radians(np.asarray(axis.values, np.float64))), 0, None)
    return xr.DataArray(np.where(cosine < 1e-12, 0.0, cosine), dims=axis.dims), f"cosine of {axis.name}"
