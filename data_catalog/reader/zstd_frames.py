"""Zstandard frames (RFC 8878): what their headers say, and their bytes decoded into given memory."""

from __future__ import annotations

import threading
from typing import Any

import numcodecs.zstd
import numpy as np

zstandard: Any
try:  # its decompressors are used again: numcodecs makes one for each chunk, which costs a quarter of the time
    import zstandard
except ImportError:
    zstandard = None

ZSTD_FAULTS: tuple[type[BaseException], ...] = () if zstandard is None else (zstandard.ZstdError,)
kept = threading.local()


def zstd_decompress(raw: Any, out: np.ndarray | None = None) -> Any:
    """A frame decoded, into the bytes of `out` if there is some; then its header says how long it is.

    Raises:
        ValueError: there is more or less in it. RuntimeError, zstandard.ZstdError: it is broken.
    """
    if zstandard is None or out is None:
        return numcodecs.zstd.decompress(raw, out)
    if not hasattr(kept, "decompressor"):
        kept.decompressor = zstandard.ZstdDecompressor()
    _, end = zstd_blocks(raw)
    if end != len(raw):
        raise ValueError(f"its frame ends after {end} bytes, it has {len(raw)}")
    found = kept.decompressor.stream_reader(raw, read_size=len(raw)).readinto(out)
    if found != out.nbytes:
        raise ValueError(f"it holds {found} bytes where {out.nbytes} belong")
    return out


def zstd_size(raw: Any) -> int | None:
    """Decoded size in the header of a Zstandard frame; None where it is not said."""
    width, start = zstd_header(raw)
    if not width:
        return None
    return int.from_bytes(bytes(raw[start : start + width]), "little") + (256 if width == 2 else 0)


def zstd_header(raw: Any) -> tuple[int, int]:
    """Bytes that hold the decoded size, and where they begin."""
    if bytes(raw[:4]) != b"\x28\xb5\x2f\xfd":
        raise ValueError("it is not a Zstandard frame")
    flags = int(raw[4])
    single = flags >> 5 & 1
    return (single, 2, 4, 8)[flags >> 6], 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]


def zstd_bound(raw: Any) -> int:
    """The most that the blocks of a frame can hold: 128 KiB each."""
    return zstd_blocks(raw)[0] * 2**17


def zstd_blocks(raw: Any) -> tuple[int, int]:
    """Number of blocks of a frame, and the byte behind it and its checksum, which may lie behind the end."""
    width, start = zstd_header(raw)
    place, blocks, last = start + width, 0, False
    while not last and place + 3 <= len(raw):
        head = int.from_bytes(bytes(raw[place : place + 3]), "little")
        place, blocks, last = place + 3 + (1 if head >> 1 & 3 == 1 else head >> 3), blocks + 1, bool(head & 1)
    return blocks, place + (4 if raw[4] & 4 else 0)
