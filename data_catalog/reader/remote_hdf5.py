"""Arrays of NetCDF4 and HDF5 files behind a URL: the library finds where chunks lie, then their bytes are fetched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import h5py
import numpy as np

from ..errors import DataError
from .chunk_layout import ChunkLayout
from .decoding import UnreadableLayoutError
from .hdf5_reader import find_layout
from .ranges import Span, open_remote
from .remote import RemoteReader
from .selection import Place

PIECE = 2**20


class RemoteHDF5Reader(RemoteReader):
    """Reads one dataset of an HDF5 file behind a URL, or several of equal layout stacked along a new first axis.

    A contiguous dataset is fetched in pieces of about 1 MiB.

    Args:
        url: of the file.
        names: of the dataset, or of those that are stacked.
        choices: see `RemoteReader`.

    Raises:
        UnreadableLayoutError: what must be left to h5py.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, url: str, names: str | Sequence[str], **choices: Any) -> None:
        with open_remote(url, **(choices.get("options") or {})) as opened:
            try:
                file = h5py.File(opened, "r")
            except OSError as error:
                raise UnreadableLayoutError(f"Humboldt reads HDF5 files behind a URL, got {url} ({error})") from error
            with file:
                layout, self.places = find_layout(file, names)
        if math.prod(self.places.shape[:-1]) == 1 and layout.raw:
            layout, self.places = cut(layout, *self.places.reshape(-1)[:2].tolist())
        folder, _, self.file = url.rpartition("/")
        super().__init__(folder, layout, **choices)
        self.name = f"{url}, {names if isinstance(names, str) else names[0]}"

    def chunks(self, places: Sequence[Place]) -> list[np.ndarray | None]:
        """See `RemoteReader.chunks`."""
        spans: list[Span | None] = []
        for place in places:
            start, size, skipped = self.places[place].tolist()
            if skipped:
                raise DataError(
                    f"chunks are written with all filters of their dataset, but chunk {place} of {self.file} lacks "
                    f"{skipped:b}; write the file again"
                )
            spans.append(Span(self.file, start, size) if size else None)
        found = iter(self.spans([span for span in spans if span]))
        whole = self.layout.chunk_bytes if self.layout.raw else 0
        return [padded(next(found), whole) if span else None for span in spans]


def cut(layout: ChunkLayout, start: int, size: int) -> tuple[ChunkLayout, np.ndarray]:
    """A contiguous dataset as pieces of about 1 MiB, and where each begins and how long it is, [*grid, 3]."""
    chunks, shape = [max(n, 1) for n in layout.shape], [max(n, 1) for n in layout.shape]
    for axis in range(len(chunks)):
        row = layout.dtype.itemsize * math.prod(chunks[axis + 1 :])
        chunks[axis] = min(chunks[axis], max(1, PIECE // row))
        if row <= PIECE:
            break
    pieces = replace(layout, chunks=tuple(chunks))
    grid = [-(-n // c) for n, c in zip(shape, chunks, strict=True)]
    strides = [layout.dtype.itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    table = np.zeros((*grid, 3), np.int64)
    for place in np.ndindex(*grid) if size else ():
        at = sum(p * c * s for p, c, s in zip(place, chunks, strides, strict=True))
        axes = zip(place, chunks, shape, strict=True)
        table[place][:2] = start + at, layout.dtype.itemsize * math.prod(min(c, n - p * c) for p, c, n in axes)
    return pieces, table


def padded(raw: np.ndarray | None, size: int) -> np.ndarray | None:
    """The bytes of a piece at the end of an axis, with zeros up to the size of all others."""
    if raw is None or len(raw) >= size:
        return raw
    return np.concatenate([raw, np.zeros(size - len(raw), np.uint8)])
