"""xarray's lazy arrays over the reader: a dataset that is opened by xarray gets its values from the chunks directly."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import DataError
from .array_reader import ArrayReader
from .decoding import UnreadableLayoutError
from .open_array import open_chunks, say_slow

CACHE = 2**24
"""Bytes of decoded chunks that each array keeps: a dataset may have hundreds of them."""
DENSE = 2
"""Positions are cut out of what lies between them if that is at most so many times as much."""


def with_direct_arrays(raw: xr.Dataset, path: str) -> xr.Dataset:
    """A dataset whose lazy variables are read from the chunks of their file, as it stands there otherwise.

    raw: opened by xarray, not decoded and not cached (`decode_cf=False, cache=False, chunks=None`); path: of the Zarr
    store or HDF5 file, or its URL.
    """
    direct = {}
    for name, variable in raw.variables.items():
        if variable.ndim and variable.size and variable.dtype.kind in "fiuc":
            array: Any = indexing.LazilyIndexedArray(DirectArray(path, str(name), variable))
            data = indexing.CopyOnWriteArray(array)
            direct[name] = xr.Variable(variable.dims, data, variable.attrs, variable.encoding)
    found = raw.assign({name: variable for name, variable in direct.items() if name not in raw.xindexes})
    found.set_close(raw._close)
    found.encoding = raw.encoding
    return found


class DirectArray(BackendArray):
    """One array of a store; what cannot be read directly is left to the library of the format, with one warning.

    It is opened at the first read, once a process that it is sent to. Safe in threads, and after a fork.
    """

    def __init__(self, path: str, name: str, variable: xr.Variable) -> None:
        self.path, self.name, self.left = path, name, variable._data
        self.shape, self.dtype = variable.shape, variable.dtype.newbyteorder("=")
        self.written = written(path)
        self.reader: ArrayReader | None = None
        self.is_left = False

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if self.reader is None and not self.is_left:
            self.open()
        if self.reader is None:
            return np.asarray(indexing.apply_indexer(indexing.as_indexable(self.left), key).get_duck_array())
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def open(self) -> None:
        """Find the chunks.

        Raises:
            DataError: the file is not the one that was opened.
        """
        if written(self.path) != self.written:
            raise DataError(f"a file stays as it is while it is read, but {self.path} has changed; open it again")
        try:
            reader = open_chunks(self.path, self.name, cache_bytes=CACHE)
            if (reader.shape, reader.dtype) != (self.shape, self.dtype):
                raise UnreadableLayoutError(
                    f"an array is as long as its dimensions, got {reader.shape} {reader.dtype} for {self.shape} "
                    f"{self.dtype}; the library of the format fills it up"
                )
        except UnreadableLayoutError as error:
            say_slow(self.path, self.name, error)
            self.is_left = True
        else:
            self.reader = reader

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values at a key of integers, slices and lists."""
        assert self.reader is not None
        wanted = [covering(*axis) for axis in zip(key, self.shape, strict=True)]
        values = self.reader.read([selection for selection, _ in wanted])
        for axis in reversed(range(len(wanted))):
            if wanted[axis][1] is not None:
                values = values[(slice(None),) * axis + (wanted[axis][1],)]
        return values


def covering(positions: Any, size: int) -> tuple[slice | np.ndarray, Any]:
    """What is read along an axis for some positions, and what is then taken of it; None for all of it, in order."""
    if isinstance(positions, int | np.integer):
        at = int(positions) % size
        return slice(at, at + 1), 0
    if isinstance(positions, slice):
        first, last, step = positions.indices(size)
        if step == 1:
            return slice(first, max(first, last)), None
        if step == -1:
            return slice(last + 1, max(first, last) + 1), slice(None, None, -1)
        positions = np.arange(first, last, step)
    where = np.asarray(positions) % size
    if not len(where):
        return slice(0, 0), None
    low, high = int(where.min()), int(where.max())
    if high - low >= DENSE * len(where):
        return where, None
    in_order = high - low + 1 == len(where) and bool((np.diff(where) == 1).all())
    return slice(low, high + 1), None if in_order else where - low


def written(path: str) -> tuple[int, int] | None:
    """When a file was written, and how long it is; None for folders and URLs."""
    if not os.path.isfile(path):
        return None
    now = os.stat(path)
    return now.st_mtime_ns, now.st_size
