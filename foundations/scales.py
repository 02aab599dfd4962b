"""From a scale to the next coarser one and back."""

from __future__ import annotations

import dataclasses
import math

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .linear import Linear
from .norms import TimeNorm
from .tokens import Tokens
from .windows import AXES


def _patterns(axes: int) -> tuple[str, str]:
    """Einops patterns of a grid cut into neighbourhoods, and of neighbourhoods in the channels (row-major)."""
    names = AXES[:axes]
    fine = " ".join(f"({a} {a}f)" for a in names)
    coarse, inside = " ".join(names), " ".join(f"{a}f" for a in names)
    return f"b {fine} d", f"b {coarse} ({inside} d)"


class Merge(nn.Module):
    """Neighbouring tokens become one of the next scale: norm(W [x_1 ... x_k]).

    Args:
        width: channels of the finer scale.
        to: channels of the coarser scale.
        factors: tokens merged along each axis.
        condition: width of the condition vector.
        before: W norm([x_1 ... x_k]) instead, with a plain norm.
    """

    def __init__(self, width: int, to: int, factors: tuple[int, ...], condition: int, before: bool = False) -> None:
        super().__init__()
        self.factors, self.before = factors, before
        wide = math.prod(factors) * width
        self.reduction = Linear(wide, to, bias=False)
        self.norm = TimeNorm(wide) if before else TimeNorm(to, condition)

    def forward(self, tokens: Tokens) -> Tokens:
        """The coarser grid has ceil(g / factor) tokens along an axis; missing and masked ones count as zero."""
        ends = [(0, -g % f) for g, f in zip(tokens.grid, self.factors, strict=True)]
        x = tokens.seen()
        if any(end for _, end in ends):
            x = F.pad(x, (0, 0, *(n for end in reversed(ends) for n in end)))
        fine, coarse = _patterns(len(self.factors))
        sizes = {f"{a}f": f for a, f in zip(AXES, self.factors, strict=False)}
        x = rearrange(x, f"{fine} -> {coarse}", **sizes)
        x = self.reduction(self.norm(x)) if self.before else self.norm(self.reduction(x), tokens.condition)
        return dataclasses.replace(tokens, x=x, mask=self._any(tokens.mask, ends))

    def _any(self, mask: Bool[Tensor, "b *grid"] | None, ends: list[tuple[int, int]]) -> Tensor | None:
        """A coarse token takes part if one of its fine ones does."""
        if mask is None:
            return None
        mask = F.pad(mask, [n for end in reversed(ends) for n in end])
        fine, coarse = _patterns(len(self.factors))
        sizes = {f"{a}f": f for a, f in zip(AXES, self.factors, strict=False)}
        return rearrange(mask.unsqueeze(-1), f"{fine} -> {coarse}", **sizes).any(-1)


class Split(nn.Module):
    """A token becomes its neighbourhood at the next finer scale: W2 norm([W1 x] in its place).

    Args:
        width: channels of the coarser scale.
        to: channels of the finer scale.
        factors: tokens made along each axis.
        condition: width of the condition vector.
    """

    def __init__(self, width: int, to: int, factors: tuple[int, ...], condition: int) -> None:
        super().__init__()
        self.factors = factors
        self.expansion = Linear(width, math.prod(factors) * to, bias=False)
        self.norm = TimeNorm(to, condition)
        self.mix = Linear(to, to, bias=False)

    def forward(self, tokens: Tokens, like: Tokens) -> Tokens:
        """Onto the grid (and the mask) of `like`; what lies beyond it is cropped."""
        fine, coarse = _patterns(len(self.factors))
        sizes = {f"{a}f": f for a, f in zip(AXES, self.factors, strict=False)}
        x: Float[Tensor, "b *grid d"] = rearrange(self.expansion(tokens.x), f"{coarse} -> {fine}", **sizes)
        x = x[(slice(None), *(slice(0, g) for g in like.grid))]
        return like.with_x(self.mix(self.norm(x, tokens.condition)))
