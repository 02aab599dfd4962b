"""Recognising trajectories: which dimension is sample, time, component and space, and what the channels are."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import Column, DataError, did_you_mean, open_store

from .config import Channel
from .published import read_published_layout

log = logging.getLogger(__name__)

NAMES = {
    "sample": ("sample", "samples", "batch", "trajectory", "trajectories", "traj", "case", "run", "realization", "member"),
    "time": ("time", "t", "times", "time_step", "frame"),
    "component": ("component", "components", "channel", "channels", "variable", "vector", "row", "column"),
}
SPACE = ("x", "y", "z", "lat", "lon", "latitude", "longitude", "r", "theta", "phi")
AXES = {"T": "time", "X": "x", "Y": "y", "Z": "z"}
CHANNEL_DIMENSIONS = ("channel", "channels", "variable")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Trajectories under known names.

    Attributes:
        data: the lazy dataset; dimensions `sample`, `time` (not in steady data), space, and those of components.
        channels, columns: what the channels are, and where each lies.
        space: names of the space axes, in order; periodic: which of them close on themselves.
        times: from 0, in `time_units`; None for steady data.
    """

    data: xr.Dataset
    channels: tuple[Channel, ...]
    columns: tuple[Column, ...]
    space: tuple[str, ...]
    periodic: tuple[bool, ...]
    times: np.ndarray | None
    time_units: str


def read_layout(
    source: Any,
    *,
    dims: Mapping[str, str] | None = None,
    variables: Sequence[str] | Mapping[str, str] | None = None,
    periodic: bool | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    layout: str | None = None,
) -> Layout:
    """Open a source and recognise what is in it; see `open_trajectories` for the arguments."""
    data = open_conventional(source, dims, layout)
    fields = field_variables(data, variables)
    space = space_axes(data, fields)
    pairs = [pair for name in fields for pair in expand(data, name, space)]
    channels, columns = choose(pairs, variables if variables is not None else data.attrs.get("default_channels"))
    for name in units or {}:
        if name not in [c.name for c in channels]:
            raise missing_variable(name, [c.name for c in channels])
    times, time_units = read_times(data)
    return Layout(
        data=data,
        channels=tuple(
            Channel(name=c.name, units=(units or {}).get(c.name, c.units), group=c.group) for c in grouped(channels, space)
        ),
        columns=columns,
        space=space,
        periodic=periodic_axes(data, space, periodic),
        times=times,
        time_units=time_units,
    )


def open_conventional(source: Any, dims: Mapping[str, str] | None = None, layout: str | None = None) -> xr.Dataset:
    """The source with its dimensions under Humboldt's names, and always with a `sample`."""
    data = read_published_layout(source, layout)
    data = rename_dimensions(open_store(source) if data is None else data, dims or {})
    if "sample" not in data.dims:
        data = data.map(lambda v: v.expand_dims("sample") if v.ndim else v)
    return data


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
    return data.rename({old: role for old, role in new.items() if old != role})


def role_of(dim: str) -> str | None:
    """What a dimension is by its name, or None; components keep their own name."""
    name = dim.lower()
    for role in ("sample", "time"):
        if name in NAMES[role]:
            return role
    return name if name in NAMES["component"] or name in SPACE else None


def field_variables(data: xr.Dataset, variables: Iterable[str] | None) -> list[str]:
    """Data variables that are fields over space.

    Raises:
        DataError: a variable has a dimension that is not recognised, or none is a field.
    """
    fields = []
    for name, variable in data.data_vars.items():
        unknown = [str(d) for d in variable.dims if role_of(str(d)) is None]
        wanted = variables is None or any(str(v).startswith(str(name)) for v in variables)
        if unknown and variable.ndim > 2 and wanted:
            raise DataError(
                f"every dimension is a sample, time, component or space axis, got {unknown[0]!r} in variable {name!r} with "
                f"{dict(variable.sizes)}; say which it is, such as dims={{'sample': {unknown[0]!r}}}"
            )
        if not unknown and variable.dtype.kind in "fiub" and any(d in SPACE for d in variable.dims):
            fields.append(str(name))
    if not fields:
        raise DataError(
            f"a trajectory file holds variables over space (one of the dimensions {', '.join(SPACE)}), got "
            f"{ {str(k): v.dims for k, v in data.data_vars.items()} }; name the dimensions, such as dims={{'x': 'nx'}}"
        )
    return fields


def space_axes(data: xr.Dataset, fields: Sequence[str]) -> tuple[str, ...]:
    """The space axes, in the order of the first field that has them all; warns of uneven spacing."""
    per_field = {name: tuple(str(d) for d in data[name].dims if d in SPACE) for name in fields}
    space = max(per_field.values(), key=len)
    for name, axes in per_field.items():
        if set(axes) != set(space):
            raise DataError(
                f"all fields share their space axes, got {axes} for {name!r} and {space} for others; "
                "choose variables that lie on one grid, such as variables=[...]"
            )
    for axis in space:
        if axis in data.coords:
            steps = np.diff(np.asarray(data[axis].values, float))
            if len(steps) and np.ptp(steps) > 1e-3 * np.abs(steps).mean():
                warnings.warn(
                    f"models take grids of even spacing, got steps from {steps.min():g} to {steps.max():g} along {axis}; "
                    "interpolate to an even grid if that matters",
                    stacklevel=2,
                )
    return space


