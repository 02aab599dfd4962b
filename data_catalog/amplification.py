"""How much is read and decoded for what is used, and the command that cures it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np

from .array_reader import ArrayReader
from .chunk_reader import ChunkReader
from .open_array import convert_line
from .selection import OUTSIDE, segments
from .windows import Windows

log = logging.getLogger(__name__)
TOLERATED = 2.0


@dataclass(frozen=True, kw_only=True)
class Amplification:
    """Bytes that are decoded over bytes that are used, for a sample that is read by itself.

    Attributes:
        factor: 1 is best.
        cure: the command that writes the store for this way of reading.
    """

    factor: float
    cure: str


def amplification(reader: ArrayReader, windows: Windows, *, source: str = "", looked_at: int = 16) -> Amplification:
    """The mean over some windows, evenly spread; a factor above 2 is said in a warning.

    Raw chunks are read in parts, so they cost what is used. What has no chunks counts as 1.

    source: path of the store, for the command; that of the reader by default.
    """
    name = source or getattr(reader, "name", "SOURCE")
    sizes = dict(zip(windows.dims, windows.sample_shape, strict=True))
    cure = convert_line(name, **{d: sizes[d] for d in windows.positions})
    if not isinstance(reader, ChunkReader) or reader.layout.raw or not len(windows):
        return Amplification(factor=1.0, cure=cure)
    decoded = used = 0
    for number in np.unique(np.linspace(0, len(windows) - 1, looked_at).astype(int)):
        axes = zip(windows[int(number)], reader.shape, reader.layout.chunks, strict=True)
        chunks = math.prod(len({run.chunk for run in segments(*axis)} - {OUTSIDE}) for axis in axes)
        decoded += chunks * math.prod(reader.layout.chunks)
        used += math.prod(windows.sample_shape)
    found = Amplification(factor=decoded / used, cure=cure)
    if found.factor > TOLERATED:
        log.warning(
            "%s: %.1f bytes are read and decoded for every byte that is used, as its chunks %s do not fit windows of %s; "
            "shuffle in blocks, or write it anew: %s",
            name, found.factor, reader.layout.chunks, windows.sample_shape, cure,
        )  # fmt: skip
    return found
