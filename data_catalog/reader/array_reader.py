"""The face of every reader: an array whose values at any positions are put into the caller's memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from .buffers import aligned
from .conversion import Converts
from .selection import Request, Selection, extent


class ArrayReader(ABC):
    """An array of known shape and dtype. Leaves say how a list of requests is filled."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @abstractmethod
    def fill(self, requests: Iterable[Request]) -> None:
        """Fill the memory of all requests, which may ask for the same values."""

    def read(
        self, selection: Selection, out: np.ndarray | None = None, conversion: Converts | None = None
    ) -> np.ndarray:
        """The values at positions along each axis, [*positions], converted to the dtype of `out`.

        selection: a slice or an array of whole numbers for each axis; -1 stands for a place outside, and becomes NaN.

        Raises:
            DataError: values that cannot be read, or that are not what they were.
            IndexError: positions that are not there.
        """
        shape = extent(selection, self.shape)
        out = aligned(shape, self.dtype if conversion is None else np.float32) if out is None else out
        if out.shape != shape:
            raise ValueError(f"out has the shape of the selection, {shape}, got {out.shape}; allocate it anew")
        self.fill([Request(selection, out, conversion)])
        return out

    def read_many(
        self, samples: Sequence[int] | np.ndarray, out: np.ndarray | None = None, conversion: Converts | None = None
    ) -> np.ndarray:
        """The samples with these numbers along the first axis, in this order, [n, ...]."""
        rest = [slice(0, n) for n in self.shape[1:]]
        return self.read([np.asarray(samples, int).reshape(-1), *rest], out, conversion)

    def __len__(self) -> int:
        """Samples along the first axis."""
        return self.shape[0]
