"""What has no chunks that can be read directly, through xarray."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dask
import numpy as np
import xarray as xr

from .array_reader import ArrayReader
from .selection import OUTSIDE, Request


class LazyReader(ArrayReader):
    """What has no chunks that can be read directly: arrays in memory, dask, or files of any xarray backend."""

    def __init__(self, array: xr.DataArray) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def fill(self, requests: Iterable[Request]) -> None:
        """See `ArrayReader.fill`; dask computes in this thread."""
        with dask.config.set(scheduler="synchronous"):
            for selection, out, conversion in requests:
                values = np.asarray(
                    self.array.isel(dict(zip(self.array.dims, map(plain, selection), strict=True))).values
                )
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
