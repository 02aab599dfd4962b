"""Reading whole samples, or some of their frames, into float32 arrays, with what was read last kept in memory."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr

from ..errors import DataError
from .array_reader import ArrayReader
from .buffers import aligned
from .chunk_reader import ChunkReader
from .conversion import Conversion, Converts, Counted, cf_conversion
from .decoding import UnreadableLayoutError
from .lazy_reader import LazyReader
from .open_array import open_chunks, say_slow
from .route import Route, find_route, grouped
from .selection import Request

BLOCK = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Column:
    """Where one channel lies: a variable, and an index along each of its component dimensions.

    Attributes:
        name: of the channel, for messages.
        variable: of the dataset.
        index: (dimension, position) pairs that pick one component.
        offset: subtracted from the values in the file, after their CF attributes were applied.
        factor: multiplied then: for other units, or 1 / deviation.
    """

    name: str
    variable: str
    index: tuple[tuple[str, int], ...] = ()
    offset: float = 0.0
    factor: float = 1.0


@dataclass
class Held:
    """What a reader holds in one process."""

    process: int = -1
    dataset: xr.Dataset | None = None
    kept: dict[int, np.ndarray] = field(default_factory=dict)
    recent: OrderedDict[int, np.ndarray] = field(default_factory=OrderedDict)
    fingerprint: str = ""
    readers: dict[str, tuple[ArrayReader, Conversion]] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)


class SampleReader:
    """Samples of a lazy dataset as arrays [time, channel, *space]; a variable without sample or time is repeated.

    Handles are opened in the process that reads, and neither handles nor what is cached is pickled.

    Args:
        opener: opens the dataset, with dimensions `sample`, `time` and those of `space`, each of them optional.
        columns: the channels, in order.
        space: names of the space axes, in order.
        missing: NaN and infinite values are refused (`error`), or are all NaN (`mask`).
        cache_bytes: memory for the samples read last; what `keep` asks for comes on top.
        path: the Zarr store or HDF5 file that `opener` opens, if it does: variables are then read from its chunks
            directly, in one pass with the decoding of their CF attributes; what cannot be goes through xarray.
        threads: that decode in this process.
    """

    def __init__(
        self,
        opener: Callable[[], xr.Dataset],
        columns: Sequence[Column],
        space: Sequence[str],
        *,
        missing: Literal["error", "mask"] = "error",
        cache_bytes: int = 2**28,
        path: str | None = None,
        threads: int = 1,
    ) -> None:
        self.opener, self.columns, self.space = opener, tuple(columns), tuple(space)
        self.missing, self.cache_bytes = missing, cache_bytes
        self.path, self.threads, self.held = path, threads, Held()
        sizes = self.dataset.sizes
        self.samples = sizes.get("sample", 1)
        self.shape = (sizes.get("time", 1), len(self.columns), *(sizes[axis] for axis in self.space))

    @property
    def dataset(self) -> xr.Dataset:
        """The dataset, opened in this process."""
        if self.held.dataset is None or self.held.process != os.getpid():
            self.held.dataset, self.held.process = self.opener(), os.getpid()
            self.held.readers.clear()
            self.held.routes.clear()
        return self.held.dataset

    @property
    def bytes_per_sample(self) -> int:
        """Memory of one sample as float32."""
        return 4 * int(np.prod(self.shape))

    def get(self, samples: Sequence[int], *, keep: Sequence[int] | None = None) -> list[np.ndarray]:
        """The samples, each [time, channel, *space] and not to be written to; if one is not there yet, all of `keep`
        is read and stays in memory."""
        kept = self.held.kept
        if keep is not None and any(s not in kept for s in samples):
            for block, values in self.blocks([s for s in keep if s not in kept]):
                kept.update(zip(block, values, strict=True))
        return [kept[s] if s in kept else self._recall(s) for s in samples]

    def blocks(self, samples: Sequence[int]) -> Iterator[tuple[list[int], np.ndarray]]:
        """All the samples in pieces of bounded size, neighbours together: (numbers, [n, time, channel, *space])."""
        size = max(1, BLOCK // self.bytes_per_sample)
        run: list[int] = []
        for sample in samples:
            if run and (sample != run[-1] + 1 or len(run) == size):
                yield run, self.read(run)
                run = []
            run.append(int(sample))
        if run:
            yield run, self.read(run)

    def read(self, samples: Sequence[int], out: np.ndarray | None = None) -> np.ndarray:
        """Any samples, [n, time, channel, *space].

        Raises:
            DataError: NaN or infinite values where `missing` is `error`.
        """
        out = aligned((len(samples), *self.shape), np.float32) if out is None else out
        finite = self._fill([(np.asarray(samples, int), None, out)])
        if not finite:
            self._check(out, samples)
        return out

    read_many = read

    def read_frames(self, samples: Sequence[int], frames: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Some frames of each sample, such as the two of a pair, [n, k, channel, *space].

        frames: frame numbers, [n, k].

        Raises:
            DataError: as `read`.
        """
        out = aligned((*np.shape(frames), *self.shape[1:]), np.float32) if out is None else out
        chosen = zip(samples, np.asarray(frames), strict=True)
        finite = self._fill([(np.array([s]), times, out[n : n + 1]) for n, (s, times) in enumerate(chosen)])
        if not finite:
            self._check(out, samples)
        return out

    @property
    def chunk_samples(self) -> int:
        """The most samples that share a chunk in any variable."""
        return max(_chunk(self._reader(c.variable)[0], self.dataset[c.variable].dims, "sample") for c in self.columns)

    @property
    def chunk_frames(self) -> int:
        """The most frames that share a chunk in any variable, where one must be decoded as a whole."""
        return max(_chunk(self._reader(c.variable)[0], self.dataset[c.variable].dims, "time") for c in self.columns)

    def _fill(self, wanted: Sequence[tuple[np.ndarray, np.ndarray | None, np.ndarray]]) -> bool:
        """Fill memory [n, time, channel, *space] for each (samples, frames or all, memory); whether all of it is known
        to hold finite numbers."""
        by_variable: dict[str, list[Request]] = {}
        repeats: list[tuple[np.ndarray, np.ndarray]] = []
        routes, readers = self._routes(), self.held.readers
        counted = [(route, counting(route, readers[route.variable][0])) for route in routes]
        size = 0
        for samples, frames, out in wanted:
            for route, conversion in counted:
                memory = out[:, :, route.channels]
                if route.lacking:
                    once = np.empty([1 if n in route.lacking else k for n, k in enumerate(memory.shape)], np.float32)
                    repeats.append((memory, once))
                    memory = once
                size += memory.size
                by_variable.setdefault(route.variable, []).append(route.request(samples, frames, memory, conversion))
        for variable, requests in by_variable.items():
            readers[variable][0].fill(requests)
        for memory, values in repeats:
            memory[...] = values
        return size == sum(conversion.finite for _, conversion in counted if isinstance(conversion, Counted))

    def _routes(self) -> list[Route]:
        """How the values of the columns come to their places, worked out once a process."""
        data, routes = self.dataset, self.held.routes
        if not routes:
            for group in grouped(self.columns):
                column, (_, decoding) = self.columns[group.first], self._reader(group.variable)
                conversion = decoding.then(shift=column.offset, factor=column.factor)
                routes.append(find_route(data[group.variable], self.space, group, conversion))
        return routes

    def _reader(self, variable: str) -> tuple[ArrayReader, Conversion]:
        """What reads a variable in this process, and how what it reads is decoded."""
        data, readers = self.dataset, self.held.readers
        if variable not in readers:
            readers[variable] = self._direct(data[variable]) or (LazyReader(data[variable]), Conversion())
        return readers[variable]

    def _direct(self, array: xr.DataArray) -> tuple[ArrayReader, Conversion] | None:
        """A reader of the chunks of a variable, if it is what the file holds."""
        if self.path is None or array.variable._in_memory or array.chunks is not None:
            return None
        name = array.encoding.get("hdf5", str(array.name))
        try:
            reader = open_chunks(self.path, name, threads=self.threads)
        except UnreadableLayoutError as error:
            say_slow(self.path, str(array.name), error)
            return None
        same = isinstance(reader, ChunkReader) and reader.shape == array.shape
        return (reader, cf_conversion(array.encoding, reader.dtype)) if same else None

    def _check(self, values: np.ndarray, samples: Sequence[int]) -> None:
        """Refuse, or mask, what is no finite number."""
        if np.isfinite(values).all():
            return
        if self.missing == "mask":
            values[np.isinf(values)] = np.nan
            return
        bad = ~np.isfinite(values)
        sample, time, channel = np.argwhere(bad)[0][:3]
        count, kind = (
            int(bad[:, :, channel].sum()),
            "NaN" if np.isnan(values[:, :, channel]).any() else "infinite values",
        )
        raise DataError(
            f"training data hold a number everywhere, got {count} {kind} in variable {self.columns[channel].name!r}, "
            f"first in sample {samples[sample]} at time index {time}; repair the file, or open it with missing='mask'"
        )

    def _recall(self, sample: int) -> np.ndarray:
        recent = self.held.recent
        values = recent.pop(sample, None)
        if values is None:
            values = self.read([sample])[0]
        recent[sample] = values
        while len(recent) > max(1, self.cache_bytes // self.bytes_per_sample):
            recent.popitem(last=False)
        return values

    def fingerprint(self) -> str:
        """Hash of the shape and of the values of the first and the last sample."""
        if not self.held.fingerprint:
            ends = b"".join(self.read([sample]).tobytes() for sample in sorted({0, self.samples - 1}))
            self.held.fingerprint = hashlib.sha256(f"{self.samples} {self.shape} ".encode() + ends).hexdigest()
        return self.held.fingerprint

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "held": Held()}


def counting(route: Route, reader: ArrayReader) -> Converts | None:
    """The conversion of a route, counting where values come from chunks."""
    return Counted(route.conversion or Conversion()) if isinstance(reader, ChunkReader) else route.conversion


def _chunk(reader: ArrayReader, dims: Sequence[Any], dim: str) -> int:
    """Positions along a dimension that are decoded together."""
    if dim not in dims or not isinstance(reader, ChunkReader) or reader.layout.raw:
        return 1
    return reader.layout.chunks[list(dims).index(dim)]
