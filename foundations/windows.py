"""Cutting a grid into windows, and what tokens of one window may see of each other.

All of it depends on shapes only. `layout` and the tables are computed once per shape and device and then remembered
outside of the modules, so modules copy, pickle and distribute freely; a compiled graph takes them as constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
AXES = "hwl"


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Remember the last 256 results of a function of shapes; constant for `torch.compile`."""
    return torch.compiler.assume_constant_result(lru_cache(maxsize=256)(function))


@dataclass(frozen=True)
class Layout:
    """How a grid falls into windows: all tuples have one entry per axis."""

    grid: tuple[int, ...]
    window: tuple[int, ...]
    padded: tuple[int, ...]
    shift: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of windows along each axis."""
        return tuple(p // w for p, w in zip(self.padded, self.window, strict=True))

    @property
    def tokens(self) -> int:
        """Tokens in one window."""
        return math.prod(self.window)

    @property
    def is_whole(self) -> bool:
        """One window that is the grid."""
        return self.grid == self.window


def layout(grid: tuple[int, ...], size: tuple[int | None, ...], shifted: bool) -> Layout:
    """Windows of at most `size` on `grid`; an axis no longer than its window is one window and is not shifted."""
    window = tuple(g if s is None else min(g, s) for g, s in zip(grid, size, strict=True))
    padded = tuple(math.ceil(g / w) * w for g, w in zip(grid, window, strict=True))
    shift = tuple(w // 2 if shifted and g > w else 0 for g, w in zip(grid, window, strict=True))
    return Layout(grid, window, padded, shift)


@lru_cache(maxsize=8)
def _pattern(axes: int) -> tuple[str, str]:
    names = AXES[:axes]
    grid = " ".join(f"(n{a} {a})" for a in names)
    windows = f"({' '.join(f'n{a}' for a in names)}) ({' '.join(names)})"
    return f"b {grid} d", f"b {windows} d"


def split(x: Float[Tensor, "b *grid d"], layout: Layout) -> Float[Tensor, "b m n d"]:
    """Grid to m windows of n tokens: zero-pad at the end of every axis, then shift, then cut."""
    if layout.is_whole:
        return x.flatten(1, -2).unsqueeze(1)
    if layout.padded != layout.grid:
        ends = [(0, p - g) for g, p in zip(layout.grid, layout.padded, strict=True)]
        x = F.pad(x, (0, 0, *(n for end in reversed(ends) for n in end)))
    if any(layout.shift):
        x = torch.roll(x, [-s for s in layout.shift], dims=list(range(1, 1 + len(layout.grid))))
    grid, windows = _pattern(len(layout.grid))
    return rearrange(x, f"{grid} -> {windows}", **dict(zip(AXES, layout.window, strict=False)))


def join(x: Float[Tensor, "b m n d"], layout: Layout) -> Float[Tensor, "b *grid d"]:
    """The inverse of `split`; padding is cropped."""
    if layout.is_whole:
        return x.squeeze(1).unflatten(1, layout.grid)
    sizes: dict[str, Any] = dict(zip(AXES, layout.window, strict=False))
    sizes |= {f"n{a}": c for a, c in zip(AXES, layout.counts, strict=False)}
    grid, windows = _pattern(len(layout.grid))
    x = rearrange(x, f"{windows} -> {grid}", **sizes)
    if any(layout.shift):
        x = torch.roll(x, list(layout.shift), dims=list(range(1, 1 + len(layout.grid))))
    if layout.padded != layout.grid:
        x = x[(slice(None), *(slice(0, g) for g in layout.grid))]
    return x


@remembered
def seams(
    layout: Layout, periodic: tuple[bool, ...], penalty: float, mask_padding: bool, device: torch.device
) -> Float[Tensor, "m n n"] | None:
    """Scores to add so that tokens on both sides of a border, and padding, stay apart; None if there is nothing to add.

    A shift brings the two ends of an axis into one window: on a periodic axis they are neighbours (unless padding lies
    between them), on another one `penalty` keeps them apart. Padding tokens are masked as keys if `mask_padding`.
    """
    apart = torch.zeros(1, *layout.padded, dtype=torch.long)
    padding = torch.zeros(1, *layout.padded, 1)
    for axis, (g, p, w, s) in enumerate(zip(layout.grid, layout.padded, layout.window, layout.shift, strict=True)):
        padding.narrow(axis + 1, g, p - g).fill_(1)
        if s and not (periodic and periodic[axis] and (mask_padding or g == p)):
            place = torch.arange(p)  # place along the shifted axis; the wrapped end is the last s tokens
            band = (place >= p - w).long() + (place >= p - s).long()
            apart = apart * 3 + band.view(-1, *(1,) * (len(layout.grid) - axis - 1))
    if not mask_padding:
        padding.zero_()
    if not apart.any() and not padding.any():
        return None
    still = Layout(layout.padded, layout.window, layout.padded, (0,) * len(layout.grid))
    labels = split(apart.unsqueeze(-1).float(), still)[0, ..., 0]
    scores = torch.where(labels[:, :, None] == labels[:, None, :], 0.0, penalty)
    hidden = split(padding, Layout(layout.padded, layout.window, layout.padded, layout.shift))[0, ..., 0]
    return (scores + hidden[:, None, :] * torch.finfo(torch.float32).min / 4).clamp_min(-1e30).to(device)
