"""Memory that bytes are read into: on page boundaries, and used again where it is not handed out."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

PAGE = 4096
LARGE = 2**15
memory = threading.local()


def aligned(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """New memory like `numpy.empty`, from a page boundary on.

    Processors copy from the page cache (rep movsb) four times slower to an address that lies 1 to 31 bytes behind that
    of the source within a page, and 16 bytes behind is where large arrays of numpy begin.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    whole = np.empty(size + PAGE, np.uint8)
    start = -address(whole) % PAGE
    return whole[start : start + size].view(dtype).reshape(shape)


def address(array: np.ndarray) -> int:
    """Where the memory of an array begins."""
    return array.__array_interface__["data"][0]


def scratch(use: str, size: int) -> np.ndarray:
    """Memory of this thread for one use, at least so many bytes; it is overwritten at the next call for that use."""
    kept = memory.__dict__.get(use)
    if kept is None or kept.nbytes < size:
        kept = memory.__dict__[use] = aligned((max(size, LARGE),), np.uint8)
    return kept


def read_into(file: int, start: int, out: np.ndarray) -> int:
    """Fill contiguous memory from a place in an open file; how many bytes there were."""
    done = os.preadv(file, [out.data], start)
    while 0 < done < out.nbytes:
        more = os.preadv(file, [out.reshape(-1).view(np.uint8)[done:].data], start + done)
        if not more:
            break
        done += more
    return done
