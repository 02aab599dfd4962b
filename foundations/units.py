"""How a field of tokens is cut into units: rectangles that are kept, hidden and attended to as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Shaped
from torch import Tensor

FIELD, GRID = "b (gh sh) (gw sw) d", "b (gh gw) (sh sw) d"


@dataclass(frozen=True)
class Units:
    """A field of (h, w) tokens as a (unit, slot) grid; units, and slots inside a unit, are counted row by row.

    Attributes:
        count: rows and columns of units on the field.
        size: rows and columns of tokens in a unit.
    """

    count: tuple[int, int]
    size: tuple[int, int]

    @property
    def grid(self) -> tuple[int, int]:
        """Number of units, and of slots in each."""
        return self.count[0] * self.count[1], self.size[0] * self.size[1]

    def cut(self, x: Shaped[Tensor, "b h w d"]) -> Shaped[Tensor, "b unit slot d"]:
        """Field to units."""
        return rearrange(x, f"{FIELD} -> {GRID}", gh=self.count[0], gw=self.count[1])

    def lay(self, x: Shaped[Tensor, "b unit slot d"]) -> Shaped[Tensor, "b h w d"]:
        """Units to field, the inverse of `cut`."""
        sizes = {"gh": self.count[0], "gw": self.count[1], "sh": self.size[0], "sw": self.size[1]}
        return rearrange(x, f"{GRID} -> {FIELD}", **sizes)

    def shift(self, x: Shaped[Tensor, "b unit slot d"], back: bool = False) -> Shaped[Tensor, "b unit slot d"]:
        """Move the field by half a unit, down and right (or back); what leaves at one side enters at the other."""
        sign = -1 if back else 1
        moves = [sign * (length // 2) for length in self.size]
        return self.cut(torch.roll(self.lay(x), moves, (1, 2)))
