"""Zarr arrays behind a URL: byte ranges are asked for together, the indexes of shards first, then their chunks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from .chunk_reader import ChunkReader, pool
from .disk_cache import DiskCache
from .selection import Part, Place
from .zarr_layout import ZarrLayout, parse_zarr_layout
from .zarr_reader import ABSENT, shard_index

AT_ONCE = 2**26
MISSING = (FileNotFoundError, KeyError)


class Span(NamedTuple):
    """Bytes of a file: `size` from `start` on; all of it if `size` is None, the last ones if `start` is negative."""

    name: str
    start: int = 0
    size: int | None = None


class RemoteZarrReader(ChunkReader):
    """Reads one Zarr array behind a URL, many byte ranges at a time.

    Args:
        url: of the array, as fsspec understands it (`https://`, `s3://`, `gs://`, `memory://` ...).
        cache: keeps what was fetched on a local disk. A store that is written anew needs another cache.
        options: for fsspec, such as `{"anon": True}`.
        at_once: requests that are under way together.
        choices: `cache_bytes`, `threads`; see `ChunkReader`.

    Raises:
        UnreadableLayoutError: what it holds must be left to zarr-python.
    """

    layout: ZarrLayout

    def __init__(
        self,
        url: str,
        *,
        cache: DiskCache | None = None,
        options: dict[str, Any] | None = None,
        at_once: int = 32,
        **choices: Any,
    ) -> None:
        self.url, self.cache, self.options, self.at_once = url.rstrip("/"), cache, options or {}, at_once
        self.source = Ranges(self.url, self.options, at_once)
        layout = parse_zarr_layout(self._text, self.url)
        super().__init__(self.url, layout, **choices)

    def enter(self) -> None:
        """See `ChunkReader.enter`."""
        self.source = Ranges(self.url, self.options, self.at_once)
        self.indexes: dict[str, np.ndarray | None] = {}
        self.local = threading.local()

    def work(self, jobs: Iterable[tuple[Place, list[Part]]]) -> None:
        """Fetch the chunks of some jobs together, in pieces of bounded size, and place their parts."""
        jobs = list(jobs)
        count = max(1, AT_ONCE // max(self.layout.chunk_bytes, 1))
        for start in range(0, len(jobs), count):
            piece = jobs[start : start + count]
            with self.memory.lock:
                wanted = [place for place, _ in piece if place not in self.memory.recent]
            self.local.found = dict(zip(wanted, self._chunks(wanted), strict=True))
            super().work(piece)

    def fetch(self, place: Place) -> Any:
        """See `ChunkReader.fetch`."""
        found = self.local.found
        raw = found[place] if place in found else self._chunks([place])[0]
        if raw is not None and len(raw) > self.layout.largest_encoded:
            raise ValueError(f"it takes {len(raw)} bytes, more than {self.layout.largest_encoded}")
        return raw

    def fetch_part(self, place: Place, start: int, out: np.ndarray) -> bool:
        """See `ChunkReader.fetch_part`."""
        raw = self.fetch(place)
        if raw is not None:
            if len(raw) != self.layout.chunk_bytes:
                raise ValueError(f"it holds {len(raw)} bytes where {self.layout.chunk_bytes} belong")
            out.reshape(-1).view(np.uint8)[:] = raw[start : start + out.nbytes]
        return raw is not None

    def _chunks(self, places: Sequence[Place]) -> list[np.ndarray | None]:
        """The encoded bytes of some chunks; None for those that are not there."""
        layout = self.layout
        if layout.shards is None:
            return self._spans([Span(layout.file(place)) for place in places])
        inside = [layout.shard(place) for place in places]
        self._learn([name for name, _ in inside])
        spans: list[Span | None] = []
        for name, inner in inside:
            index = self.indexes[name]
            offset, size = (ABSENT, ABSENT) if index is None else index[inner].tolist()
            if offset != ABSENT and size > layout.largest_encoded:
                raise DataError(
                    f"chunks take at most {layout.largest_encoded} bytes, but the index of {name} of {self.url} says "
                    f"{size}; copy or write the store again"
                )
            spans.append(None if offset == ABSENT else Span(name, offset, size))
        found = iter(self._spans([span for span in spans if span is not None]))
        return [None if span is None else next(found) for span in spans]

    def _learn(self, names: Sequence[str]) -> None:
        """Fetch the indexes of shards that are not known yet."""
        length, first = self.layout.index_bytes, self.layout.index_first
        new = [name for name in dict.fromkeys(names) if name not in self.indexes]
        raws = self._spans([Span(name, 0 if first else -length, length) for name in new])
        for name, raw in zip(new, raws, strict=True):
            self.indexes[name] = None if raw is None else shard_index(raw, self.layout, f"{name} of {self.url}")

    def _spans(self, spans: Sequence[Span]) -> list[np.ndarray | None]:
        """Bytes from the disk or from the network.

        Raises:
            DataError: fewer bytes came than were asked for.
        """
        keys = [f"{self.url}/{span.name} {span.start} {span.size}" for span in spans]
        found: dict[int, Any] = {}
        if self.cache is not None:
            found = {n: kept for n, key in enumerate(keys) if (kept := self.cache.get(key)) is not None}
        missing = [n for n in range(len(spans)) if n not in found]
        for n, raw in zip(missing, self.source.fetch([spans[n] for n in missing]), strict=True):
            found[n] = None if raw is None else np.frombuffer(raw, np.uint8)
            if raw is not None and spans[n].size is not None and len(raw) != spans[n].size:
                raise DataError(
                    f"a store gives the bytes that it is asked for, but of {spans[n].name} of {self.url} came "
                    f"{len(raw)} of {spans[n].size}; it is cut short, or it changed: open it again"
                )
            if raw is not None and self.cache is not None:
                self.cache.put(keys[n], raw)
        return [found[n] for n in range(len(spans))]

    def _text(self, name: str) -> bytes | None:
        return self.source.fetch([Span(name)])[0]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k not in ("source", "local")}


class Ranges:
    """Byte ranges of files under a URL, through fsspec: in its event loop where it has one, else in threads."""

    def __init__(self, url: str, options: dict[str, Any], at_once: int) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise ImportError("stores behind a URL need fsspec: pip install 'humboldt[remote]'") from error
        fresh = {"skip_instance_cache": True}  # an event loop does not survive a fork
        self.files, self.root = fsspec.core.url_to_fs(url, **options, **fresh)
        self.at_once = at_once

    def fetch(self, spans: Sequence[Span]) -> list[bytes | None]:
        """The bytes of each; None where there is no such file."""
        if not spans:
            return []
        if getattr(self.files, "async_impl", False):
            from fsspec.asyn import sync

            return sync(self.files.loop, self._together, spans)
        import os

        return list(pool(os.getpid(), self.at_once).map(self._one, spans))

    async def _together(self, spans: Sequence[Span]) -> list[bytes | None]:
        gate = asyncio.Semaphore(self.at_once)

        async def one(span: Span) -> bytes | None:
            start, end = bounds(span)
            async with gate:
                try:
                    return await self.files._cat_file(f"{self.root}/{span.name}", start=start, end=end)
                except MISSING:
                    return None

        return await asyncio.gather(*map(one, spans))

    def _one(self, span: Span) -> bytes | None:
        start, end = bounds(span)
        try:
            return self.files.cat_file(f"{self.root}/{span.name}", start=start, end=end)
        except MISSING:
            return None


def bounds(span: Span) -> tuple[int | None, int | None]:
    """Start and end as fsspec takes them."""
    if span.size is None:
        return None, None
    return span.start, None if span.start < 0 else span.start + span.size
