"""How an array is cut: chunks for the reading pattern, shards for the file system, regions for the memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..store import did_you_mean
from .joining import MEMBERS, SAMPLES

LARGEST_CHUNK = 2**29


@dataclass(frozen=True, kw_only=True)
class ArrayPlan:
    """One array of a store.

    Attributes:
        name, dims, shape, dtype: of the array.
        chunks: what is decoded at once; shards: what lies in one file, whole chunks along each axis.
        region: what is read from the source at once, whole shards along each axis.
        amplification: bytes read from the source, at least, over bytes written.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    region: tuple[int, ...]
    amplification: float = 1.0

    @property
    def bytes(self) -> int:
        """Size before compression."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def shard_count(self) -> int:
        return math.prod(-(-n // s) for n, s in zip(self.shape, self.shards, strict=True))

    def boxes(self) -> Iterator[tuple[slice, ...]]:
        """The regions, which cover the array once."""
        return tiles([slice(0, n) for n in self.shape], self.region)

    def shards_in(self, box: Sequence[slice]) -> Iterator[tuple[str, tuple[slice, ...]]]:
        """Key and box of each shard of a region."""
        for inner in tiles(box, self.shards):
            place = [b.start // s for b, s in zip(inner, self.shards, strict=True)]
            yield "/".join([self.name, "c", *map(str, place)]), inner


def tiles(box: Sequence[slice], size: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """A box cut into pieces of a size, the last ones shorter."""
    axes = [[slice(a, min(a + n, b.stop)) for a in range(b.start, b.stop, n)] for b, n in zip(box, size, strict=True)]
    return itertools.product(*axes)


def chunk_lengths(sizes: Mapping[str, int], window: Mapping[str, int] | None = None) -> dict[str, int]:
    """Length of a chunk along each dimension: one sample and the whole of everything else, or what `window` says.

    A sample is one step along the sample dimensions (sample, trajectory, run, ...), or, where there are none, one step
    along `time` and along the members of an ensemble. In `window`, -1 is the whole dimension.

    Raises:
        DataError: a dimension that is not there, or a length that does not fit it.
    """
    independent = [d for d in sizes if d.lower() in SAMPLES]
    ones = independent or [d for d in sizes if d.lower() in (*MEMBERS, "time", "valid_time", "t")]
    lengths = {d: 1 if d in ones else n for d, n in sizes.items()}
    for dim, length in (window or {}).items():
        if dim not in sizes:
            raise DataError(
                f"a window names dimensions of the data, got {dim!r}; they have {list(sizes)}"
                f"{did_you_mean(dim, list(sizes))}"
            )
        if length != -1 and not 1 <= length <= sizes[dim]:
            raise DataError(f"a window is 1 to {sizes[dim]} long along {dim}, or -1 for all of it, got {length}")
        lengths[dim] = sizes[dim] if length == -1 else length
    return lengths


def plan_array(
    name: str, dims: Sequence[str], shape: Sequence[int], dtype: np.dtype, lengths: Mapping[str, int], *,
    native: Mapping[str, int], shard_bytes: int, region_bytes: int,
) -> ArrayPlan:  # fmt: skip
    """Chunks, shards and regions of one array.

    Raises:
        DataError: a chunk of more than 512 MiB.
    """
    chunks = tuple(max(1, min(lengths[d], n)) for d, n in zip(dims, shape, strict=True))
    size = math.prod(chunks) * dtype.itemsize
    if size > LARGEST_CHUNK:
        cut = max(dims, key=lambda d: chunks[list(dims).index(d)])
        raise DataError(
            f"a chunk holds at most {LARGEST_CHUNK} bytes, got {size} for {name} with "
            f"{dict(zip(dims, chunks, strict=True))}; "
            f"say how it is read, such as window={{{cut!r}: {max(1, lengths[cut] // -(-size // LARGEST_CHUNK))}}}"
        )
    shards = grown(chunks, shape, shape, shard_bytes // dtype.itemsize)
    stored = [native.get(d, s) for d, s in zip(dims, shards, strict=True)]
    region = grown(shards, stored, shape, region_bytes // dtype.itemsize)
    return ArrayPlan(
        name=name, dims=tuple(dims), shape=tuple(shape), dtype=dtype, chunks=chunks, shards=shards, region=region,
        amplification=math.prod(map(reread, shape, region, stored), start=1.0),
    )  # fmt: skip


def grown(unit: Sequence[int], wanted: Sequence[int], shape: Sequence[int], room: int) -> tuple[int, ...]:
    """Whole multiples of a unit that reach `wanted` along each axis, first axes first, within `room` elements."""
    lengths = list(unit)
    for axis, (length, want, size) in enumerate(zip(unit, wanted, shape, strict=True)):
        most = max(1, room // max(1, math.prod(lengths)))
        lengths[axis] = length * min(most, -(-min(max(want, length), max(size, 1)) // length))
    return tuple(lengths)


def reread(size: int, region: int, stored: int) -> float:
    """How often a stored chunk is read along one axis: stored chunks that the regions touch over those there are."""
    touched = sum((min(a + region, size) - 1) // stored - a // stored + 1 for a in range(0, size, region))
    return touched / max(1, -(-size // stored))
