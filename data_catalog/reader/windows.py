"""Which positions along each dimension make which sample: numbers only, before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .array_reader import ArrayReader
from .buffers import aligned
from .conversion import Conversion
from .selection import OUTSIDE, Request, Selection


def pairs(size: int, leads: Sequence[int], *, history: int = 1, stride: int = 1) -> np.ndarray:
    """Times of `history` states in a row and of one later state, for each start and each lead, [choices, history + 1].

    leads: steps from the last of these states to the later one.

    Raises:
        DataError: none fits.
    """
    last = range(history - 1, size, stride)
    rows = [[*range(t - history + 1, t + 1), t + lead] for t in last for lead in leads if t + lead < size]
    if not rows:
        raise DataError(f"leads fit into {size} steps after {history} of history, got {list(leads)}; make them shorter")
    return np.array(rows)


def tiles(size: int, length: int, *, stride: int | None = None, halo: int = 0, periodic: bool = False) -> np.ndarray:
    """Positions of tiles that cover an axis, each with a halo on both sides, [tiles, length + 2 halo].

    A halo reaches around a periodic axis; elsewhere its positions outside are -1, which is read as NaN. The last tile
    is moved back so that it ends with the axis.

    Raises:
        DataError: a tile longer than the axis.
    """
    if not 1 <= length <= size:
        raise DataError(f"a tile takes 1 to the {size} positions of its axis, got {length}; make it shorter")
    starts = np.minimum(np.arange(0, size - length + (stride or length), stride or length), size - length)
    where = np.unique(starts)[:, None] + np.arange(-halo, length + halo)
    return where % size if periodic else np.where((where < 0) | (where >= size), OUTSIDE, where)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Samples as windows of an array: sample n is one choice along each dimension, the last dimension changing fastest.

    Attributes:
        dims, shape: of the array.
        positions: for each dimension that is cut, what each choice takes of it, [choices, k] (see `pairs`, `tiles`; a
            table of one row picks levels). The other dimensions are taken whole.

    Raises:
        DataError: a dimension or position that the array does not have.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    positions: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        for dim, table in self.positions.items():
            if dim not in self.dims:
                raise DataError(f"windows are cut along the dimensions {self.dims}, got {dim!r}")
            size = self.shape[self.dims.index(dim)]
            if table.ndim != 2 or not table.size or table.min() < OUTSIDE or table.max() >= size:
                raise DataError(
                    f"positions along {dim!r} are a table [choices, k] of 0 to {size - 1} (or -1 outside), got {table}"
                )

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of choices along each dimension."""
        return tuple(len(self.positions[d]) if d in self.positions else 1 for d in self.dims)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of a sample."""
        sizes = zip(self.dims, self.shape, strict=True)
        return tuple(self.positions[d].shape[1] if d in self.positions else n for d, n in sizes)

    def __len__(self) -> int:
        return math.prod(self.choices)

    def __getitem__(self, number: int) -> Selection:
        """What sample `number` takes of each dimension."""
        if not 0 <= number < len(self):
            raise IndexError(f"there are the windows 0 to {len(self) - 1}, got {number}")
        chosen = np.unravel_index(number, self.choices)
        return [
            self.positions[d][c] if d in self.positions else slice(0, n)
            for d, c, n in zip(self.dims, chosen, self.shape, strict=True)
        ]


class WindowReader:
    """Windows of one or several arrays of equal dimensions, stacked as channels: [n, variable, *sample_shape], float32.

    Args:
        readers: of the variables.
        windows: what a sample is.
        conversions: for each variable, or None.
    """

    def __init__(
        self, readers: Sequence[ArrayReader], windows: Windows, conversions: Sequence[Conversion | None] | None = None
    ) -> None:
        self.readers, self.windows = tuple(readers), windows
        self.conversions = tuple(conversions or [None] * len(self.readers))
        other = [r.shape for r in self.readers if r.shape != windows.shape]
        if other:
            raise DataError(f"all variables have the shape of the windows, {windows.shape}, got {other[0]}")
        self.sample_shape, self.dtype = (len(self.readers), *windows.sample_shape), np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.windows)

    def read_many(self, samples: Sequence[int] | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The windows with these numbers, [n, variable, *sample_shape]; a chunk that several need is decoded once."""
        chosen = [self.windows[int(n)] for n in samples]
        out = aligned((len(chosen), *self.sample_shape), self.dtype) if out is None else out
        for v, (reader, conversion) in enumerate(zip(self.readers, self.conversions, strict=True)):
            reader.fill([Request(selection, out[n, v], conversion) for n, selection in enumerate(chosen)])
        return out
