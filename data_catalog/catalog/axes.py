"""What the axes of a data set are: the part that each plays, the calendar, the grid, the chunks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

ROLES = {
    "sample": ("sample", "samples", "trajectory", "trajectories", "case", "run", "n", "batch"),
    "time": ("time", "t", "valid_time", "date"),
    "level": ("level", "lev", "plev", "pressure_level", "height"),
    "realization": ("realization", "member", "member_id", "number", "ensemble"),
    "component": ("component", "channel", "channels"),
}
SPACE = ("latitude", "lat", "longitude", "lon", "x", "y", "z", "cell", "row", "node")
CF_AXES = {"T": "time", "Z": "level", "X": "east", "Y": "north"}
CF_NAMES = {
    "time": "time", "air_pressure": "level", "altitude": "level", "height": "level", "depth": "level",
    "realization": "realization", "longitude": "longitude", "latitude": "latitude",
    "projection_x_coordinate": "east", "projection_y_coordinate": "north", "grid_longitude": "east",
    "grid_latitude": "north",
}  # fmt: skip
"""Values of the attributes `axis` and `standard_name` of CF, and what they say of a coordinate."""
AUTHORITY = re.compile(r'(?:AUTHORITY|ID)\["EPSG",\s*"?(\d+)"?\]\s*\]\s*$')
GEOGRAPHIC = ("GEOGCS", "GEOGCRS", "GEODCRS")


def kind_of_axis(data: xr.Dataset, name: str) -> str:
    """`sample`, `time`, `level`, `realization`, `component`, `longitude`, `latitude`, `east`, `north`, `space`, or
    nothing: by the name of the dimension, else by what the attributes of its coordinate say (CF)."""
    low = name.lower()
    for role, known in ROLES.items():
        if low in known:
            return role
    if low in SPACE:
        return "longitude" if low.startswith("lon") else "latitude" if low.startswith("lat") else "space"
    said = data[name].attrs if name in data.coords else {}
    units = str(said.get("units", ""))
    if re.match(r"degrees?_?(north|N)$", units):
        return "latitude"
    if re.match(r"degrees?_?(east|E)$", units):
        return "longitude"
    if " since " in units:
        return "time"
    found = CF_NAMES.get(str(said.get("standard_name", "")), "") or CF_AXES.get(str(said.get("axis", "")).upper(), "")
    return found or ("level" if "positive" in said else "")


def roles_of(data: xr.Dataset) -> dict[str, Any]:
    """{role: dimension}, and the list of dimensions in space."""
    kinds = {str(name): kind_of_axis(data, str(name)) for name in data.sizes}
    found: dict[str, Any] = {}
    for role in ROLES:
        here = next((name for name, kind in kinds.items() if kind == role), None)
        if here is not None:
            found[role] = here
    if "sample" not in found and "row" in kinds:
        found["sample"] = "row"
    spatial = ("space", "longitude", "latitude", "east", "north")
    space = [name for name, kind in kinds.items() if kind in spatial and name not in found.values()]
    return {**found, "space": space} if space else found


def names_of(dims: Mapping[str, Any]) -> list[str]:
    """Every dimension that plays a part."""
    return [name for role, name in dims.items() if role != "space"] + list(dims.get("space", ()))


def calendar_said(data: xr.Dataset, name: str) -> str | None:
    """What the times say; `none` for numbers without an origin, nothing for dates without a calendar."""
    if name not in data.variables:
        return "none"
    attributes = data[name].attrs
    if " since " not in str(attributes.get("units", "")):
        return "none"
    return str(attributes["calendar"]).lower() if "calendar" in attributes else None


def grid_of(data: xr.Dataset, space: list[str]) -> dict[str, Any]:
    """Type, periodic axes, coordinate reference system and first and last coordinates."""
    ends = {}
    for name in space:
        if name in data.coords and data[name].dtype.kind in "fiu" and data[name].ndim == 1 and data[name].size:
            values = np.asarray(data[name].values, float)
            ends[name] = (float(values[0]), float(values[-1]))
    code, is_geographic = reference_system(data)
    kinds = {name: kind_of_axis(data, name) for name in space}
    is_globe = is_geographic or "latitude" in kinds.values()
    said = data.attrs.get("periodic", ())
    periodic = [name for name in space if name in ([said] if isinstance(said, str) else list(np.atleast_1d(said)))]
    for name in space if is_globe and not periodic else ():
        east = kinds[name] == "longitude" or (is_geographic and name.lower() == "x")
        if east and name in ends:
            step = abs(ends[name][1] - ends[name][0]) / max(1, data.sizes[name] - 1)
            periodic += [name] if abs(ends[name][1] - ends[name][0]) + step > 359.9 else []
    grid = {"type": "regular_latlon" if is_globe else "cartesian", "periodic": periodic, "extent": ends}
    if is_globe:
        return {**grid, "crs": code or "EPSG:4326", "units": "degrees"}
    return {**grid, "crs": code} if code else grid


def reference_system(data: xr.Dataset) -> tuple[str | None, bool]:
    """The EPSG code that a grid mapping says (well-known text), and whether its axes are longitude and latitude."""
    for variable in data.variables.values():
        text = str(variable.attrs.get("crs_wkt") or variable.attrs.get("spatial_ref") or "")
        if text:
            found = AUTHORITY.search(text)
            return f"EPSG:{found[1]}" if found else None, text.lstrip().startswith(GEOGRAPHIC)
    return None, False


def chunks_of(data: xr.Dataset, names: list[str]) -> dict[str, int]:
    """Chunks of the first variable that has any, along these dimensions."""
    for variable in data.data_vars.values():
        chunks = variable.encoding.get("chunks") or variable.encoding.get("chunksizes")
        if chunks:
            return {str(dim): int(size) for dim, size in zip(variable.dims, chunks, strict=True) if dim in names}
    return {}
