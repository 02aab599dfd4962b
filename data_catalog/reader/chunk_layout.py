"""How the values of an array lie in chunks, whatever the format: what a chunk holds and what decodes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .decoding import Step, require

LARGEST_CHUNK = 2**31


@dataclass(frozen=True, kw_only=True)
class ChunkLayout:
    """An array cut into chunks of equal shape; those at its ends reach beyond it.

    Attributes:
        shape: of the array; chunks: of what is decoded at once.
        dtype: as stored, with byte order; fill: the value of chunks that are not there.
        decoders: applied in this order to the bytes of a chunk; none where values lie there as they are.
        axes: axes of the array in the order in which they lie in a chunk, slowest first; None for their own order.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype
    fill: Any = 0
    decoders: tuple[Step, ...] = ()
    axes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        require(self.dtype.kind in "fiubc", self.dtype, "numbers")
        require(len(self.shape) == len(self.chunks), self.chunks, "one chunk size for each axis")
        require(self.raw or self.chunk_bytes < LARGEST_CHUNK, self.chunk_bytes, f"chunks below {LARGEST_CHUNK} bytes")
        require(math.prod(self.shape) * self.dtype.itemsize < 2**62, self.shape, "arrays below 2**62 bytes")

    @cached_property
    def chunk_bytes(self) -> int:
        """Size of a decoded chunk."""
        return math.prod(self.chunks) * self.dtype.itemsize

    @cached_property
    def largest_encoded(self) -> int:
        """More bytes than this are no encoded chunk, whatever the codec."""
        return 2 * self.chunk_bytes + 2**16

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Bytes between neighbours along each axis of a chunk whose axes are in their own order."""
        return tuple(self.dtype.itemsize * math.prod(self.chunks[axis + 1 :]) for axis in range(len(self.chunks)))

    @cached_property
    def raw(self) -> bool:
        """Whether values lie in a chunk as they are, so that a part of it can be read by itself."""
        return not self.decoders and self.axes is None

    def arranged(self, flat: np.ndarray) -> np.ndarray:
        """The bytes of a decoded chunk as its values, [*chunks], a view."""
        values = flat.view(self.dtype)
        if self.axes is None:
            return values.reshape(self.chunks)
        return values.reshape([self.chunks[axis] for axis in self.axes]).transpose(np.argsort(self.axes))
