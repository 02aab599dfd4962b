"""From a path, URL or xarray object to a lazy xarray Dataset: values stay where they are until they are asked for."""

from __future__ import annotations

import difflib
import glob
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from .engine import netcdf_engine
from .errors import DataError
from .reader.direct_arrays import with_direct_arrays
from .reader.hdf5_reader import is_hdf5
from .reader.ranges import HDF5_ENDINGS, open_remote, zarr_at

UNFINISHED = "humboldt_unfinished"
"""Attribute of a store that is not whole."""
PLAIN_HDF5 = (".h5", ".hdf5", ".he5", ".hdf")
"""What files of HDF5 that are no NetCDF end in; their axes without names are phony_dim_0, phony_dim_1, ..."""
OTHER_FORMATS = (".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2", ".tif", ".tiff", ".geotiff")


def read_states(path: str, select: Mapping[str, int]) -> xr.Dataset:
    """States with decoded times from a NetCDF file or a Zarr store, at chosen places along dimensions (`at_places`)."""
    data = xr.open_zarr(path) if Path(path).is_dir() else xr.open_dataset(path, engine=netcdf_engine(path))
    return at_places(data, select)


def at_places(data: xr.Dataset, select: Mapping[str, int]) -> xr.Dataset:
    """Data at places along dimensions, counted from 0.

    Raises:
        DataError: a dimension or a place that is not there.
    """
    for name, place in select.items():
        if name not in data.dims:
            dims = [str(dim) for dim in data.dims]
            raise DataError(
                f"places are chosen along dimensions of the file, {dims}, got {name!r}{did_you_mean(name, dims)}"
            )
        if not -data.sizes[name] <= place < data.sizes[name]:
            raise DataError(
                f"places along {name!r} are 0 to {data.sizes[name] - 1} in this file, got {place}; choose one of them"
            )
    return data.isel(select)


def open_store(source: Any) -> xr.Dataset:
    """A Zarr store, a file of another format, a folder, a pattern or a list of files (joined, see `open_source`), or an
    xarray object, lazily, with times left as the numbers in the file.

    Variables stand in the order of the file; a Zarr store has none, there they are sorted by name.

    Raises:
        FileNotFoundError: nothing is there; the message gives the nearest names in that folder.
        DataError: it is there, but it is not a store that can be read, or not finished.
    """
    if isinstance(source, xr.DataArray):
        return source.to_dataset(name=source.name or "field")
    if isinstance(source, xr.Dataset):
        return source
    text = str(source)
    refuse_unfinished(text)
    if not text.rstrip("/").endswith(".zarr") and zarr_folder(text) is None and _are_files(source):
        from .converter.any_source import open_source  # which opens stores by this function

        return open_source(source).data
    if "://" not in text and not Path(text).exists():
        raise FileNotFoundError(
            f"data are read from a file or a Zarr folder, got {text}, which is not there{near(text)}"
        )
    is_zarr = text.rstrip("/").endswith(".zarr") or Path(text).is_dir()
    try:
        is_plain = text.lower().endswith(PLAIN_HDF5)  # the C library of NetCDF crashes on numbers of 16 bits in them
        engine: Any = "zarr" if is_zarr else "h5netcdf" if is_plain else netcdf_engine(text)
        with warnings.catch_warnings():  # a store without consolidated metadata is slower to open, and as good
            warnings.filterwarnings(
                "ignore", message="Failed to open Zarr store with consolidated", category=RuntimeWarning
            )
            choices: dict[str, Any] = {"chunks": None, "decode_cf": False, "cache": False}
            choices |= {"phony_dims": "sort"} if is_plain else {}
            if "://" in text and text.lower().endswith(HDF5_ENDINGS):
                raw = xr.open_dataset(open_remote(text), engine="h5netcdf", **choices)
            else:
                raw = opened(text, engine, choices)
            data = read_directly(raw, text)
        if data.attrs.get(UNFINISHED):
            raise unfinished(text)
        return data[sorted(data.data_vars, key=str)] if is_zarr else data
    except DataError:
        raise
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, FileNotFoundError) and "://" in text:
            raise
        raise DataError(
            f"data are a Zarr store or a NetCDF file, got {text}, which cannot be read as either ({error}); "
            "check that it is complete, or convert it with xarray"
        ) from error