def expand(data: xr.Dataset, name: str, space: tuple[str, ...]) -> list[tuple[Channel, Column]]:
    """The channels of a variable: one, or one for each entry of its component dimensions."""
    variable = data[name]
    units = str(variable.attrs.get("units", "1") or "1")
    dims = [str(d) for d in variable.dims if d in NAMES["component"]]
    offsets: Mapping[str, float] = data.attrs.get("offsets", {})
    found = []
    for index in np.ndindex(*(variable.sizes[d] for d in dims)):
        channel = component_name(data, name, dims, index, space)
        column = Column(
            name=channel,
            variable=name,
            index=tuple(zip(dims, map(int, index), strict=True)),
            offset=float(offsets.get(channel, 0.0)),
        )
        found.append((Channel(name=channel, units=units, group=str(variable.attrs.get("group", ""))), column))
    return found


def component_name(
    data: xr.Dataset, name: str, dims: Sequence[str], index: Sequence[int], space: tuple[str, ...]
) -> str:
    """`velocity_x` from the labels of the components, or from the axes where there is one component for each."""
    words = []
    for dim, i in zip(dims, index, strict=True):
        labels = data[dim].values if dim in data.coords else np.arange(data.sizes[dim])
        if labels.dtype.kind in "UOST" and dim in CHANNEL_DIMENSIONS and len(dims) == 1:
            return str(labels[i])
        is_vector = labels.dtype.kind in "iuf" and len(labels) == len(space) > 1 and dim not in CHANNEL_DIMENSIONS
        words.append(space[i] if is_vector else str(labels[i]))
    return "_".join([name, *words])


def choose(
    pairs: Sequence[tuple[Channel, Column]], variables: Sequence[str] | Mapping[str, str] | None
) -> tuple[tuple[Channel, ...], tuple[Column, ...]]:
    """The channels asked for, in that order and under the names asked for; a variable's name stands for all of it."""
    if variables is None:
        chosen = list(pairs)
    else:
        chosen = []
        renames = variables if isinstance(variables, Mapping) else {}
        for wanted in variables:
            found = [p for p in pairs if p[0].name == wanted] or [p for p in pairs if p[1].variable == wanted]
            if not found:
                raise missing_variable(wanted, [c.name for c, _ in pairs])
            if wanted in renames and len(found) > 1:
                raise DataError(f"one channel takes one new name, got {wanted!r} for {[c.name for c, _ in found]}")
            new = renames.get(wanted)
            chosen += [(Channel(name=new, units=c.units), k) for c, k in found] if new else found
    return tuple(c for c, _ in chosen), tuple(k for _, k in chosen)


def missing_variable(name: str, known: Sequence[str]) -> DataError:
    """The error for a name that the data do not have."""
    return DataError(
        f"variables are taken from the data by name, got {name!r}, and the data have {list(known)}"
        f"{did_you_mean(name, known)}"
    )


def grouped(channels: Sequence[Channel], space: tuple[str, ...]) -> list[Channel]:
    """Channels called stem_x, stem_y, ... for every space axis share the group `stem`; a group in the file is kept."""
    names = {c.name for c in channels}

    def group(channel: Channel) -> str:
        stem = channel.name.rsplit("_", 1)[0]
        whole = len(space) > 1 and {f"{stem}_{axis}" for axis in space} <= names
        return channel.group or (stem if whole and channel.name.rsplit("_", 1)[-1] in space else "")

    found = [(c, group(c)) for c in channels]
    return [Channel(name=c.name, units=c.units, group="" if g == c.name else g) for c, g in found]


def read_times(data: xr.Dataset) -> tuple[np.ndarray | None, str]:
    """Times from 0 as float64, and their units; frame numbers where the file gives no times.

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
    times = np.asarray(values, np.float64)
    late = np.flatnonzero(~(np.diff(times) > 0))
    if len(late):
        n = int(late[0]) + 1
        raise DataError(
            f"times increase, got time[{n}] = {times[n]:g} after time[{n - 1}] = {times[n - 1]:g}; "
            "sort the data (data.sortby('time')) and drop repeated frames"
        )
    return times - times[0], units


def periodic_axes(
    data: xr.Dataset, space: tuple[str, ...], periodic: bool | Sequence[str] | None
) -> tuple[bool, ...]:
    """Which axes close on themselves: as said in the call, else in the file's attribute `periodic`, else none."""
    said: Any = data.attrs.get("periodic") if periodic is None else periodic
    if said is None:
        log.info("the data do not say whether they are periodic: taken as not periodic; periodic=True says they are")
        return (False,) * len(space)
    if isinstance(said, bool | np.bool_ | int | np.integer):
        return (bool(said),) * len(space)
    names = said.replace(",", " ").split() if isinstance(said, str) else [str(axis) for axis in np.atleast_1d(said)]
    unknown = [name for name in names if name not in space]
    if unknown:
        raise DataError(f"periodic names space axes {space}, got {unknown[0]!r}; correct it with periodic=...")
    return tuple(axis in names for axis in space)
