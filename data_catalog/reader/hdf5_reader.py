"""Arrays of NetCDF4 and HDF5 files by plain reads: the library is asked once where every chunk lies, then left alone.

HDF5 must not be called from two threads, and its handles do not survive a fork; offsets in a file do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import DataError
from .chunk_layout import ChunkLayout
from .chunk_reader import ChunkReader
from .decoding import require, steps
from .local_files import FileChangedError, Handle, LocalFiles
from .selection import Place

FILTERS = {1: "zlib", 2: "shuffle", 3: "fletcher32", 32001: "blosc", 32015: "zstd"}
LARGEST_TABLE = 2**30


class HDF5Reader(ChunkReader):
    """Reads one dataset of an HDF5 file, or several of equal layout stacked along a new first axis.

    Args:
        path: of the file.
        names: of the dataset, or of those that are stacked.
        access: how the file is read, see `LocalFiles`.
        choices: `cache_bytes`, `threads`; see `ChunkReader`.

    Raises:
        UnreadableLayoutError: what must be left to h5py. DataError: the file is damaged.
    """

    files: LocalFiles

    def __init__(self, path: str | Path, names: str | Sequence[str], *, access: str = "mmap", **choices: Any) -> None:
        self.path, self.access = str(path), access
        try:
            with h5py.File(path, "r") as file:
                layout, self.places = find_layout(file, names)
        except OSError as error:
            raise DataError(
                f"an HDF5 file is complete and can be read, got {path} ({error}); copy or download it again"
            ) from error
        super().__init__(f"{path}, {names if isinstance(names, str) else names[0]}", layout, **choices)
        self.written = os.stat(path).st_mtime_ns

    def enter(self) -> None:
        """See `ChunkReader.enter`."""
        self.files = LocalFiles(self.path, self.access)

    def fill(self, requests: Any) -> None:
        """See `ChunkReader.fill`."""
        try:
            super().fill(requests)
        except FileChangedError as error:
            raise self.changed("the file") from error

    def fetch(self, place: Place) -> Any:
        """See `ChunkReader.fetch`."""
        start, size = self._found(place)
        if size == 0:
            return None
        if size > self.layout.largest_encoded:
            raise ValueError(f"it takes {size} bytes, more than {self.layout.largest_encoded}")
        found = self._file().read(start, size)
        if len(found) != size:
            raise ValueError("the file ends before it")
        return found

    def fetch_part(self, place: Place, start: int, out: np.ndarray) -> bool:
        """See `ChunkReader.fetch_part`."""
        first, size = self._found(place)
        if size == 0:
            return False
        if size != self.layout.chunk_bytes or self._file().read_into(first + start, out) != out.nbytes:
            raise ValueError("the file ends before it, or it has another size")
        return True

    def _found(self, place: Place) -> list[int]:
        start, size, skipped = self.places[place].tolist()
        if skipped:
            raise ValueError(f"it was written without the filters {skipped:b}, which h5py alone reads")
        return [start, size]

    def _file(self) -> Handle:
        file = self.files.handle("")
        if file is None:
            raise FileChangedError(self.path)
        return file


def is_hdf5(path: str) -> bool:
    """Whether there is a file, and it is of HDF5."""
    return os.path.isfile(path) and bool(h5py.is_hdf5(path))


def find_layout(file: h5py.File, names: str | Sequence[str]) -> tuple[ChunkLayout, np.ndarray]:
    """The layout of a dataset, or of several stacked, and the table of its chunks (see `dataset_layout`)."""
    require(not file.id.get_create_plist().get_userblock(), "a user block", "files without a user block")
    for name in [names] if isinstance(names, str) else names:
        require(name in file, name, f"datasets that are in the file ({', '.join(file)})")
    if isinstance(names, str):
        return dataset_layout(file[names])
    found = [dataset_layout(file[name]) for name in names]
    return stacked([f for f, _ in found], [p for _, p in found])


def dataset_layout(dataset: Any) -> tuple[ChunkLayout, np.ndarray]:
    """The layout of a dataset, and for each chunk [*grid, 3] where it begins, its bytes and the filters it lacks.

    A contiguous dataset is one chunk of values as they are. A chunk that was never written has no bytes.

    Raises:
        UnreadableLayoutError: compact, external, virtual, of a filter that is not read here, or of no numbers.
    """
    require(isinstance(dataset, h5py.Dataset), type(dataset).__name__, "datasets of HDF5 files")
    plan, dtype, shape = dataset.id.get_create_plist(), dataset.dtype, dataset.shape
    require(shape is not None and dtype.kind in "fiubc", dtype, "datasets of numbers")
    require(not dataset.is_virtual and not dataset.external, "another file", "datasets that lie in their own file")
    fill = dataset.fillvalue
    if dataset.chunks is None:
        require(plan.get_layout() == h5py.h5d.CONTIGUOUS, "a compact dataset", "contiguous and chunked datasets")
        layout = ChunkLayout(shape=shape, chunks=tuple(max(n, 1) for n in shape), dtype=dtype, fill=fill)
        start = dataset.id.get_offset()
        return layout, np.array([start or 0, 0 if start is None else layout.chunk_bytes, 0]).reshape(
            *(1,) * len(shape), 3
        )
    chunks = tuple(dataset.chunks)
    size = math.prod(chunks) * dtype.itemsize
    stored = [filter_words(plan.get_filter(n), dtype) for n in range(plan.get_nfilters())]
    layout = ChunkLayout(shape=shape, chunks=chunks, dtype=dtype, fill=fill, decoders=steps(stored, size, dtype))
    grid = [-(-n // c) for n, c in zip(shape, chunks, strict=True)]
    require(24 * math.prod(grid) < LARGEST_TABLE, grid, "tables of chunks below 1 GiB")
    return layout, chunk_table(dataset, grid)


def chunk_table(dataset: Any, grid: Sequence[int]) -> np.ndarray:
    """Where each chunk begins, its bytes and the filters that it lacks, [*grid, 3]."""
    table = np.zeros((*grid, 3), np.int64)

    def note(chunk: Any) -> None:
        place = tuple(o // c for o, c in zip(chunk.chunk_offset, dataset.chunks, strict=True))
        table[place] = chunk.byte_offset, chunk.size, chunk.filter_mask

    dataset.id.chunk_iter(note)
    return table


def filter_words(said: tuple[int, int, tuple[int, ...], bytes], dtype: np.dtype) -> dict[str, Any]:
    """A filter of HDF5 as a configuration of numcodecs."""
    number, _, values, name = said
    require(number in FILTERS, name.decode(errors="replace"), f"the filters {', '.join(FILTERS.values())}")
    width = {"elementsize": int(values[0]) if values else dtype.itemsize} if number == 2 else {}
    return {"id": FILTERS[number], **width}


def stacked(layouts: Sequence[ChunkLayout], places: Sequence[np.ndarray]) -> tuple[ChunkLayout, np.ndarray]:
    """Datasets of equal layout as one with a new first axis."""
    first = layouts[0]
    alike = all(
        (f.shape, f.chunks, f.dtype, f.decoders) == (first.shape, first.chunks, first.dtype, first.decoders)
        for f in layouts
    )
    require(alike, "several", "stacked datasets of one shape, type and layout")
    layout = ChunkLayout(
        shape=(len(layouts), *first.shape),
        chunks=(1, *first.chunks),
        dtype=first.dtype,
        fill=first.fill,
        decoders=first.decoders,
    )
    return layout, np.stack(places)
