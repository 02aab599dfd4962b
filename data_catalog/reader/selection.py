"""From positions along each axis to the parts of chunks that hold them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .conversion import Converts

Selection = Sequence[slice | np.ndarray]
Place = tuple[int, ...]
OUTSIDE = -1
FIRST = slice(0, 1)


class Request(NamedTuple):
    """What is wanted: positions along each axis (slices of step 1, or whole numbers, -1 for a place outside of the
    array, which becomes NaN), the memory that takes them, [*positions], and how values are converted on the way."""

    selection: Selection
    out: np.ndarray
    conversion: Converts | None = None


class Part(NamedTuple):
    """A box of a chunk, and the memory that takes it."""

    inside: tuple[slice, ...]
    out: np.ndarray
    conversion: Converts | None


class Segment(NamedTuple):
    """A run of positions within one chunk along one axis."""

    chunk: int
    inside: slice
    into: slice


def segments(positions: slice | np.ndarray, size: int, chunk: int) -> list[Segment]:
    """Positions along an axis as runs that lie in one chunk each; those outside of the array are in chunk -1.

    Raises:
        IndexError: a position that the axis does not have.
    """
    if isinstance(positions, slice):
        first, last, step = positions.indices(size)
        if step == 1:
            return span(first, last, chunk)
        positions = np.arange(first, last, step)
    where = positions.tolist()
    if len(where) == 1 and 0 <= where[0] < size:
        return [Segment(where[0] // chunk, slice(where[0] % chunk, where[0] % chunk + 1), FIRST)]
    if where and not OUTSIDE <= min(where) <= max(where) < size:
        raise IndexError(f"this axis has positions 0 to {size - 1}, got {min(where)} to {max(where)}")
    if chunk == 1:
        return [Segment(at, FIRST, slice(n, n + 1)) for n, at in enumerate(where)]
    return runs(where, chunk)


@lru_cache(maxsize=1024)
def span(first: int, last: int, chunk: int) -> list[Segment]:
    """Positions `first` to `last` - 1, cut at the borders of chunks."""
    borders = [first, *range((first // chunk + 1) * chunk, last, chunk), last] if last > first else []
    return [
        Segment(a // chunk, slice(a % chunk, a % chunk + b - a), slice(a - first, b - first))
        for a, b in itertools.pairwise(borders)
    ]


def runs(where: list[int], chunk: int) -> list[Segment]:
    """Neighbouring positions in one chunk are one segment."""
    found, start = [], 0
    for n in range(1, len(where) + 1):
        at = where[start] // chunk
        if n < len(where) and where[n] == where[n - 1] + 1 and where[n] // chunk == at:
            continue
        if n < len(where) and where[n] == where[start] == OUTSIDE:
            continue
        inside = where[start] - at * chunk
        found.append(Segment(at, slice(inside, inside + n - start), slice(start, n)))
        start = n
    return found


def parts_by_chunk(requests: Iterable[Request], shape: Place, chunks: Place) -> dict[Place, list[Part]]:
    """The parts of chunks that requests ask for; what lies outside of the array is filled with NaN at once."""
    found: dict[Place, list[Part]] = {}
    for selection, out, conversion in requests:
        axes = [segments(*axis) for axis in zip(selection, shape, chunks, strict=True)]
        for combination in itertools.product(*axes):
            place = tuple([segment.chunk for segment in combination])
            own: tuple[Any, ...] = (*[segment.into for segment in combination], ...)
            into = out[own]  # a view, of a single value too
            if OUTSIDE in place:
                into[...] = np.nan
            else:
                part = Part(tuple([segment.inside for segment in combination]), into, conversion)
                found.setdefault(place, []).append(part)
    return found


def extent(selection: Selection, shape: Sequence[int]) -> tuple[int, ...]:
    """Number of positions along each axis."""
    return tuple(
        len(range(*positions.indices(size))) if isinstance(positions, slice) else len(positions)
        for positions, size in zip(selection, shape, strict=True)
    )
