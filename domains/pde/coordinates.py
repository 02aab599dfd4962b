"""Recognising the axes of trajectories: which dimension is sample, time, component and space."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

log = logging.getLogger(__name__)

NAMES = {
    "sample": ("sample", "samples", "batch", "trajectory", "trajectories", "case", "run", "realization", "member"),
    "time": ("time", "t", "times", "time_step", "frame"),
    "component": ("component", "components", "channel", "channels", "variable", "vector", "row", "column"),
}
SPACE = ("x", "y", "z", "lat", "lon", "latitude", "longitude", "r", "log_r", "theta", "phi")
CARTESIAN = ("x", "y", "z")
AXES = {"T": "time", "X": "x", "Y": "y", "Z": "z"}


def rename_dimensions(data: xr.Dataset, dims: Mapping[str, str]) -> xr.Dataset:
    """Dimensions under the names `sample`, `time`, component and space; `dims` says {'sample': name in the file}."""
    for role, name in dims.items():
        if name not in data.dims:
            raise DataError(
                f"dims maps a role to a dimension of the data, got {role}={name!r}; "
                f"the data have {sorted(map(str, data.dims))}{did_you_mean(name, list(map(str, data.dims)))}"
            )
    new = {name: role for role, name in dims.items()}
    for dim in data.dims:
        axis = AXES.get(str(data[dim].attrs.get("axis", ""))) if dim in data.coords else None
        known = role_of(str(dim)) or axis
        if dim not in new and known and known not in new.values() and (known == dim or known not in data.variables):
            new[str(dim)] = known
    found = data.rename({old: role for old, role in new.items() if old != role})
    said: Any = data.attrs.get("periodic")
    if isinstance(said, str) or np.ndim(said):  # it is written in the names of the file
        found.attrs["periodic"] = [new.get(name, name) for name in names_in(said)]
    return found


def role_of(dim: str) -> str | None:
    """What a dimension is by its name, or None; components keep their own name."""
    name = dim.lower()
    for role in ("sample", "time"):
        if name in NAMES[role]:
            return role
    return name if name in NAMES["component"] or name in SPACE else None


def space_axes(data: xr.Dataset, fields: Sequence[str]) -> tuple[str, ...]:
    """The space axes: x, y, z in this order, others as in the first field with all of them; warns of uneven spacing."""
    per_field = {name: tuple(str(d) for d in data[name].dims if d in SPACE) for name in fields}
    space = max(per_field.values(), key=len)
    if set(space) <= set(CARTESIAN):
        space = tuple(sorted(space))
    for name, axes in per_field.items():
        if not set(axes) <= set(space):
            raise DataError(
                f"all fields share their space axes, got {axes} for {name!r} and {space} for others; "
                "choose variables that lie on one grid, such as variables=[...]"
            )
    for axis in space:
        if axis in data.coords:
            steps = np.diff(np.asarray(data[axis].values, float))
            if len(steps) and np.ptp(steps) > 1e-3 * np.abs(steps).mean():
                warnings.warn(
                    f"models take grids of even spacing, got steps of {steps.min():g} to {steps.max():g} along {axis}; "
                    "interpolate to an even grid if that matters",
                    stacklevel=2,
                )
    return space


def side_lengths(data: xr.Dataset, space: Sequence[str]) -> tuple[float, ...]:
    """Lengths of a domain along its axes: points times their spacing, which is that of another axis (or 1 / the most
    points) where an axis has no coordinates; negative where coordinates fall, so that slopes have their sign."""
    sizes = [data.sizes[axis] for axis in space]
    known = [np.asarray(data[axis].values[:2], float) if axis in data.coords else np.empty(0) for axis in space]
    steps = [float(pair[1] - pair[0]) if len(pair) == 2 else 0.0 for pair in known]
    spare = next((abs(step) for step in steps if step), 1 / max(sizes))
    return tuple((step or spare) * points for step, points in zip(steps, sizes, strict=True))


def read_times(data: xr.Dataset) -> tuple[np.ndarray | None, str]:
    """Times from 0 as float64, and their units (seconds, of dates of any calendar); frame numbers where the file gives
    no times.

    Raises:
        DataError: one frame only, or times that do not increase.
    """
    if "time" not in data.dims:
        return None, "1"
    if data.sizes["time"] < 2:
        raise DataError(
            f"a trajectory has at least two frames, got {data.sizes['time']}; for steady data drop the time dimension "
            "(data.isel(time=0)) and name inputs and outputs"
        )
    if "time" not in data.coords:
        log.warning("the data give no times: frames are counted as 0, 1, 2, ... (units 1)")
        return np.arange(data.sizes["time"], dtype=np.float64), "1"
    values, units = data["time"].values, str(data["time"].attrs.get("units", "1") or "1").split(" since ")[0]
    if values.dtype.kind in "mM":
        values, units = (values - values[0]) / np.timedelta64(1, "s"), "s"
    elif values.dtype.kind == "O" and hasattr(values[0], "timetuple"):  # dates of other calendars
        values, units = np.array([span.total_seconds() for span in values - values[0]]), "s"
    times = np.asarray(values, np.float64)
    late = np.flatnonzero(~(np.diff(times) > 0))
    if len(late):
        n = int(late[0]) + 1
        raise DataError(
            f"times increase, got time[{n}] = {times[n]:g} after time[{n - 1}] = {times[n - 1]:g}; "
            "sort the data (data.sortby('time')) and drop repeated frames"
        )
    return times - times[0], units


def periodic_axes(data: xr.Dataset, space: tuple[str, ...], periodic: bool | Sequence[str] | None) -> tuple[bool, ...]:
    """Which axes close on themselves: as said in the call, else in the file's attribute `periodic`, else none."""
    said: Any = data.attrs.get("periodic") if periodic is None else periodic
    if said is None:
        log.info("the data do not say whether they are periodic: taken as not periodic; periodic=True says they are")
        return (False,) * len(space)
    if isinstance(said, bool | np.bool_ | int | np.integer):
        return (bool(said),) * len(space)
    names = names_in(said)
    unknown = [name for name in names if name not in space]
    if unknown:
        raise DataError(f"periodic names space axes {space}, got {unknown[0]!r}; correct it with periodic=...")
    return tuple(axis in names for axis in space)


def names_in(said: Any) -> list[str]:
    """Names in a text, separated by spaces or commas, or in a list."""
    return said.replace(",", " ").split() if isinstance(said, str) else [str(name) for name in np.atleast_1d(said)]
