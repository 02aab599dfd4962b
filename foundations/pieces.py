"""Predictions that are too large to be made at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pieces:
    """A prediction of many parts that do not depend on each other, a piece of which is made alone and in any order.

    Attributes:
        count: number of parts: states, initial times, rows of a map, molecules.
        size: how many of them a piece holds.
        along: dimension of what is made, along which pieces are put together; None where they are tables.
        make: the labelled prediction of the parts from one number to before another; memory holds no others.
    """

    count: int
    size: int
    along: str | None
    make: Callable[[int, int], Any]

    @property
    def starts(self) -> range:
        """The first part of every piece."""
        return range(0, self.count, self.size)
