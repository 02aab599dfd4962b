"""Arrays behind a URL: the byte ranges of many chunks are asked for together, and may be kept on a local disk."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .chunk_layout import ChunkLayout
from .chunk_reader import ChunkReader
from .disk_cache import DiskCache, usual_cache
from .ranges import Span, open_ranges
from .selection import Part, Place

AT_ONCE = 2**26


class RemoteReader(ChunkReader):
    """Reads one array behind a URL, many byte ranges at a time. Leaves say which bytes a chunk is.

    Args:
        url: of the folder or file, as fsspec understands it (`https://`, `s3://`, `gs://`, `memory://` ...).
        layout: how the array lies.
        cache: keeps what was fetched on a local disk: a `DiskCache`, or its folder; by default the folder that the
            environment variable `HUMBOLDT_READ_CACHE` names, if it does. Data that are written anew need another cache.
        options: for fsspec, such as `{"anon": True}`.
        at_once: requests that are under way together.
        choices: `cache_bytes`, `threads`; see `ChunkReader`.
    """

    def __init__(
        self,
        url: str,
        layout: ChunkLayout,
        *,
        cache: DiskCache | str | Path | None = None,
        options: dict[str, Any] | None = None,
        at_once: int = 32,
        **choices: Any,
    ) -> None:
        self.url, self.options, self.at_once = url, options or {}, at_once
        self.cache = DiskCache(cache) if isinstance(cache, str | Path) else cache or usual_cache()
        super().__init__(url, layout, **choices)

    def enter(self) -> None:
        """See `ChunkReader.enter`."""
        self.source = open_ranges(self.url, self.options, self.at_once)
        self.local = threading.local()

    @abstractmethod
    def chunks(self, places: Sequence[Place]) -> list[np.ndarray | None]:
        """The encoded bytes of some chunks; None for those that are not there."""

    def work(self, jobs: Iterable[tuple[Place, list[Part]]]) -> None:
        """Fetch the chunks of some jobs together, in pieces of bounded size, and place their parts."""
        jobs = list(jobs)
        count = max(1, AT_ONCE // max(self.layout.chunk_bytes, 1))
        for start in range(0, len(jobs), count):
            piece = jobs[start : start + count]
            with self.memory.lock:
                wanted = [place for place, _ in piece if place not in self.memory.recent]
            self.local.found = dict(zip(wanted, self.chunks(wanted), strict=True))
            super().work(piece)

    def fetch(self, place: Place) -> Any:
        """See `ChunkReader.fetch`."""
        found = self.local.found
        raw = found[place] if place in found else self.chunks([place])[0]
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

    def spans(self, spans: Sequence[Span]) -> list[np.ndarray | None]:
        """Bytes from the disk or from the network.

        Raises:
            DataError: nothing came, or fewer bytes than were asked for.
        """
        keys = [f"{self.url}/{span.name} {span.start} {span.size}" for span in spans]
        found: dict[int, Any] = {}
        if self.cache is not None:
            found = {n: kept for n, key in enumerate(keys) if (kept := self.cache.get(key)) is not None}
        missing = [n for n in range(len(spans)) if n not in found]
        try:
            fetched = self.source.fetch([spans[n] for n in missing])
        except OSError as error:
            raise DataError(
                f"a store gives the bytes that it is asked for, but {self.url} does not ({error}); try again later"
            ) from error
        for n, raw in zip(missing, fetched, strict=True):
            found[n] = None if raw is None else np.frombuffer(raw, np.uint8)
            if raw is not None and spans[n].size is not None and len(raw) != spans[n].size:
                raise DataError(
                    f"a store gives the bytes that it is asked for, but of {spans[n].name} of {self.url} came "
                    f"{len(raw)} of {spans[n].size}; it is cut short, or it changed: open it again"
                )
            if raw is not None and self.cache is not None:
                self.cache.put(keys[n], found[n])
        return [found[n] for n in range(len(spans))]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k not in ("source", "local")}