def opened(path: str, engine: str | None, choices: dict[str, Any]) -> xr.Dataset:
    """A store or file as xarray opens it; a Zarr store whose arrays lack names of dimensions with names made up."""
    if engine != "zarr":
        return xr.open_dataset(path, engine=engine, **choices)
    try:
        return xr.open_dataset(zarr_at(path) if "://" in path else path, engine=engine, **choices)
    except (OSError, ValueError, KeyError):
        from .reader.nameless_zarr import open_nameless

        found = open_nameless(path)
        if found is None:
            raise
        return found


def read_directly(raw: xr.Dataset, path: str) -> xr.Dataset:
    """What xarray opened as it stands in a file, with its CF attributes applied, times left as numbers, and values that
    are read by Humboldt's own reader where it knows the format.

    raw: opened with `decode_cf=False, cache=False, chunks=None`; path: of the file or Zarr store, or its URL.
    """
    if "://" in path or Path(path).is_dir() or is_hdf5(path):
        raw = with_direct_arrays(raw, path)
    return xr.decode_cf(raw, decode_times=False)


def store_path(source: Any) -> str | None:
    """The folder, file or URL of a store; None for an object in memory."""
    return str(source) if isinstance(source, str | Path) else None


def _are_files(source: Any) -> bool:
    """Whether a source is several files, or one of a format that xarray does not know by its name."""
    if not isinstance(source, str | os.PathLike):
        return isinstance(source, Sequence)
    text = os.fspath(source)
    return (
        glob.has_magic(text) or text.lower().endswith(OTHER_FORMATS) or (os.path.isdir(text) and bool(os.listdir(text)))
    )


def refuse_unfinished(path: str) -> None:
    """Refuse a store that is still being written, under its own name or that of the folder in which it grows."""
    if "://" in path:
        return
    inside = path.rstrip("/").endswith(".partial") and Path(path, "store").is_dir()
    if inside or (not Path(path).exists() and Path(f"{path}.partial", "store").is_dir()):
        raise unfinished(path)


def unfinished(path: str) -> DataError:
    """The error for a store that is not whole."""
    return DataError(
        f"a store is read when it is whole, got {path}, which is not finished; "
        "repeat the command that writes it, which goes on where it was"
    )


def zarr_folder(source: Any) -> str | None:
    """The folder of a local Zarr store; None for anything else."""
    if not isinstance(source, str | Path):
        return None
    marks = ("zarr.json", ".zgroup", ".zmetadata")
    return str(source) if any((Path(source) / mark).is_file() for mark in marks) else None


def near(path: str) -> str:
    """'; did you mean ...' for the names beside a path that does not exist."""
    folder = Path(path).parent
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return did_you_mean(Path(path).name, names)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """'; did you mean ...' for the nearest of the known names, or nothing."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


class HDF5Array(BackendArray):
    """A dataset of an HDF5 file as a lazy array; several names of equal shape are stacked along a first axis.

    The file is open only while it is read, so that the array can be pickled and shared by processes.
    """

    def __init__(self, path: str, names: Sequence[str], *, stacked: bool = False) -> None:
        self.path, self.names, self.stacked = path, tuple(names), stacked
        with h5py.File(path) as file:
            first = file[self.names[0]]
            self.dtype: np.dtype = first.dtype
            self.shape: tuple[int, ...] = (len(self.names), *first.shape) if stacked else first.shape

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values at a key of integers, slices and at most one list."""
        with h5py.File(self.path) as file:
            if not self.stacked:
                return np.asarray(file[self.names[0]][key])
            chosen = np.asarray(self.names, dtype=object)[key[0]]
            if isinstance(chosen, str):
                return np.asarray(file[chosen][key[1:]])
            return np.stack([file[name][key[1:]] for name in chosen])


def hdf5_variable(
    path: str, names: str | Sequence[str], dims: Sequence[str], attrs: dict[str, Any] | None = None
) -> xr.Variable:
    """A lazy variable over one dataset of an HDF5 file, or over a list of them, stacked along the first dimension."""
    stacked = not isinstance(names, str)
    array = HDF5Array(path, [names] if isinstance(names, str) else names, stacked=stacked)
    words = {"hdf5": names if isinstance(names, str) else tuple(names)}
    return xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs, encoding=words)
