"""Which reader suits a variable: of chunks in a local or remote Zarr store or HDF5 file, or xarray with a warning."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from .array_reader import ArrayReader
from .chunk_reader import ChunkReader
from .cure import convert_line, place_of
from .decoding import UnreadableLayoutError
from .zarr_reader import ZarrReader

log = logging.getLogger(__name__)
_said: set[tuple[int, str]] = set()


def open_array(source: Any, variable: str | None = None, **choices: Any) -> ArrayReader:
    """A reader of one variable's values as they are stored, the fastest that there is for it.

    What cannot be read directly is left to zarr-python, h5py or xarray; one warning says why, and what would make it
    fast. Values are decoded by CF attributes in xarray objects and in files of formats without chunks of their own.

    Args:
        source: a Zarr store or array (folder or URL), a NetCDF4 or HDF5 file, or an xarray object, lazy or in memory.
        variable: name of the variable, or the path of a dataset in an HDF5 file; None for an array itself.
        choices: `cache_bytes`, `threads`, see `ChunkReader`; `access` of local files, see `LocalFiles`; `cache`,
            `options` and `at_once` of remote ones, see `RemoteReader`.

    Raises:
        FileNotFoundError: there is no such store.
    """
    why: UnreadableLayoutError | None = None
    if isinstance(source, str | Path):
        try:
            return open_chunks(str(source), variable, **choices)
        except UnreadableLayoutError as error:
            why = error
    from .lazy_reader import LazyReader
    from .library_array import left_array

    found = LazyReader(left_array(source, variable))
    if why is not None:
        say_slow(str(source), variable or "", why)
    return found


def open_chunks(path: str, variable: str | Sequence[str] | None, **choices: Any) -> ChunkReader:
    """A reader of chunks, which knows where they are from.

    Raises:
        UnreadableLayoutError: there is none for this store.
    """
    reader = chunks_at(path, variable, **choices)
    reader.origin = (*place_of(path, variable), variable.rpartition("/")[2] if isinstance(variable, str) else "")
    return reader


def chunks_at(path: str, variable: str | Sequence[str] | None, **choices: Any) -> ChunkReader:
    """See `open_chunks`."""
    if "://" in path:
        if "access" in choices:
            raise DataError(f"files on a local disk are read with a chosen access, got one for {path}; leave it out")
        from .ranges import HDF5_ENDINGS
        from .remote_hdf5 import RemoteHDF5Reader
        from .remote_zarr import RemoteZarrReader

        if path.lower().endswith(HDF5_ENDINGS):
            return RemoteHDF5Reader(path, named(path, variable), **choices)
        return RemoteZarrReader("/".join(filter(None, (path.rstrip("/"), variable))), **choices)  # type: ignore[arg-type]
    if Path(path).is_dir():
        folder = os.path.join(path, *([variable] if isinstance(variable, str) else []))
        is_whole = variable == Path(path).stem and not os.path.exists(folder)  # see `open_nameless`
        return ZarrReader(path if is_whole else folder, **choices)
    from .hdf5_reader import HDF5Reader, is_hdf5

    if not is_hdf5(path):
        raise UnreadableLayoutError(f"Humboldt reads Zarr folders and HDF5 files by itself, got {path}")
    return HDF5Reader(path, named(path, variable), **choices)


def named(path: str, variable: str | Sequence[str] | None) -> str | Sequence[str]:
    """The name of a variable in a file, if there is one."""
    if variable is None:
        raise UnreadableLayoutError(f"a file of several variables needs the name of one, got none for {path}")
    return variable


def say_slow(path: str, variable: str, error: Exception) -> None:
    """Say once a process and store why it is read slowly, and what cures it."""
    key = (os.getpid(), path)
    if key not in _said:
        _said.add(key)
        store, group = place_of(path, variable or None)
        log.warning(
            "%s of %s is read by zarr-python, h5py or xarray, at a fraction of the speed: %s. To make it fast: %s",
            variable or "the array", path, error, convert_line(store, group=group),
        )  # fmt: skip
