"""How much is read and decoded for what is used, and the command that cures it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np

from .array_reader import ArrayReader
from .chunk_reader import ChunkReader
from .cure import convert_line, window_in_file
from .selection import OUTSIDE, segments
from .windows import Windows

log = logging.getLogger(__name__)
TOLERATED = 2.0
SPARE = 1.25
_said: set[tuple[str, str]] = set()


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
    store, group, variable = getattr(reader, "origin", ("", "", ""))
    name = source or store or getattr(reader, "name", "SOURCE")
    sizes = dict(zip(windows.dims, windows.shape, strict=True))
    window = {d: fitting_length(np.asarray(table), sizes[d], looked_at) for d, table in windows.positions.items()}
    if store and name == store:
        window = window_in_file(name, window, group=group, variable=variable, dims=windows.dims)
    cure = convert_line(name, window, group)
    if not isinstance(reader, ChunkReader) or reader.layout.raw or not len(windows):
        return Amplification(factor=1.0, cure=cure)
    decoded = used = 0
    for number in np.unique(np.linspace(0, len(windows) - 1, looked_at).astype(int)):
        axes = zip(windows[int(number)], reader.shape, reader.layout.chunks, strict=True)
        chunks = math.prod(len({run.chunk for run in segments(*axis)} - {OUTSIDE}) for axis in axes)
        decoded += chunks * math.prod(reader.layout.chunks)
        used += math.prod(windows.sample_shape)
    shapes = f"chunks of {reader.layout.chunks} for windows of {windows.sample_shape}"
    _say(name, decoded / used, shapes, cure)
    return Amplification(factor=decoded / used, cure=cure)


def fitting_length(positions: np.ndarray, size: int, looked_at: int = 16) -> int:
    """The longest chunks along an axis of which windows decode at most a quarter more than they use.

    positions: what each choice takes of the axis, [choices, k]; size: of the axis.
    """
    rows = positions[np.unique(np.linspace(0, len(positions) - 1, looked_at).astype(int))]
    inside = [row[row != OUTSIDE] for row in rows]
    used = sum(map(len, inside))
    for length in range(min(positions.shape[1], size), 1, -1):
        if length * sum(len(np.unique(row // length)) for row in inside) <= SPARE * used:
            return length
    return 1


def say_amplification(source: str, factor: float, shapes: str, **window: int) -> None:
    """Warn once a store of a factor above 2, with the command that cures it.

    window: {`sample` or `time`: length}, whatever these dimensions are called in the file.
    """
    if factor > TOLERATED and (source, shapes) not in _said:
        _say(source, factor, shapes, convert_line(source, window_in_file(source, window)))


def _say(source: str, factor: float, shapes: str, cure: str) -> None:
    if factor > TOLERATED and (source, shapes) not in _said:
        _said.add((source, shapes))
        log.warning(
            "%s: %.1f bytes are read and decoded for every byte used (%s); shuffle in blocks, or rewrite it: %s",
            source, factor, shapes, cure,
        )  # fmt: skip
