"""From the stored bytes of a chunk to its values: one compressor at most, filters and checksums of known sizes."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numcodecs
import numcodecs.blosc
import numcodecs.lz4
import numpy as np

from ..errors import DataError
from .buffers import scratch
from .zstd_frames import ZSTD_FAULTS, zstd_bound, zstd_decompress, zstd_size

inflating: Any
try:  # two to three times as fast, with the same results
    from isal import isal_zlib as inflating
except ImportError:
    inflating = zlib

numcodecs.blosc.use_threads = False  # as zarr-python sets it: threads are ours, and a pool does not survive a fork

HEADED = {
    "blosc": numcodecs.blosc.decompress,
    "zstd": zstd_decompress,
    "lz4": numcodecs.lz4.decompress,
}
STREAMS = {
    "gzip": lambda: inflating.decompressobj(31),
    "zlib": lambda: inflating.decompressobj(15),
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
CHECKSUMS = ("crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3")
ELEMENTWISE = ("delta", "fixedscaleoffset", "astype", "quantize", "bitround")
FAULTS: tuple[type[BaseException], ...] = (
    *(RuntimeError, ValueError, TypeError, OSError, EOFError, MemoryError),
    *(zlib.error, lzma.LZMAError, inflating.error, *ZSTD_FAULTS),
)


class UnreadableLayoutError(DataError):
    """A layout that is left to zarr-python or h5py; the message says why."""


def require(holds: bool, got: Any, rule: str) -> None:
    """Leave to xarray what is not read here."""
    if not holds:
        raise UnreadableLayoutError(
            f"Humboldt reads {rule} by itself, got {got!r}; it is left to its own library, slower"
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that undoes a codec.

    Attributes:
        name: of the codec, as numcodecs calls it; codec: what decodes, None where this file does it.
        size: bytes that come out.
        width: bytes of an element, for the byte shuffle.
    """

    name: str
    codec: Any = None
    size: int
    width: int = 1


def steps(stored: Sequence[Mapping[str, Any]], size: int, dtype: np.dtype) -> tuple[Step, ...]:
    """What undoes the codecs (numcodecs configurations, in the order in which they were applied), last one first.

    Every size between two steps is known beforehand, so that no header can ask for more memory than a chunk takes.

    Raises:
        UnreadableLayoutError: a codec that is not read here, or a second compressor.
    """
    found: list[Step] = []
    compressed = False
    count = size // max(dtype.itemsize, 1)
    for said in stored:
        name, options = str(said["id"]), dict(said)
        compressor = name in HEADED or name in STREAMS
        known = compressor or name in CHECKSUMS or name in ELEMENTWISE or name == "shuffle"
        require(known, name, "the codecs blosc, zstd, gzip, crc32c and other common ones of numcodecs")
        require(not compressed or name in CHECKSUMS, name, "chunks with one compressor, and checksums behind it")
        compressed |= compressor
        codec = None if name in STREAMS or name in HEADED else numcodecs.get_codec(options)
        found.append(Step(name=name, codec=codec, size=size, width=int(getattr(codec, "elementsize", 1))))
        if name in ELEMENTWISE:
            size = count * np.dtype(getattr(codec, "encode_dtype", None) or getattr(codec, "astype", dtype)).itemsize
        size = size + (4 if name in CHECKSUMS else 0) if not compressed else -1
    return tuple(reversed(found))


def decode(raw: Any, undo: Sequence[Step], out: np.ndarray) -> None:
    """Fill `out` (contiguous) with what the bytes of a chunk hold.

    Raises:
        ValueError, RuntimeError, ...: see `FAULTS`: bytes that are broken, or that hold more or less than `out`.
    """
    flat = out.reshape(-1).view(np.uint8)
    for number, step in enumerate(undo):
        last = number == len(undo) - 1
        into = flat if last else scratch(f"step {number}", step.size)[: max(step.size, 0)] if step.size >= 0 else None
        raw = undone(raw, step, into)
    if raw is not flat:
        exact(raw, flat.nbytes)
        flat[:] = as_bytes(raw)


