"""Recognising trajectories: the channels of a file, and where each lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import Column, DataError, did_you_mean, open_store

from .config import Channel
from .coordinates import NAMES, SPACE, periodic_axes, read_times, rename_dimensions, role_of, space_axes
from .pdegym import read_published

PRIVATE_ATTRIBUTES = ("offsets", "split", "default_channels", "inputs", "outputs")
CHANNEL_DIMENSIONS = ("channel", "channels", "variable")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Trajectories under known names.

    Attributes:
        channels, columns: what the channels are, and where each lies.
        space: names of the space axes, in order; periodic: which of them close on themselves.
        times: from 0, in `time_units`; None for steady data.
        attributes: of the file.
    """

    channels: tuple[Channel, ...]
    columns: tuple[Column, ...]
    space: tuple[str, ...]
    periodic: tuple[bool, ...]
    times: np.ndarray | None
    time_units: str
    attributes: Mapping[str, Any]


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
    if variables is None:
        variables = data.attrs.get("default_channels")
    fields = field_variables(data, variables)
    space = space_axes(data, fields)
    pairs = [pair for name in fields for pair in expand(data, name, space)]
    channels, columns = choose(pairs, variables, grouped([channel for channel, _ in pairs], space))
    times, time_units = read_times(data)
    return Layout(
        channels=grouped(relabelled(channels, units or {}), space),
        columns=columns,
        space=space,
        periodic=periodic_axes(data, space, periodic),
        times=times,
        time_units=time_units,
        attributes=dict(data.attrs),
    )


def open_conventional(source: Any, dims: Mapping[str, str] | None = None, layout: str | None = None) -> xr.Dataset:
    """The source with its dimensions under Humboldt's names."""
    data = read_published(source, layout)
    return rename_dimensions(open_store(source) if data is None else data, dims or {})


def labelled(data: xr.Dataset, layout: Layout) -> xr.Dataset:
    """The channels of a layout in data of it, one variable each, lazy where nothing is subtracted."""
    fields = {}
    for channel, column in zip(layout.channels, layout.columns, strict=True):
        field = data[column.variable].isel(dict(column.index), drop=True)
        fields[channel.name] = field - column.offset if column.offset else field
        fields[channel.name].attrs = {**field.attrs, "units": channel.units}
    attrs = {k: v for k, v in data.attrs.items() if k not in PRIVATE_ATTRIBUTES}
    closed = [axis for axis, periodic in zip(layout.space, layout.periodic, strict=True) if periodic]
    return xr.Dataset(fields, attrs={**attrs, "periodic": closed})


def field_variables(data: xr.Dataset, variables: Iterable[str] | None) -> list[str]:
    """Data variables that are fields over space; a parameter without space axes is one if it is asked for by name.

    Raises:
        DataError: a variable has a dimension that is not recognised, or none is a field.
    """
    fields = []
    for name, variable in data.data_vars.items():
        unknown = [str(d) for d in variable.dims if role_of(str(d)) is None]
        wanted = variables is None or any(str(v).startswith(str(name)) for v in variables)
        if unknown and variable.ndim > 2 and wanted:
            raise DataError(
                f"every dimension is a sample, time, component or space axis, got {unknown[0]!r} in variable {name!r} "
                f"with {dict(variable.sizes)}; say which it is, such as dims={likely_roles(variable.dims, unknown)}"
            )
        is_field = any(d in SPACE for d in variable.dims) or (variables is not None and str(name) in variables)
        if not unknown and variable.dtype.kind in "fiub" and is_field:
            fields.append(str(name))
    if not fields:
        raise DataError(
            f"a trajectory file holds variables over space (one of the dimensions {', '.join(SPACE)}), got "
            f"{ {str(k): v.dims for k, v in data.data_vars.items()} }; name the dimensions, such as dims={{'x': 'nx'}}"
        )
    return fields


def likely_roles(dims: Iterable[Any], unknown: Sequence[str]) -> dict[str, str]:
    """{role: name} that dimensions of unknown names may have: axes of space once samples and times are known."""
    known = {role_of(str(d)) for d in dims}
    if {"sample", "time"} <= known:
        return dict(zip([axis for axis in SPACE if axis not in dims], unknown, strict=False))
    return {"sample": unknown[0]}


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


def split_components(data: xr.Dataset) -> xr.Dataset:
    """Variables with component dimensions as one variable a component, named as the channels that `expand` finds."""
    space = tuple(sorted({str(d) for v in data.data_vars.values() for d in v.dims if d in SPACE}))
    parts: dict[str, xr.DataArray] = {}
    for name, variable in data.data_vars.items():
        if not any(d in NAMES["component"] for d in variable.dims):
            parts[str(name)] = variable
            continue
        for channel, column in expand(data, str(name), space):
            parts[channel.name] = variable.isel(dict(column.index), drop=True)
    return xr.Dataset(parts, attrs=data.attrs)


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
    pairs: Sequence[tuple[Channel, Column]],
    variables: Sequence[str] | Mapping[str, str] | None,
    vectors: Sequence[Channel],
) -> tuple[tuple[Channel, ...], tuple[Column, ...]]:
    """The channels asked for, in that order and under the names asked for; the name of a variable, or of the group that
    a channel has in `vectors`, stands for all of it."""
    if variables is None:
        chosen = list(pairs)
    else:
        chosen = []
        renames = variables if isinstance(variables, Mapping) else {}
        for wanted in variables:
            found = [p for p in pairs if p[0].name == wanted] or [p for p in pairs if p[1].variable == wanted]
            found = found or [p for p, c in zip(pairs, vectors, strict=True) if c.error_group == wanted]
            if not found:
                raise missing_variable(wanted, [c.name for c, _ in pairs])
            if wanted in renames and len(found) > 1:
                raise DataError(f"one channel takes one new name, got {wanted!r} for {[c.name for c, _ in found]}")
            new = renames.get(wanted)
            chosen += [(Channel(name=new, units=c.units), replace(k, name=new)) for c, k in found] if new else found
    return tuple(c for c, _ in chosen), tuple(k for _, k in chosen)


def missing_variable(name: str, known: Sequence[str]) -> DataError:
    """The error for a name that the data do not have."""
    return DataError(
        f"variables are taken from the data by name, got {name!r}, and the data have {list(known)}"
        f"{did_you_mean(name, known)}"
    )


def relabelled(channels: Sequence[Channel], units: Mapping[str, str]) -> list[Channel]:
    """Channels with the units that the call corrects."""
    names = [channel.name for channel in channels]
    for name in units:
        if name not in names:
            raise missing_variable(name, names)
    return [replace(channel, units=units.get(channel.name, channel.units)) for channel in channels]


def grouped(channels: Sequence[Channel], space: tuple[str, ...]) -> tuple[Channel, ...]:
    """Channels called stem_x, stem_y, ... for every space axis share the group `stem`; a group in the file is kept."""
    names = {c.name for c in channels}

    def group(channel: Channel) -> str:
        stem = channel.name.rsplit("_", 1)[0]
        whole = len(space) > 1 and {f"{stem}_{axis}" for axis in space} <= names
        return channel.group or (stem if whole and channel.name.rsplit("_", 1)[-1] in space else "")

    return tuple(replace(c, group="" if group(c) == c.name else group(c)) for c in channels)
