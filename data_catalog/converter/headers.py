"""What files say about themselves, and whether they agree: their coordinates are read, their fields are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..errors import DataError
from ..units import same_units
from .calendars import is_dated, one_calendar, rebased
from .formats import open_file
from .joined_array import PartArray


@dataclass(frozen=True, kw_only=True)
class Field:
    """A variable of a file: everything but its values; `native` are the chunks in which the file holds it."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    attrs: dict[str, Any]
    native: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Header:
    """A file, or several joined: its coordinates in memory, its variables described, its attributes.

    Attributes:
        arrays: the values of variables, where they were joined from several files.
    """

    path: str
    sizes: dict[str, int]
    coords: dict[str, xr.Variable]
    fields: dict[str, Field]
    attrs: dict[str, Any]
    arrays: dict[str, PartArray] = dataclasses.field(default_factory=dict)


def read_headers(paths: Sequence[str], group: str | None = None, seen: Callable[[], Any] = int) -> list[Header]:
    """The headers of files, with dated times in the units of the first file; equal coordinates are held once.

    Raises:
        DataError: a file that cannot be read, or calendars that differ.
    """
    headers: list[Header] = []
    for path in paths:
        headers.append(read_header(path, group, headers[0].coords if headers else {}))
        seen()
    return with_one_time_unit(headers)


def read_header(path: str, group: str | None, like: dict[str, xr.Variable]) -> Header:
    """The header of one file."""
    data = open_file(path, group)
    coords = {str(name): data[name].variable.load() for name in data.coords}
    coords = {
        name: like[name] if name in like and found.identical(like[name]) else found for name, found in coords.items()
    }
    fields = {}
    for name, variable in data.data_vars.items():
        attrs = {**variable.attrs, **linked(variable.encoding)}
        shape, dims = variable.shape, tuple(map(str, variable.dims))
        fields[str(name)] = Field(
            dims=dims, shape=shape, dtype=variable.dtype, attrs=attrs, native=native_chunks(variable.variable)
        )
    sizes = {str(dim): size for dim, size in data.sizes.items()}
    return Header(path=path, sizes=sizes, coords=coords, fields=fields, attrs=dict(data.attrs))


def linked(encoding: Any) -> dict[str, Any]:
    """The names of other variables that xarray keeps apart from the attributes."""
    return {
        key: encoding[key]
        for key in ("grid_mapping", "cell_measures", "bounds", "ancillary_variables")
        if key in encoding
    }


def native_chunks(variable: xr.Variable) -> dict[str, int]:
    """Chunks in which a variable is stored or computed; none for what can be read in any piece."""
    if variable.chunks is not None:
        return {str(dim): max(sizes) for dim, sizes in zip(variable.dims, variable.chunks, strict=True)}
    found = variable.encoding.get("preferred_chunks") or {}
    return {str(dim): int(found[dim]) for dim in variable.dims if dim in found}


def rename_with_chunks(data: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    """A dataset under other names {old: new}; the chunks in which it is stored are known under the new ones too."""
    found = data.rename(names)
    for variable in found.variables.values():
        native = variable.encoding.get("preferred_chunks")
        if native:
            chunks = {names.get(dim, dim): length for dim, length in native.items()}
            variable.encoding = {**variable.encoding, "preferred_chunks": chunks}
    return found


def with_one_time_unit(headers: list[Header]) -> list[Header]:
    """The headers with every dated coordinate in the units of the first file."""
    dated = [name for name, values in headers[0].coords.items() if is_dated(values)]
    for name in dated:
        here = {h.path: h.coords[name] for h in headers if name in h.coords}
        calendar, wanted = one_calendar(here), str(headers[0].coords[name].attrs["units"])
        for header in headers:
            times = header.coords.get(name)
            if times is not None and is_dated(times) and times.attrs["units"] != wanted:
                rebase(header, name, str(times.attrs["units"]), calendar, wanted)
    return headers


def rebase(header: Header, name: str, units: str, calendar: str, wanted: str) -> None:
    """Bring a time coordinate of a header, and its bounds, to other units."""
    times = header.coords[name]
    bounds = str(times.encoding.get("bounds", times.attrs.get("bounds", "")))
    for key in {name, bounds} & header.coords.keys():
        old = header.coords[key]
        attrs = {**old.attrs, "units": wanted} if "units" in old.attrs else old.attrs
        values = rebased(np.asarray(old.values), units, calendar, wanted)
        header.coords[key] = xr.Variable(old.dims, values, attrs, old.encoding)


def agreed(headers: Sequence[Header], along: str) -> list[str]:
    """Check that files hold the same variables on the same grid, in the same units; what differs harmlessly is named.

    Raises:
        DataError: variables, dimensions, sizes or units that differ.
    """
    first, notes = headers[0], []
    for other in headers[1:]:
        for name, field in first.fields.items():
            require_alike(first.path, field, other.path, other.fields[name], name, along)
            notes += [f"attribute {key!r} of {name}" for key in differing(field.attrs, other.fields[name].attrs)]
        notes += [f"attribute {key!r}" for key in differing(first.attrs, other.attrs)]
    return list(dict.fromkeys(notes))


def require_alike(path: str, field: Field, other_path: str, other: Field, name: str, along: str) -> None:
    """Refuse two fields that cannot stand in one variable."""
    units = [str(f.attrs.get("units", "")) for f in (field, other)]
    if not same_units(*units):
        raise DataError(
            f"files that are joined share their units, got {units[0]!r} for {name} in {path} and {units[1]!r} in "
            f"{other_path}; convert one of them, or correct its attribute 'units'"
        )
    shapes = [dict(zip(f.dims, f.shape, strict=True)) for f in (field, other)]
    sizes = [{d: n for d, n in shape.items() if d != along} for shape in shapes]
    if field.dims != other.dims or sizes[0] != sizes[1] or "O" in (field.dtype.kind, other.dtype.kind):
        raise DataError(
            f"files that are joined along {along!r} share everything else, got {name} {shapes[0]} in {path} and "
            f"{shapes[1]} in {other_path}; leave one of them out, or name the dimension to join along"
        )


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of attributes that are not the same."""
    return [k for k in {**one, **other} if not np.array_equal(np.asarray(one.get(k)), np.asarray(other.get(k)))]
