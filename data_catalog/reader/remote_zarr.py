"""Zarr arrays behind a URL: the indexes of shards are fetched first, then the chunks that they point to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .ranges import Span, open_ranges
from .remote import RemoteReader
from .selection import Place
from .zarr_layout import ZarrLayout, parse_zarr_layout
from .zarr_reader import ABSENT, shard_index


class RemoteZarrReader(RemoteReader):
    """Reads one Zarr array behind a URL.

    Args:
        url: of the array.
        choices: see `RemoteReader`.

    Raises:
        UnreadableLayoutError: what it holds must be left to zarr-python.
    """

    layout: ZarrLayout

    def __init__(self, url: str, **choices: Any) -> None:
        source = open_ranges(url.rstrip("/"), choices.get("options") or {}, 1)

        def text(name: str) -> bytes | None:
            found = source.fetch([Span(name)])[0]
            return None if found is None else bytes(found)

        layout = parse_zarr_layout(text, url)
        super().__init__(url.rstrip("/"), layout, **choices)

    def enter(self) -> None:
        """See `ChunkReader.enter`."""
        super().enter()
        self.indexes: dict[str, np.ndarray | None] = {}

    def chunks(self, places: Sequence[Place]) -> list[np.ndarray | None]:
        """See `RemoteReader.chunks`."""
        layout = self.layout
        if layout.shards is None:
            return self.spans([Span(layout.file(place)) for place in places])
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
        found = iter(self.spans([span for span in spans if span is not None]))
        return [None if span is None else next(found) for span in spans]

    def _learn(self, names: Sequence[str]) -> None:
        """Fetch the indexes of shards that are not known yet."""
        length, first = self.layout.index_bytes, self.layout.index_first
        new = [name for name in dict.fromkeys(names) if name not in self.indexes]
        raws = self.spans([Span(name, 0 if first else -length, length) for name in new])
        for name, raw in zip(new, raws, strict=True):
            self.indexes[name] = None if raw is None else shard_index(raw, self.layout, f"{name} of {self.url}")
