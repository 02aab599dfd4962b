"""Cutting a grid into windows, and what tokens of one window may see of each other.

All of it depends on shapes only. The tables are computed once per shape and device and then remembered
outside of the modules, so modules copy, pickle and distribute freely; a compiled graph takes them as constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from .config import AttentionConfig

P = ParamSpec("P")
R = TypeVar("R")
AXES = "hwl"
HIDDEN = -1e30  # score of a key that takes no part; finite, so that a window without any key stays finite too


def lowest(dtype: torch.dtype) -> float:
    """`HIDDEN`, or what comes nearest to it in a type of smaller range."""
    return max(HIDDEN, torch.finfo(dtype).min / 4)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Remember the last 64 results of a function of shapes; `torch.compile` traces it into the graph instead.

    The tensors are ordinary ones also when first asked for in inference mode, so that training can use them later.
    """
    memory = cast("Callable[P, R]", lru_cache(maxsize=64)(function))

    @wraps(function)
    def recall(*args: P.args, **kwargs: P.kwargs) -> R:
        if torch.compiler.is_compiling():
            return function(*args, **kwargs)
        with torch.inference_mode(False):
            return memory(*args, **kwargs)

    return recall


@dataclass(frozen=True)
class Layout:
    """How a grid falls into windows: all tuples have one entry per axis.

    Attributes:
        grid: tokens along the axis.
        window: tokens of a window.
        padded: tokens after padding, a multiple of the window.
        shift: places by which the windows are moved.
        closed: whether the axis is rolled before it is padded: the ends of a periodic axis then meet without a gap.
        centred: whether half of the padding stands before the grid instead of all of it after.
    """

    grid: tuple[int, ...]
    window: tuple[int, ...]
    padded: tuple[int, ...]
    shift: tuple[int, ...]
    closed: tuple[bool, ...]
    centred: bool = False

    @property
    def places(self) -> tuple[slice, ...]:
        """Where the grid lies in the padded one."""
        starts = [(p - g) // 2 if self.centred else 0 for g, p in zip(self.grid, self.padded, strict=True)]
        return tuple(slice(start, start + g) for start, g in zip(starts, self.grid, strict=True))

    @property
    def padding(self) -> list[int]:
        """Padding before and after each axis, last axis first, as `torch.nn.functional.pad` takes it."""
        ends = [(place.start, p - place.stop) for place, p in zip(self.places, self.padded, strict=True)]
        return [n for end in reversed(ends) for n in end]

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


def lay_out(grid: tuple[int, ...], config: AttentionConfig, periodic: tuple[bool, ...] = ()) -> Layout:
    """The windows of `config` on `grid`; an axis no longer than its window is one window and is not shifted."""
    centred = config.padding == "centred"
    closed = (centred,) * len(grid) if config.padding != "masked" else periodic
    return _layout(grid, config.window, config.shifted, closed, centred)


def _layout(
    grid: tuple[int, ...], size: tuple[int | None, ...], shifted: bool, closed: tuple[bool, ...], centred: bool
) -> Layout:
    window = tuple(g if s is None else min(g, s) for g, s in zip(grid, size, strict=True))
    padded = tuple(math.ceil(g / w) * w for g, w in zip(grid, window, strict=True))
    shift = tuple(w // 2 if shifted and g > w else 0 for g, w in zip(grid, window, strict=True))
    return Layout(grid, window, padded, shift, closed or (False,) * len(grid), centred)


def _pattern(axes: int) -> tuple[str, str]:
    names = AXES[:axes]
    grid = " ".join(f"(n{a} {a})" for a in names)
    windows = f"({' '.join(f'n{a}' for a in names)}) ({' '.join(names)})"
    return f"b {grid} d", f"b {windows} d"


def _roll(x: Float[Tensor, "b *grid d"], shift: Sequence[int]) -> Float[Tensor, "b *grid d"]:
    """Move every axis by its entry of `shift`."""
    moved = [axis for axis, s in enumerate(shift) if s]
    return torch.roll(x, [shift[axis] for axis in moved], [axis + 1 for axis in moved]) if moved else x


def split(x: Float[Tensor, "b *grid d"], layout: Layout) -> Float[Tensor, "b m n d"]:
    """Grid to m windows of n tokens: zero-pad every axis, shift (closed axes first), then cut."""
    if layout.is_whole:
        return x.flatten(1, -2).unsqueeze(1)
    before = [-s if c else 0 for s, c in zip(layout.shift, layout.closed, strict=True)]
    after = [0 if c else -s for s, c in zip(layout.shift, layout.closed, strict=True)]
    x = _roll(x, before)
    if layout.padded != layout.grid:
        x = F.pad(x, (0, 0, *layout.padding))
    x = _roll(x, after)
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
    x = _roll(x, [0 if c else s for s, c in zip(layout.shift, layout.closed, strict=True)])
    if layout.padded != layout.grid:
        x = x[(slice(None), *layout.places)]
    return _roll(x, [s if c else 0 for s, c in zip(layout.shift, layout.closed, strict=True)])


@remembered
def seams(
    grid: tuple[int, ...], config: AttentionConfig, periodic: tuple[bool, ...], device: torch.device
) -> Float[Tensor, "m n n"] | None:
    """Scores to add so that tokens on both sides of a border, and padding, stay apart; None if there is nothing to add.

    A shift brings the two ends of an axis into one window: on a periodic axis they are neighbours (unless visible
    padding lies between them), on another one `config.seam` keeps them apart. Masked padding is hidden from queries.
    The scores are finite: at least `HIDDEN`.
    """
    layout, axes = lay_out(grid, config, periodic), len(grid)
    if layout.centred:
        return _centred_seams(layout, config.seam, periodic, device)
    apart, is_cut = torch.zeros(1, *layout.padded, dtype=torch.long, device="cpu"), False
    for axis, (g, p, w, s) in enumerate(zip(layout.grid, layout.padded, layout.window, layout.shift, strict=True)):
        if s and not layout.closed[axis] and not (periodic and periodic[axis] and g == p):
            place = torch.arange(p, device="cpu")  # along the shifted axis; the wrapped end is the last s tokens
            band = (place >= p - w).long() + (place >= p - s).long()
            is_cut = True
            apart = apart * 3 + band.view(-1, *(1,) * (axes - axis - 1))
    padded = config.padding == "masked" and layout.padded != layout.grid
    if not is_cut and not padded:
        return None
    still = Layout(layout.padded, layout.window, layout.padded, (0,) * axes, (False,) * axes)
    labels = split(apart.unsqueeze(-1).float(), still)[0, ..., 0]
    scores = torch.where(labels[:, :, None] == labels[:, None, :], 0.0, config.seam).float()
    if padded:
        real = split(torch.ones(1, *layout.grid, 1, device="cpu"), layout)[0, ..., 0]
        scores = scores.masked_fill(real[:, None, :] == 0, HIDDEN)
    return scores.clamp_min(HIDDEN).to(device)


def _centred_seams(
    layout: Layout, seam: float, periodic: tuple[bool, ...], device: torch.device
) -> Float[Tensor, "m n n"] | None:
    """As Aurora has them: bands are those of the grid before padding, of which a periodic axis has two and not one.

    Padding is a place of its own, and stands apart where windows are moved.
    """
    if not any(layout.shift):
        return None
    axes = len(layout.grid)
    apart = torch.ones(layout.grid, device="cpu")
    for axis, (g, w, s) in enumerate(zip(layout.grid, layout.window, layout.shift, strict=True)):
        place = torch.arange(g, device="cpu")
        moved = (place >= g - w).long() + (place >= g - s).long() if s else torch.zeros_like(place)
        band = moved.clamp(max=1) if periodic and periodic[axis] else moved
        apart = apart * 3 + band.view(-1, *(1,) * (axes - axis - 1))
    still = Layout(layout.padded, layout.window, layout.padded, (0,) * axes, (False,) * axes)
    labels = split(F.pad(apart, layout.padding)[None, ..., None], still)[0, ..., 0]
    return torch.where(labels[:, :, None] == labels[:, None, :], 0.0, seam).clamp_min(HIDDEN).to(device)


@remembered
def future(tokens: int, device: torch.device) -> Float[Tensor, "n n"]:
    """Scores to add so that a token sees nothing that comes after it."""
    return torch.full((tokens, tokens), HIDDEN, device="cpu").triu(1).to(device)
