"""The files of a Zarr store that is being written: in a folder, or behind a URL."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from ..reader.chunk_reader import pool
from ..reader.ranges import file_system, zarr_at
from ..reader.zarr_layout import UnreadableLayoutError
from ..reader.zarr_reader import ZarrReader

AT_ONCE = 16


class StoreFiles(ABC):
    """The files of a store. What opens them is not pickled: processes and clusters are told the address."""

    @property
    @abstractmethod
    def root(self) -> Any:
        """The store as zarr-python opens it."""

    def array(self, name: str, **choices: Any) -> zarr.Array:
        """An array of the store."""
        return zarr.open_array(self.root, path=name, **choices)

    @abstractmethod
    def sizes(self, keys: Iterable[str]) -> list[int]:
        """Bytes of each file; -1 where there is none."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def read_back(self, array: str, box: tuple[slice, ...], like: np.ndarray) -> np.ndarray:
        """The values of an array in a box, with at least one axis, as they lie there now."""


class FilesInFolder(StoreFiles):
    """In a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    @property
    def root(self) -> Path:
        """See `StoreFiles.root`."""
        return self.folder

    def sizes(self, keys: Iterable[str]) -> list[int]:
        """See `StoreFiles.sizes`."""
        return [size_of(self.folder / key) for key in keys]

    def remove(self, key: str) -> None:
        """See `StoreFiles.remove`."""
        (self.folder / key).unlink(missing_ok=True)

    def read_back(self, array: str, box: tuple[slice, ...], like: np.ndarray) -> np.ndarray:
        """See `StoreFiles.read_back`: by the reader that training uses where it can."""
        out = np.empty(like.shape, like.dtype)
        try:
            ZarrReader(self.folder / array, access="pread").read(box, out)
        except UnreadableLayoutError:
            out = np.asarray(self.array(array, mode="r")[box])
        return np.ascontiguousarray(np.atleast_1d(out))


class FilesBehindUrl(StoreFiles):
    """Behind a URL, through fsspec, or obstore where fsspec lacks the package of the protocol."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files, self.path = file_system(url)

    @cached_property
    def root(self) -> Any:
        """See `StoreFiles.root`."""
        return zarr_at(self.url)

    def sizes(self, keys: Iterable[str]) -> list[int]:
        """See `StoreFiles.sizes`."""
        return list(pool(os.getpid(), AT_ONCE).map(self._size, keys))

    def _size(self, key: str) -> int:
        try:
            return int(self.files.info(f"{self.path}/{key}")["size"])
        except FileNotFoundError:
            return -1

    def remove(self, key: str) -> None:
        """See `StoreFiles.remove`."""
        with suppress(FileNotFoundError):
            self.files.rm_file(f"{self.path}/{key}")

    def read_back(self, array: str, box: tuple[slice, ...], like: np.ndarray) -> np.ndarray:
        """See `StoreFiles.read_back`: by zarr-python, which keeps nothing."""
        return np.ascontiguousarray(np.atleast_1d(self.array(array, mode="r")[box]))


def files_of(store: str | Path) -> StoreFiles:
    """The files of a store in a folder or behind a URL.

    Raises:
        DataError: a URL of an unknown protocol.
    """
    return FilesBehindUrl(str(store)) if "://" in str(store) else FilesInFolder(str(store))


def size_of(path: Path) -> int:
    """Bytes of a file; -1 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
