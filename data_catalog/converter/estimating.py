"""How long a conversion takes, from a probe on the data."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import xarray as xr

from .chunking import ArrayPlan
from .codecs import measure
from .shards import read_box


def seconds_of(variable: xr.DataArray, plan: ArrayPlan, codec: str) -> float:
    """Seconds for an array in one worker, from its first shard: read, encoded and decoded now, in memory.

    What a disk takes to write is not in it, nor what is read more than once.
    """
    _, box = next(plan.shards_in(next(plan.boxes())))
    start = time.perf_counter()
    values = np.ascontiguousarray(read_box(variable, box))
    whole = plan.chunks if values.shape == plan.shards else values.shape
    piece = max(1, int(np.prod(whole)))
    measure(codec, [values.reshape(-1)[n : n + piece] for n in range(0, values.size, piece)])
    return (time.perf_counter() - start) * plan.bytes / max(values.nbytes, 1)


def said(seconds: Mapping[str, float], workers: int) -> str:
    """An estimate for reading: the sum, and the array that takes longest."""
    total, longest = sum(seconds.values()), max(seconds, key=lambda name: seconds[name])
    return (
        f"about {duration(total / workers)} with {workers} of the processor's cores, most of it for {longest}, if the "
        "disk keeps up (the first shard of each was read, encoded and decoded)"
    )


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