def undone(raw: Any, step: Step, into: np.ndarray | None) -> Any:
    """What a step makes of some bytes; it is `into` itself where the step could write there."""
    if step.name in HEADED:
        if announced(step.name, raw, step.size) is None:
            return HEADED[step.name](raw)
        HEADED[step.name](raw, into)
        return into
    if step.name in STREAMS:
        return exact(inflated(raw, STREAMS[step.name], step.size), step.size)
    if step.name == "shuffle":
        return unshuffled(as_bytes(exact(raw, step.size)), step.width, into)
    return step.codec.decode(as_bytes(raw) if step.name in ELEMENTWISE else raw)


def inflated(raw: Any, make: Any, size: int) -> bytes:
    """A stream, or several one after another, decompressed to no more than one byte above the size that is wanted."""
    parts, length = [], 0
    while len(raw) and length <= size:
        stream = make()
        parts.append(stream.decompress(raw, size + 1 - length))
        length += len(parts[-1])
        if not stream.eof and length <= size:
            raise EOFError("it ends before its end")
        raw = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def unshuffled(raw: np.ndarray, width: int, into: np.ndarray | None) -> np.ndarray:
    """Bytes of equal rank gathered (`shuffle`), put back in the order of elements: out[w i + j] = raw[n j + i].

    The vectorised routine of blosc does it: the bytes are given to it as one block that was stored as it is.
    """
    out = np.empty(raw.size, np.uint8) if into is None else into
    if not 1 < width < 256 or raw.size % width or raw.size < 256:
        out[:] = raw if width == 1 else raw.reshape(width, -1).T.reshape(-1)
        return out
    head = np.array([raw.size, raw.size, raw.size + 24, 20, raw.size], "<u4").tobytes()
    numcodecs.blosc.decompress(b"".join((bytes((2, 1, 0x31, width)), head, raw.data)), out)
    return out


def announced(name: str, raw: Any, size: int) -> int | None:
    """The decoded size that a header says; None if it says none.

    Bytes whose header says another size than the chunk has, or than they have themselves, are refused: the libraries
    would read beyond the end, or leave the rest of the chunk as it was. Headers: blosc bytes 4 to 8 are the decoded
    size, 12 to 16 the encoded one; lz4 (of numcodecs) begins with the decoded size; zstd is RFC 8878.

    Raises:
        ValueError: such bytes.
    """
    if len(raw) < (16 if name == "blosc" else 6):
        raise ValueError(f"it has {len(raw)} bytes, fewer than a header of {name}")
    says: int | None
    if name == "lz4":
        (says,) = struct.unpack_from("<I", raw)
    elif name == "blosc":
        says, _, encoded = struct.unpack_from("<III", raw, 4)
        if encoded != len(raw):
            raise ValueError(f"its header says {encoded} bytes encoded, it has {len(raw)}")
    else:
        says = zstd_size(raw)
        if says is None and zstd_bound(raw) > 2 * size + 2**18:
            raise ValueError(f"its blocks may hold {zstd_bound(raw)} bytes decoded, the chunk has {size}")
    if says is not None and says != size:
        raise ValueError(f"its header says {says} bytes decoded, the chunk has {size}")
    return says


def exact(raw: Any, size: int) -> Any:
    """The bytes, if there are as many as there should be."""
    found = raw.nbytes if isinstance(raw, np.ndarray | memoryview) else len(raw)
    if found != size:
        raise ValueError(f"it holds {found} bytes where {size} belong")
    return raw


def as_bytes(raw: Any) -> np.ndarray:
    """Any buffer as an array of bytes."""
    return (
        np.ascontiguousarray(raw).reshape(-1).view(np.uint8)
        if isinstance(raw, np.ndarray)
        else np.frombuffer(raw, np.uint8)
    )
