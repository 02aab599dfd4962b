"""Which codec a store is written with: measured on a sample of the data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numcodecs
import numpy as np

from ..errors import DataError
from ..store import did_you_mean

CODECS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "lz4": {"cname": "lz4", "clevel": 5, "shuffle": 1},
    "lz4-bits": {"cname": "lz4", "clevel": 5, "shuffle": 2},
    "zstd": {"cname": "zstd", "clevel": 3, "shuffle": 1},
    "zstd-bits": {"cname": "zstd", "clevel": 3, "shuffle": 2},
}
"""Name: options of blosc, those that decode fastest first."""
WORTH = 1.1
SHUFFLES = {1: "shuffle", 2: "bitshuffle"}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a codec does to a sample: its encoded over its plain size, and bytes decoded in a second."""

    codec: str
    size: float
    speed: float

    def __str__(self) -> str:
        return f"{self.codec} {100 * self.size:.0f} % ({self.speed / 1e9:.1f} GB/s)"


def require_codec(name: str) -> str:
    """The name, if there is such a codec.

    Raises:
        DataError: there is none.
    """
    if name not in ("auto", *CODECS):
        raise DataError(f"a codec is one of auto, {', '.join(CODECS)}, got {name!r}{did_you_mean(name, list(CODECS))}")
    return name


def measure_codecs(samples: Iterable[np.ndarray]) -> list[Measured]:
    """Each codec on chunks of the data."""
    chunks = [np.ascontiguousarray(sample) for sample in samples]
    return [measure(name, chunks) for name in CODECS]


def measure(name: str, chunks: Sequence[np.ndarray]) -> Measured:
    """One codec on chunks of the data."""
    options, total = CODECS[name], sum(chunk.nbytes for chunk in chunks)
    if options is None:
        encoded, codec = [chunk.tobytes() for chunk in chunks], None
    else:
        codec = numcodecs.Blosc(**options)
        encoded = [codec.encode(chunk) for chunk in chunks]
    outs = [np.empty_like(chunk) for chunk in chunks]
    start = time.perf_counter()
    for raw, out in zip(encoded, outs, strict=True):
        if codec is None:
            out.reshape(-1).view(np.uint8)[:] = np.frombuffer(raw, np.uint8)
        else:
            codec.decode(raw, out)
    seconds = max(time.perf_counter() - start, 1e-9)
    return Measured(codec=name, size=sum(map(len, encoded)) / max(total, 1), speed=total / seconds)


def fastest_worth_it(measured: Sequence[Measured]) -> Measured:
    """The codec that decodes fastest of those within 10 % of the smallest size; the order of speed is fixed, so that
    the choice depends on the data alone."""
    smallest = min(found.size for found in measured)
    return next(found for found in measured if found.size <= WORTH * smallest)


def zarr_codecs(name: str, itemsize: int) -> list[Any]:
    """The codec of that name as zarr-python takes it, with a checksum behind it; nothing for `none`."""
    from zarr.codecs import BloscCodec, Crc32cCodec

    options = CODECS[name]
    if options is None:
        return []
    shuffle: Any = SHUFFLES[options["shuffle"]]
    return [
        BloscCodec(cname=options["cname"], clevel=options["clevel"], shuffle=shuffle, typesize=itemsize),
        Crc32cCodec(),
    ]
