"""The face of every reader: an array whose values at any positions are put into the caller's memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import dask
import numpy as np
import xarray as xr

from .buffers import aligned
from .conversion import Conversion
from .selection import OUTSIDE, Request, Selection, extent


class ArrayReader(ABC):
    """An array of known shape and dtype. Leaves say how a list of requests is filled."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @abstractmethod
    def fill(self, requests: Iterable[Request]) -> None:
        """Fill the memory of all requests, which may ask for the same values."""

    def read(self, selection: Selection, out: np.ndarray | None = None, conversion: Conversion | None = None) -> np.ndarray:
        """The values at positions along each axis, [*positions], converted to the dtype of `out`.

        selection: a slice or an array of whole numbers for each axis; -1 stands for a place outside, and becomes NaN.

        Raises:
            DataError: values that cannot be read, or that are not what they were.
            IndexError: positions that are not there.
        """
        shape = extent(selection, self.shape)
        out = aligned(shape, self.dtype if conversion is None else np.float32) if out is None else out
        if out.shape != shape:
            raise ValueError(f"out has the shape of the selection, {shape}, got {out.shape}; allocate it anew")
        self.fill([Request(selection, out, conversion)])
        return out

    def read_many(
        self, samples: Sequence[int] | np.ndarray, out: np.ndarray | None = None, conversion: Conversion | None = None
    ) -> np.ndarray:
        """The samples with these numbers along the first axis, in this order, [n, ...]."""
        rest = [slice(0, n) for n in self.shape[1:]]
        return self.read([np.asarray(samples, int).reshape(-1), *rest], out, conversion)

    def __len__(self) -> int:
        """Samples along the first axis."""
        return self.shape[0]


class LazyReader(ArrayReader):
    """What has no chunks that can be read directly: arrays in memory, dask, or files of any xarray backend."""

    def __init__(self, array: xr.DataArray) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def fill(self, requests: Iterable[Request]) -> None:
        """See `ArrayReader.fill`; dask computes in this thread."""
        with dask.config.set(scheduler="synchronous"):
            for selection, out, conversion in requests:
                values = np.asarray(self.array.isel(dict(zip(self.array.dims, map(plain, selection), strict=True))).values)
                if conversion is None:
                    out[...] = values
                else:
                    conversion.apply(values, out)
                for axis, positions in enumerate(selection):
                    outside = None if isinstance(positions, slice) else np.flatnonzero(np.asarray(positions) == OUTSIDE)
                    if outside is not None and len(outside):
                        out[(slice(None),) * axis + (outside,)] = np.nan


def plain(positions: Any) -> Any:
    """Positions as xarray reads them fastest: neighbours as a slice, a place outside as the first."""
    if isinstance(positions, slice):
        return positions
    where = np.maximum(np.asarray(positions), 0)
    if len(where) and np.array_equal(where, np.arange(where[0], where[0] + len(where))):
        return slice(int(where[0]), int(where[0]) + len(where))
    return where
