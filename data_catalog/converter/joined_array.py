"""Variables whose parts lie in many files, as lazy arrays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import DataError
from .formats import open_file, unreadable


@runtime_checkable
class PartArray(Protocol):
    """What is joined: a variable of a file, or what was joined before along another dimension."""

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values at a key of integers, slices and lists."""


@dataclass(frozen=True)
class FileArray:
    """A variable of a file, which is open only while it is read."""

    path: str
    group: str | None
    name: str

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """See `PartArray.read`.

        Raises:
            DataError: a file that cannot be read.
        """
        try:
            return np.asarray(open_file(self.path, self.group)[self.name].variable[key].values)
        except (FileNotFoundError, DataError):
            raise
        except Exception as error:  # each of five libraries has errors of its own
            raise unreadable(self.path, error) from error


@dataclass(frozen=True)
class VariableArray:
    """A lazy variable of an opened dataset."""

    variable: xr.Variable

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """See `PartArray.read`."""
        return np.asarray(self.variable[key].values)


def joined_variable(variables: Sequence[xr.Variable], dim: str) -> xr.Variable:
    """Lazy variables one after the other along one of their dimensions; nothing is read.

    Raises:
        ValueError: they differ in their other dimensions.
    """
    first = variables[0]
    axis = first.dims.index(dim)
    sizes = [tuple(n for d, n in v.sizes.items() if d != dim) for v in variables]
    if any(v.dims != first.dims or n != sizes[0] for v, n in zip(variables, sizes, strict=True)):
        raise ValueError(
            f"variables that are joined along {dim!r} share {first.dims}, got {[v.shape for v in variables]}"
        )
    lengths = [variable.shape[axis] for variable in variables]
    shape = (*first.shape[:axis], sum(lengths), *first.shape[axis + 1 :])
    dtype = np.result_type(*[variable.dtype for variable in variables])
    array = JoinedArray([VariableArray(v) for v in variables], lengths, axis, False, shape, dtype)
    native = {dim: lengths[0], **first.encoding.get("preferred_chunks", {})}
    encoding = {**first.encoding, "preferred_chunks": native}
    return xr.Variable(first.dims, indexing.LazilyIndexedArray(array), first.attrs, encoding)


class JoinedArray(BackendArray):
    """Parts in order along an axis as one lazy array; only those that are asked for are read.

    Args:
        parts: in order.
        lengths: of the parts along `axis`; with `new`, the axis stands first and the parts do not have it.
    """

    def __init__(
        self,
        parts: Sequence[PartArray],
        lengths: Sequence[int],
        axis: int,
        new: bool,
        shape: tuple[int, ...],
        dtype: np.dtype,
    ) -> None:
        self.parts, self.axis, self.new = tuple(parts), axis, new
        self.edges = np.concatenate([[0], np.cumsum(lengths)])
        self.shape: tuple[int, ...] = shape
        self.dtype: np.dtype = dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """See `PartArray.read`."""
        along = key[self.axis]
        wanted = np.arange(self.shape[self.axis])[along]
        if np.ndim(wanted) == 0:
            return self._part(int(self._number(wanted)), int(wanted), key)
        runs = [(n, list(places)) for n, places in itertools.groupby(wanted.tolist(), lambda n: int(self._number(n)))]
        if not runs:
            chosen = [np.arange(n)[k] for n, k in zip(self.shape, key, strict=True)]
            return np.empty([len(places) for places in chosen if np.ndim(places)], self.dtype)
        parts = [self._part(number, np.asarray(places), key) for number, places in runs]
        kept = [k for k in key[: self.axis] if not isinstance(k, int | np.integer)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=len(kept))

    def _number(self, place: Any) -> Any:
        return np.searchsorted(self.edges, place, side="right") - 1

    def _part(self, number: int, places: Any, key: tuple[Any, ...]) -> np.ndarray:
        """Values of one part, at places along the joined axis."""
        inner = list(key)
        if self.new:
            inner.pop(0)
        else:
            local = places - int(self.edges[number])
            steps = set(np.diff(local)) if np.ndim(local) else set()
            inner[self.axis] = slice(int(local[0]), int(local[-1]) + 1) if np.ndim(local) and steps <= {1} else local
        values = np.asarray(self.parts[number].read(tuple(inner)), self.dtype)
        return values[None] if self.new and np.ndim(places) else values
