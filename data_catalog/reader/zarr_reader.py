"""Zarr arrays in local folders: metadata and shard indexes are parsed once, bytes go straight to their place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np

from ..errors import DataError
from .chunk_reader import ChunkReader
from .local_files import FileChangedError, Handle, LocalFiles
from .selection import Place
from .zarr_layout import ZarrLayout, read_zarr_layout

ABSENT = 2**64 - 1


class ZarrReader(ChunkReader):
    """Reads one Zarr array in a local folder.

    Args:
        folder: of the array, with its `zarr.json` or `.zarray`.
        access: how shards are read, see `LocalFiles`; a file that holds one chunk is always read by `pread`.
        choices: `cache_bytes`, `threads`; see `ChunkReader`.

    Raises:
        UnreadableLayoutError: what it holds must be left to zarr-python.
    """

    layout: ZarrLayout
    files: LocalFiles
    indexes: dict[str, np.ndarray]

    def __init__(self, folder: str | Path, *, access: str = "mmap", **choices: Any) -> None:
        self.access = access
        super().__init__(str(folder), read_zarr_layout(folder), **choices)
        self.metadata = metadata_stamp(self.name)

    def enter(self) -> None:
        """See `ChunkReader.enter`."""
        self.files, self.indexes = LocalFiles(self.name, self.access), {}

    def fill(self, requests: Any) -> None:
        """See `ChunkReader.fill`."""
        if metadata_stamp(self.name) != self.metadata:
            raise self.changed("its metadata")
        try:
            super().fill(requests)
        except FileChangedError as error:
            raise self.changed(str(error)) from error

    def fetch(self, place: Place) -> Any:
        """See `ChunkReader.fetch`."""
        most = self.layout.largest_encoded
        if self.layout.shards is None:
            return self.files.read_all(self.layout.file(place), most)
        found = self._in_shard(place)
        if found is None:
            return None
        file, start, size = found
        if size > most:
            raise ValueError(f"it takes {size} bytes, more than {most}")
        return file.read(start, size)

    def fetch_part(self, place: Place, start: int, out: np.ndarray) -> bool:
        """See `ChunkReader.fetch_part`."""
        if self.layout.shards is None:
            read = self.files.read_part(self.layout.file(place), start, out)
        else:
            found = self._in_shard(place)
            if found is not None and found[2] != self.layout.chunk_bytes:
                raise ValueError(f"it holds {found[2]} bytes where {self.layout.chunk_bytes} belong")
            read = None if found is None else found[0].read_into(found[1] + start, out)
        if read is not None and read != out.nbytes:
            raise ValueError(f"it ends after {start + read} bytes")
        return read is not None

    def _in_shard(self, place: Place) -> tuple[Handle, int, int] | None:
        """The file of a chunk, open, and where in it the chunk begins and how long it is; None if it is not there."""
        layout, files = self.layout, self.files
        name, inner = layout.shard(place)
        file = files.handle(name)
        if file is None:
            return None
        if name not in self.indexes:
            self.indexes[name] = self._index(name, file, files.size(name))
        offset, size = self.indexes[name][inner].tolist()
        if offset == size == ABSENT:
            return None
        if offset + size > files.size(name):
            raise ValueError("the index of its shard points behind the end of the file")
        return file, offset, size

    def _index(self, name: str, file: Handle, size: int) -> np.ndarray:
        length = self.layout.index_bytes
        if size < length:
            raise DataError(
                f"a shard holds an index of {length} bytes, but {name} of {self.name} has {size} in all; "
                "copy or write the store again"
            )
        raw = file.read(0 if self.layout.index_first else size - length, length)
        return shard_index(raw, self.layout, f"{name} of {self.name}")


def shard_index(raw: Any, layout: ZarrLayout, name: str) -> np.ndarray:
    """Offset and size of each chunk of a shard, [*chunks, 2], from the bytes of its index.

    Raises:
        DataError: the checksum is wrong.
    """
    try:
        raw = numcodecs.get_codec({"id": "crc32c"}).decode(raw) if layout.index_checked else raw
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"the checksum of a shard's index is right, but that of {name} is not ({error}); "
            "copy or write the store again"
        ) from error
    return np.frombuffer(bytes(raw), "<u8").reshape(*(layout.shards or ()), 2)


def metadata_stamp(folder: str) -> Sequence[int]:
    """When the metadata of an array were written, and how long they are."""
    for name in ("zarr.json", ".zarray"):
        try:
            now = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        return now.st_mtime_ns, now.st_size
    return ()
