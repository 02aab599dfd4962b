"""Boxes of Zarr arrays, decoded straight into the caller's memory: metadata and shard indexes are parsed once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np

from .store import DataError
from .zarr_layout import ZarrLayout, read_zarr_layout

ABSENT = 2**64 - 1


class ZarrReader:
    """Reads boxes of one Zarr array in a local folder.

    Nothing is open between two reads, so that it can be forked and pickled.

    Args:
        folder: of the array, with its `zarr.json` or `.zarray`.

    Raises:
        UnreadableLayoutError: what it holds must be left to zarr-python.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = str(folder)
        self.layout: ZarrLayout = read_zarr_layout(folder)
        self.indexes: dict[str, tuple[tuple[int, int], np.ndarray]] = {}

    def read(self, box: Sequence[slice], out: np.ndarray) -> None:
        """Fill `out` with the values in the box, converted to its dtype.

        box: one slice of step 1 for each axis, within the shape; out: of the shape of the box.

        Raises:
            DataError: a chunk that cannot be decoded or has another size than it should, or a store that changed.
        """
        layout = self.layout
        bounds = [s.indices(n)[:2] for s, n in zip(box, layout.shape, strict=True)]
        if tuple(max(0, b - a) for a, b in bounds) != out.shape:
            raise ValueError(f"out has the shape of the box, got {out.shape} for {bounds}; allocate it anew")
        spans = [range(a // c, -(-b // c)) for (a, b), c in zip(bounds, layout.chunks, strict=True)]
        for place in itertools.product(*spans):
            into, inside = [], []
            for at, size, (a, b) in zip(place, layout.chunks, bounds, strict=True):
                first, last = max(a, at * size), min(b, (at + 1) * size)
                into.append(slice(first - a, last - a))
                inside.append(slice(first - at * size, last - at * size))
            self._place(place, tuple(inside), out[tuple(into)])

    def _place(self, place: tuple[int, ...], inside: tuple[slice, ...], out: np.ndarray) -> None:
        layout, found = self.layout, self._stored(place)
        if found is None:
            out[...] = layout.fill
            return
        direct = out.dtype == layout.dtype and out.shape == layout.chunks and out.flags.c_contiguous
        values = self._decoded(found, place, out if direct and not layout.column_major else None)
        if values is not None:
            out[...] = values[inside]

    def _decoded(self, raw: Any, place: tuple[int, ...], out: np.ndarray | None) -> np.ndarray | None:
        """The values of a chunk, or None if they are in `out` already."""
        layout = self.layout
        try:
            for number, codec in enumerate(layout.decoders, start=1):
                blosc = isinstance(codec, numcodecs.Blosc)
                if blosc:
                    whole_blosc(raw, layout.chunk_bytes)
                if blosc and out is not None and number == len(layout.decoders):
                    codec.decode(raw, out)
                    return None
                raw = codec.decode(raw)
            flat = np.frombuffer(np.ascontiguousarray(raw) if isinstance(raw, np.ndarray) else raw, np.uint8)
        except (RuntimeError, ValueError, TypeError, OSError, EOFError, MemoryError) as error:
            raise self._broken(place, f"it cannot be decoded ({error})") from error
        if flat.nbytes != layout.chunk_bytes:
            raise self._broken(place, f"it holds {flat.nbytes} bytes where {layout.chunk_bytes} belong")
        return flat.view(layout.dtype).reshape(layout.chunks, order="F" if layout.column_major else "C")

    def _broken(self, place: tuple[int, ...], why: str) -> DataError:
        return DataError(
            f"every chunk of a store can be decoded to {self.layout.chunks} values, but of chunk {place} of "
            f"{self.folder} {why}; copy or write the store again"
        )

    def _changed(self, name: str) -> DataError:
        return DataError(
            f"a store stays as it is while it is read, but {name} of {self.folder} has changed; open it again"
        )

    def _stored(self, place: tuple[int, ...]) -> bytes | None:
        """The encoded bytes of a chunk; None if it is not there."""
        layout = self.layout
        if layout.shards is None:
            try:
                with open(os.path.join(self.folder, layout.file(place)), "rb", buffering=0) as plain:
                    return plain.read()
            except FileNotFoundError:
                return None
        name = layout.file([p // n for p, n in zip(place, layout.shards, strict=True)])
        try:
            file = os.open(os.path.join(self.folder, name), os.O_RDONLY)
        except FileNotFoundError:
            if name in self.indexes:
                raise self._changed(name) from None
            return None
        try:
            index = self._index(name, file)
            offset, size = map(int, index[tuple(p % n for p, n in zip(place, layout.shards, strict=True))])
            if offset == size == ABSENT:
                return None
            if offset + size > self.indexes[name][0][1]:
                raise self._broken(place, "the index of its shard points behind the end of the file")
            return os.pread(file, size, offset)
        finally:
            os.close(file)

    def _index(self, name: str, file: int) -> np.ndarray:
        """Offset and size of each chunk of a shard, [*chunks, 2]."""
        layout, now = self.layout, os.fstat(file)
        stamp = (now.st_mtime_ns, now.st_size)
        if name in self.indexes:
            if self.indexes[name][0] != stamp:
                raise self._changed(name)
            return self.indexes[name][1]
        assert layout.shards is not None
        length = 16 * int(np.prod(layout.shards)) + 4 * layout.index_checked
        if now.st_size < length:
            raise DataError(
                f"a shard holds an index of {length} bytes, but {name} of {self.folder} has {now.st_size} in all; "
                "copy or write the store again"
            )
        raw = os.pread(file, length, 0 if layout.index_first else now.st_size - length)
        try:
            raw = bytes(numcodecs.get_codec({"id": "crc32c"}).decode(raw)) if layout.index_checked else raw
        except (RuntimeError, ValueError) as error:
            raise DataError(
                f"the checksum of a shard's index is right, but that of {name} of {self.folder} is not ({error}); "
                "copy or write the store again"
            ) from error
        index = np.frombuffer(raw, "<u8").reshape(*layout.shards, 2)
        self.indexes[name] = (stamp, index)
        return index


def whole_blosc(raw: Any, largest: int) -> None:
    """Refuse a blosc buffer that is not as long as its header says, which the library would read beyond its end.

    Header: bytes 4 to 8 are the decoded size, 12 to 16 the encoded one (c-blosc, README_CHUNK_FORMAT).
    """
    head = np.frombuffer(raw[:16], "<u4")
    if len(head) < 4 or head[3] != len(raw) or head[1] > largest:
        raise ValueError(f"its header says {head[3::-2].tolist()} bytes encoded and decoded, it has {len(raw)}")
