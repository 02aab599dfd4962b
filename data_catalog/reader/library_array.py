"""Arrays that are left to zarr-python, h5py or xarray, as lazy arrays of xarray."""

from __future__ import annotations

import os
from typing import Any, cast

import h5py
import numpy as np
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import DataError
from ..store import hdf5_variable, open_store
from .decoding import FAULTS
from .hdf5_reader import is_hdf5
from .ranges import zarr_at


class ZarrArray(BackendArray):
    """A Zarr array as zarr-python reads it; opened once in every process.

    Raises:
        OSError, ValueError, KeyError: it is not there, or zarr-python cannot read it either.
    """

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name
        self.process, self.array = -1, cast(Any, None)
        self.shape, self.dtype = self.opened().shape, self.opened().dtype

    def opened(self) -> Any:
        """The array, in this process."""
        if self.process != os.getpid():
            place: Any = zarr_at(self.path) if "://" in self.path else self.path
            self.array, self.process = zarr.open_array(place, path=self.name, mode="r"), os.getpid()
        return self.array

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values at a key of integers, slices and lists.

        Raises:
            DataError: chunks that cannot be decoded.
        """
        try:
            return np.asarray(self.opened().oindex[key])
        except FAULTS as error:
            raise DataError(
                f"every chunk of a store can be decoded, but zarr-python says of {self.name or 'the array'} in "
                f"{self.path}: {error}; copy or write the store again"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "process": -1, "array": None}


def left_array(source: Any, variable: str | None) -> xr.DataArray:
    """An array that Humboldt does not read by itself, lazily: values as they are stored where zarr-python or h5py can
    read them, else as `open_store` gives them.

    Raises:
        FileNotFoundError: nothing is there. KeyError: no such variable. DataError: it cannot be read.
    """
    stored = as_stored(str(source), variable or "") if isinstance(source, str | os.PathLike) else None
    if stored is not None:
        return stored
    data = open_store(source)
    return data[variable or next(iter(data.data_vars))]


def as_stored(path: str, name: str) -> xr.DataArray | None:
    """An array of a Zarr store or HDF5 file; None where there is none that its library can read."""
    try:
        if is_hdf5(path):
            with h5py.File(path) as file:
                rank = file[name].ndim
            variable = hdf5_variable(path, name, [f"dim_{axis}" for axis in range(rank)])
        else:
            array: Any = ZarrArray(path, name)
            dims = [f"dim_{axis}" for axis in range(len(array.shape))]
            variable = xr.Variable(dims, indexing.LazilyIndexedArray(array))
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return xr.DataArray(variable)
