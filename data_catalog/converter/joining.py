"""Many files as one lazy dataset: along a dimension that they continue, along a new one, or over a grid of two."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from xarray.core import indexing

from ..errors import DataError
from .calendars import is_dated
from .formats import open_file
from .headers import Field, Header, agreed, read_headers
from .joined_array import FileArray, JoinedArray, PartArray

MEMBERS = ("member", "realization", "realisation", "number", "ensemble", "ensemble_member")
"""Coordinates of a single value by which the files of an ensemble are told apart."""
SAMPLES = ("sample", "samples", "trajectory", "trajectories", "case", "run", "batch")


def join_files(
    paths: Sequence[str], *, join: str | None = None, group: str | None = None, seen: Any = int
) -> tuple[xr.Dataset, list[str]]:
    """Files as one lazy dataset, and what was left out of it because it differs between them.

    Files with other variables on the same coordinates are put side by side. Files with the same variables continue each
    other along the one dimension whose coordinate differs (`join` names it), in the order of that coordinate, or fill a
    grid of two, such as periods of the members of an ensemble; if none differs, each file is a sample of its own.

    Raises:
        DataError: files that do not fit together: units, calendar, grid, or times that overlap.
    """
    headers = read_headers(paths, group, seen)
    families: dict[tuple[str, ...], list[Header]] = {}
    for header in headers:
        families.setdefault(tuple(sorted(header.fields)), []).append(header)
    require_separate(list(families), headers)
    parts, notes = [], []
    for family in families.values():
        part, differing = join_family(family, join, group)
        parts.append(part)
        notes += differing
    try:
        data = xr.merge(parts, join="exact", compat="equals", combine_attrs="drop_conflicts")
    except (ValueError, xr.MergeError) as error:
        raise DataError(
            f"files that hold different variables share their coordinates, got {[h.path for h in headers[:3]]}... "
            f"({error}); convert them one by one"
        ) from error
    return data, list(dict.fromkeys(notes))


def require_separate(families: list[tuple[str, ...]], headers: list[Header]) -> None:
    """Refuse files that share some of their variables only."""
    for one, other in itertools.combinations(families, 2):
        if set(one) & set(other):
            here = [next(h.path for h in headers if tuple(sorted(h.fields)) == names) for names in (one, other)]
            raise DataError(
                f"files hold the same variables, or have none in common, got {list(one)} in {here[0]} and "
                f"{list(other)} in {here[1]}; name the variables to take, or leave files out"
            )


def join_family(headers: list[Header], join: str | None, group: str | None) -> tuple[xr.Dataset, list[str]]:
    """Files with the same variables as one dataset."""
    *outer, dim = [join] if join else join_dimensions(headers)
    rows = in_rows(headers, outer[0], dim) if outer else [headers]
    joined = [join_along(row, dim, group) for row in rows]
    notes = [note for _, found in joined for note in found]
    whole = joined[0][0]
    if outer:
        whole, more = join_along([header for header, _ in joined], outer[0], group)
        notes += more
    fields = {name: lazily(field, whole.arrays[name], group) for name, field in whole.fields.items()}
    return xr.Dataset(fields, whole.coords, whole.attrs), notes


def in_rows(headers: list[Header], outer: str, dim: str) -> list[list[Header]]:
    """The files of each place along `outer`, in its order.

    Raises:
        DataError: rows that do not all have the same places along `dim`.
    """
    rows: dict[bytes, list[Header]] = {}
    for header in headers:
        place = header.coords.get(outer)
        rows.setdefault(b"" if place is None else np.asarray(place.values).tobytes(), []).append(header)
    found = [in_order(row, dim) for row in rows.values()]
    first = found[0]
    if len(found) < 2 or any(len(row) != len(first) or any(map(varies, first, row, [dim] * len(row))) for row in found):
        raise not_a_grid(headers, [outer, dim])
    return found


def not_a_grid(headers: list[Header], dims: list[str]) -> DataError:
    """The error for files that differ along several dimensions."""
    return DataError(
        f"files continue each other along one dimension, or fill a grid of two, got files that differ along {dims}, "
        f"such as {headers[0].path} and {headers[-1].path}, and leave gaps; convert them in groups, or name the "
        "dimension to join along"
    )


def join_along(headers: list[Header], dim: str, group: str | None) -> tuple[Header, list[str]]:
    """Files, or what was joined before, as one header along a dimension, and what was left out."""
    new = not any(dim in field.dims for field in headers[0].fields.values())
    headers = headers if new else in_order(headers, dim)
    notes = agreed(headers, dim)
    lengths = [1 if new else h.sizes.get(dim, 1) for h in headers]
    first = headers[0]
    coords = {}
    for name in first.coords:
        joined = join_coordinate(headers, name, dim, new)
        if joined is None:
            notes.append(f"coordinate {name!r}")
        else:
            coords[name] = joined
    if len({str(h.coords[dim].values) for h in headers if dim in h.coords}) == 1 and len(headers) > 1:
        coords.pop(dim, None)  # each file counts its samples from the same number
    left = {note.removeprefix("attribute ").strip("'") for note in notes}
    fields: dict[str, Field] = {}
    arrays: dict[str, PartArray] = {}
    for name, field in first.fields.items():
        attrs = {k: v for k, v in field.attrs.items() if f"attribute {k!r} of {name}" not in notes}
        dtype = np.result_type(*[h.fields[name].dtype for h in headers])
        fields[name], axis = joined_field(field, dim, sum(lengths), new, attrs, dtype)
        parts = [h.arrays.get(name) or FileArray(h.path, group, name) for h in headers]
        if dim in fields[name].dims:
            arrays[name] = JoinedArray(parts, lengths, axis, axis == 0 and new, fields[name].shape, dtype)
        else:
            arrays[name] = parts[0]
    attrs = {k: v for k, v in first.attrs.items() if k not in left}
    sizes = {**first.sizes, dim: sum(lengths)}
    return Header(path=first.path, sizes=sizes, coords=coords, fields=fields, attrs=attrs, arrays=arrays), notes


def joined_field(
    field: Field, dim: str, length: int, new: bool, attrs: dict[str, Any], dtype: np.dtype
) -> tuple[Field, int]:
    """A field over all files and its joined axis; that of the first file where it has no part in the dimension."""
    if not new and dim not in field.dims:
        return Field(dims=field.dims, shape=field.shape, dtype=dtype, attrs=attrs, native=field.native), 0
    dims = (dim, *field.dims) if new else field.dims
    sizes = dict(zip(field.dims, field.shape, strict=True)) | {dim: length}
    shape = tuple(sizes[d] for d in dims)
    native = {d: field.native.get(d, 1 if d == dim and new else sizes[d]) for d in dims} if field.native or new else {}
    return Field(dims=dims, shape=shape, dtype=dtype, attrs=attrs, native=native), dims.index(dim)


def lazily(field: Field, array: Any, group: str | None) -> xr.Variable:
    """A field as a lazy variable; a single value is read."""
    if isinstance(array, FileArray):
        if not field.shape:
            return xr.Variable((), open_file(array.path, group)[array.name].values, field.attrs)
        array = JoinedArray([array], [max(1, field.shape[0])], 0, False, field.shape, field.dtype)
    variable = xr.Variable(field.dims, indexing.LazilyIndexedArray(array), field.attrs)
    variable.encoding["preferred_chunks"] = field.native
    return variable


def join_dimensions(headers: list[Header]) -> list[str]:
    """The dimension along which files continue each other, by their coordinates, or the two of a grid, dates last.

    Raises:
        DataError: more of them, files of one period twice, or files of different lengths that do not say which.
    """
    first = headers[0]
    dims = {d: None for field in first.fields.values() for d in field.dims}
    if len(headers) == 1 and dims:
        return [next(iter(dims))]  # a file of other variables than the rest gets no dimension of its own
    apart = [name for name in MEMBERS if name in first.coords and name not in dims and differs(headers, name)]
    apart += [d for d in first.sizes if d in dims and any(varies(first, other, d) for other in headers[1:])]
    for dim in apart:
        if dim in dims and dim not in (*first.coords, *MEMBERS) and dim.lower() not in SAMPLES:
            other = next(h for h in headers if varies(first, h, dim))
            raise DataError(
                f"files say by their coordinates how they continue each other, got {first.sizes[dim]} along {dim!r} in "
                f"{first.path} and {other.sizes.get(dim)} in {other.path}, without any; if they continue each other, "
                f"say so with join={dim!r}, and if they are runs, cut them to one length"
            )
    dated = [d for d in dims if d in first.coords and is_dated(first.coords[d])]
    if len(apart) in (1, 2):
        return sorted(apart, key=lambda name: name in dated)
    if len(apart) > 2:
        raise not_a_grid(headers, apart)
    if dated and len(headers) > 1:
        raise DataError(
            f"files that are joined do not overlap, got the same {dated[0]} in {headers[0].path} and "
            f"{headers[1].path}; leave one out, or if they are independent, say so with join='sample'"
        )
    return [next((name for name in SAMPLES if name in dims), "sample")]


def differs(headers: list[Header], name: str) -> bool:
    """Whether a coordinate of a single value differs between files."""
    found = [h.coords.get(name) for h in headers]
    return (
        all(v is not None and not v.shape for v in found) and len({str(v.values) for v in found if v is not None}) > 1
    )


def varies(one: Header, other: Header, dim: str) -> bool:
    """Whether two files have other places along a dimension."""
    if dim in one.coords and dim in other.coords:
        return not np.array_equal(one.coords[dim].values, other.coords[dim].values)
    return one.sizes.get(dim) != other.sizes.get(dim)


def in_order(headers: list[Header], dim: str) -> list[Header]:
    """The files in the order of their coordinate, as they are named where there is none.

    Raises:
        DataError: files that overlap.
    """
    if dim not in headers[0].coords or headers[0].coords[dim].dtype.kind not in "iuf" or len(headers) == 1:
        return headers
    ends = {h.path: (h.coords[dim].values.flat[0], h.coords[dim].values.flat[-1]) for h in headers}
    if len(set(ends.values())) == 1:
        return headers
    falling = any(last < start for start, last in ends.values())
    ordered = sorted(headers, key=lambda h: ends[h.path][0], reverse=falling)
    for one, other in itertools.pairwise(ordered):
        step = ends[other.path][0] - ends[one.path][1]
        if (step >= 0 if falling else step <= 0) or np.isnan(step):
            units = str(one.coords[dim].attrs.get("units", "")).strip()
            raise DataError(
                f"files that are joined do not overlap, got {dim} up to {ends[one.path][1]:g} in {one.path} and from "
                f"{ends[other.path][0]:g} in {other.path} ({units}); leave one out, or cut it"
            )
    return ordered


def join_coordinate(headers: list[Header], name: str, dim: str, new: bool) -> xr.Variable | None:
    """A coordinate over all files; None if it cannot be put together."""
    found = [h.coords.get(name) for h in headers]
    if any(variable is None for variable in found):
        return None
    variables = [v for v in found if v is not None]
    first = variables[0]
    attrs = {**first.attrs, **{k: first.encoding[k] for k in ("bounds", "grid_mapping") if k in first.encoding}}
    if dim in first.dims and not new:
        axis = first.dims.index(dim)
        return xr.Variable(first.dims, np.concatenate([v.values for v in variables], axis), attrs)
    if all(v is first or (v.shape == first.shape and np.array_equal(v.values, first.values)) for v in variables):
        return xr.Variable(first.dims, first.values, attrs)
    if new and all(v.shape == first.shape for v in variables):
        return xr.Variable((dim, *first.dims), np.stack([v.values for v in variables]), attrs)
    return None
