"""The one engine that fills a batch from chunks, whatever the format: each chunk is fetched and decoded once a call."""

from __future__ import annotations

import itertools
import math
import os
import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import DataError
from .array_reader import ArrayReader
from .buffers import scratch
from .chunk_layout import ChunkLayout
from .decoding import FAULTS, decode
from .local_files import FileChangedError
from .selection import Part, Place, Request, parts_by_chunk

SHORT_RUN = 2**14
STRIPES = 32


class Memory:
    """What a reader holds in one process: chunks decoded last, and locks so that no chunk is decoded twice."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.stripes = [threading.Lock() for _ in range(STRIPES)]
        self.recent: OrderedDict[Place, np.ndarray | None] = OrderedDict()


class ChunkReader(ArrayReader):
    """Reads any positions of an array that lies in chunks, straight into the caller's memory.

    Safe in threads; nothing is shared after a fork, and nothing that is open is pickled.

    Args:
        name: of the array, for messages.
        layout: how it lies.
        cache_bytes: memory for decoded chunks of which only a part was asked for.
        threads: that decode in this process.

    Attributes:
        origin: store, group and variable that it was opened from by `open_array`.
    """

    def __init__(self, name: str, layout: ChunkLayout, *, cache_bytes: int = 2**26, threads: int = 1) -> None:
        self.name, self.layout = name, layout
        self.shape, self.dtype = layout.shape, layout.dtype.newbyteorder("=")
        self.cache_bytes, self.threads = cache_bytes, threads
        self.origin = ("", "", "")
        self.memory = Memory()
        self.enter()

    def enter(self) -> None:
        """Begin anew in a process: nothing is open yet."""

    @abstractmethod
    def fetch(self, place: Place) -> Any:
        """The encoded bytes of a chunk, good until this thread fetches again; None if it is not there."""

    @abstractmethod
    def fetch_part(self, place: Place, start: int, out: np.ndarray) -> bool:
        """Fill contiguous memory from byte `start` of a raw chunk on; False if the chunk is not there."""

    def fill(self, requests: Iterable[Request]) -> None:
        """Fill the memory of all requests, which may ask for parts of the same chunks."""
        if self.memory.process != os.getpid():
            self.memory = Memory()
            self.enter()
        jobs = list(parts_by_chunk(requests, self.shape, self.layout.chunks).items())
        if self.threads > 1 and len(jobs) > 1:
            shares = [jobs[n :: self.threads] for n in range(min(self.threads, len(jobs)))]
            list(pool(os.getpid(), self.threads).map(self.work, shares))
        else:
            self.work(jobs)

    def work(self, jobs: Iterable[tuple[Place, list[Part]]]) -> None:
        """Place the parts of some chunks."""
        place_one = self._place_raw if self.layout.raw else self._place_decoded
        for place, parts in jobs:
            try:
                place_one(place, parts)
            except FAULTS as error:
                if isinstance(error, DataError | FileChangedError):
                    raise
                raise self.broken(place, f"it cannot be decoded ({error})") from error

    def _place_decoded(self, place: Place, parts: list[Part]) -> None:
        if len(parts) == 1 and self._is_whole(parts[0]):
            (part,), raw = parts, self.fetch(place)
            if raw is not None:
                decode(raw, self.layout.decoders, part.out)
            self._convert(self.layout.fill if raw is None else part.out, part)
            return
        values = self._values(place, parts)
        for part in parts:
            self._convert(self.layout.fill if values is None else values[part.inside], part)

    def _convert(self, values: Any, part: Part) -> None:
        if part.conversion is None:
            if values is not part.out:
                part.out[...] = values
            return
        if values is not part.out and np.ndim(values) == 0:
            values = np.broadcast_to(values, part.out.shape)
        part.conversion.apply(values, part.out)

    def _is_whole(self, part: Part) -> bool:
        layout, out = self.layout, part.out
        if out.shape != layout.chunks or layout.axes is not None:
            return False
        return out.dtype == layout.dtype and out.flags.c_contiguous

    def _values(self, place: Place, parts: list[Part]) -> np.ndarray | None:
        """The values of a chunk, [*chunks]; kept where more of it may be asked for, else in this thread's memory."""
        layout = self.layout
        used = sum(part.out.size for part in parts) * layout.dtype.itemsize
        if used >= layout.chunk_bytes or layout.chunk_bytes > self.cache_bytes:
            return self._decoded(place, scratch("chunk", layout.chunk_bytes)[: layout.chunk_bytes])
        memory = self.memory
        with memory.stripes[hash(place) % STRIPES]:
            with memory.lock:
                if place in memory.recent:
                    memory.recent.move_to_end(place)
                    return memory.recent[place]
            values = self._decoded(place, np.empty(layout.chunk_bytes, np.uint8))
            with memory.lock:
                memory.recent[place] = values
                while len(memory.recent) * layout.chunk_bytes > self.cache_bytes:
                    memory.recent.popitem(last=False)
        return values

    def _decoded(self, place: Place, flat: np.ndarray) -> np.ndarray | None:
        raw = self.fetch(place)
        if raw is None:
            return None
        decode(raw, self.layout.decoders, flat)
        return self.layout.arranged(flat)

    def _place_raw(self, place: Place, parts: list[Part]) -> None:
        """Parts of a chunk whose values lie there as they are: only the bytes that are needed are read."""
        layout = self.layout
        for part in parts:
            if self._is_whole(part) and self.fetch_part(place, 0, part.out):
                self._convert(part.out, part)
                continue
            direct = part.out.dtype == layout.dtype and part.out.flags.c_contiguous
            values = part.out
            if not direct:
                size = part.out.size * layout.dtype.itemsize
                values = scratch("part", size)[:size].view(layout.dtype).reshape(part.out.shape)
            found = self._read_box(place, part.inside, values)
            self._convert(values if found else layout.fill, part)

    def _read_box(self, place: Place, inside: tuple[slice, ...], out: np.ndarray) -> bool:
        """A box of a raw chunk, by as few reads as its gaps allow; False if the chunk is not there."""
        chunks, strides = self.layout.chunks, self.layout.strides
        axis = len(chunks)  # the axes from here on lie in one piece
        while axis and (axis == len(chunks) or inside[axis].stop - inside[axis].start == chunks[axis]):
            axis -= 1
        start = sum(s.start * stride for s, stride in zip(inside, strides, strict=True))
        outer = [range(s.stop - s.start) for s in inside[:axis]]
        runs = math.prod(out.shape[:axis])
        if runs > 1 and spread(out.shape, strides) < runs * SHORT_RUN:
            return self._read_cover(place, start, out, strides)
        for index in itertools.product(*outer):
            at = start + sum(i * stride for i, stride in zip(index, strides, strict=False))
            piece: Any = (*index, ...)
            if not self.fetch_part(place, at, out[piece]):
                return False
        return True

    def _read_cover(self, place: Place, start: int, out: np.ndarray, strides: Sequence[int]) -> bool:
        """All bytes from the first to the last value, for each position along the first axis that is longer than 1."""
        axis = next(axis for axis, n in enumerate(out.shape) if n > 1)
        inner = strides[axis + 1 :]
        size = spread(out.shape[axis + 1 :], inner) + out.itemsize
        cover = scratch("cover", size)[:size]
        for n in range(out.shape[axis]):
            where: Any = (*(0,) * axis, n, ...)
            piece = out[where]
            if not self.fetch_part(place, start + n * strides[axis], cover):
                return False
            piece[...] = np.lib.stride_tricks.as_strided(cover[: out.itemsize].view(out.dtype), piece.shape, inner)
        return True

    def broken(self, place: Place, why: str) -> DataError:
        """The error for a chunk that does not hold what it should."""
        return DataError(
            f"every chunk of a store can be decoded to {self.layout.chunks} values, but of chunk {place} of "
            f"{self.name} {why}; copy or write the store again"
        )

    def changed(self, name: str) -> DataError:
        """The error for a store that is not what it was."""
        return DataError(
            f"a store stays as it is while it is read, but {name} of {self.name} has changed; open it again"
        )

    def __getstate__(self) -> dict[str, Any]:
        open_here = ("memory", "files", "indexes")
        return {k: v for k, v in self.__dict__.items() if k not in open_here}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, memory=Memory())
        self.enter()


def spread(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Bytes from the first to the last value of a box."""
    return sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))


@lru_cache(maxsize=8)
def pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="humboldt-read")
