"""Many files as one lazy dataset: along a dimension that they continue, or along a new one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import DataError
from .calendars import is_dated
from .formats import open_file, unreadable
from .headers import Field, Header, agreed, read_headers

SAMPLES = ("sample", "samples", "trajectory", "trajectories", "case", "run", "batch")


class JoinedArray(BackendArray):
    """A variable whose parts lie in several files, as one lazy array; only the files that are asked for are opened.

    Args:
        paths: of the files in order; group: in each of them; name: of the variable.
        lengths: of the parts along `axis`; with `new`, the axis stands first and is not in the files.
    """

    def __init__(
        self, paths: Sequence[str], group: str | None, name: str, lengths: Sequence[int], axis: int, new: bool,
        shape: tuple[int, ...], dtype: np.dtype,
    ) -> None:  # fmt: skip
        self.paths, self.group, self.name, self.axis, self.new = tuple(paths), group, name, axis, new
        self.edges = np.concatenate([[0], np.cumsum(lengths)])
        self.shape: tuple[int, ...] = shape
        self.dtype: np.dtype = dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values at a key of integers, slices and at most one list.

        Raises:
            DataError: a file that cannot be read.
        """
        along = key[self.axis]
        wanted = np.arange(self.shape[self.axis])[along]
        if np.ndim(wanted) == 0:
            return self._part(int(self._file(wanted)), int(wanted), key)
        runs = [(f, list(places)) for f, places in itertools.groupby(wanted.tolist(), lambda n: int(self._file(n)))]
        if not runs:
            chosen = [np.arange(n)[k] for n, k in zip(self.shape, key, strict=True)]
            return np.empty([len(places) for places in chosen if np.ndim(places)], self.dtype)
        parts = [self._part(file, np.asarray(places), key) for file, places in runs]
        kept = [k for k in key[: self.axis] if not isinstance(k, int | np.integer)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=len(kept))

    def _file(self, place: Any) -> Any:
        return np.searchsorted(self.edges, place, side="right") - 1

    def _part(self, file: int, places: Any, key: tuple[Any, ...]) -> np.ndarray:
        """Values from one file, at places along the joined axis."""
        path, inner = self.paths[file], list(key)
        if self.new:
            inner.pop(0)
        else:
            local = places - int(self.edges[file])
            steps = set(np.diff(local)) if np.ndim(local) else set()
            inner[self.axis] = slice(int(local[0]), int(local[-1]) + 1) if np.ndim(local) and steps <= {1} else local
        try:
            variable = open_file(path, self.group)[self.name].variable
            values = np.asarray(variable[tuple(inner)].values, self.dtype)
        except (FileNotFoundError, DataError):
            raise
        except Exception as error:  # each of five libraries has errors of its own
            raise unreadable(path, error) from error
        return values[None] if self.new and np.ndim(places) else values


def join_files(
    paths: Sequence[str], *, join: str | None = None, group: str | None = None, seen: Any = int
) -> tuple[xr.Dataset, list[str]]:
    """Files as one lazy dataset, and what was left out of it because it differs between them.

    Files with other variables on the same coordinates are put side by side. Files with the same variables continue each
    other along the one dimension whose coordinate differs (`join` names it), in the order of that coordinate; if none
    differs, each file is a sample of its own.

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
    dim = join or join_dimension(headers)
    new = not any(dim in field.dims for field in headers[0].fields.values())
    headers = headers if new else in_order(headers, dim)
    notes = agreed(headers, dim)
    lengths = [1 if new else h.sizes.get(dim, 1) for h in headers]
    paths, first = [h.path for h in headers], headers[0]
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
    fields = {}
    for name, field in first.fields.items():
        attrs = {k: v for k, v in field.attrs.items() if f"attribute {k!r} of {name}" not in notes}
        dtype = np.result_type(*[h.fields[name].dtype for h in headers])
        fields[name] = joined_field(field, name, paths, group, lengths, dim, new, attrs, dtype)
    data = xr.Dataset(fields, coords, {k: v for k, v in first.attrs.items() if k not in left})
    return data, notes


def joined_field(
    field: Field, name: str, paths: list[str], group: str | None, lengths: list[int], dim: str, new: bool,
    attrs: dict[str, Any], dtype: np.dtype,
) -> xr.Variable:  # fmt: skip
    """A variable over all files, or that of the first file where it has no part in the joined dimension."""
    if not new and dim not in field.dims:
        paths, lengths, axis, shape, dims = paths[:1], [1], 0, field.shape, field.dims
        array: Any = JoinedArray(paths, group, name, [max(1, *shape, 1)], axis, False, shape, dtype)
        if not shape:
            return xr.Variable((), open_file(paths[0], group)[name].values, attrs)
    else:
        dims = (dim, *field.dims) if new else field.dims
        axis = dims.index(dim)
        shape = tuple(
            sum(lengths) if d == dim else n
            for d, n in zip(dims, (1, *field.shape) if new else field.shape, strict=True)
        )
        array = JoinedArray(paths, group, name, lengths, axis, new, shape, dtype)
    variable = xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs)
    native = {d: field.native.get(d, 1 if d == dim and new else n) for d, n in zip(dims, shape, strict=True)}
    variable.encoding["preferred_chunks"] = native if field.native or new else {}
    return variable


def join_dimension(headers: list[Header]) -> str:
    """The dimension along which files continue each other, by their coordinates.

    Raises:
        DataError: several of them, or files of one period twice.
    """
    first = headers[0]
    dims = {d for field in first.fields.values() for d in field.dims}
    apart = [d for d in first.sizes if d in dims and any(varies(first, other, d) for other in headers[1:])]
    if len(apart) == 1:
        return apart[0]
    if len(apart) > 1:
        raise DataError(
            f"files continue each other along one dimension, got files that differ along {apart}, such as "
            f"{headers[0].path} and {headers[-1].path}; convert them in groups, or name the dimension to join along"
        )
    dated = [d for d in dims if d in first.coords and is_dated(first.coords[d])]
    if dated and len(headers) > 1:
        raise DataError(
            f"files that are joined do not overlap, got the same {dated[0]} in {headers[0].path} and "
            f"{headers[1].path}; leave one out, or if they are independent, say so with join='sample'"
        )
    return next((name for name in SAMPLES if name in dims), "sample")


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
