"""Smooth values where a field is missing, from what is known around: pull and push, and relaxation on every level."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SWEEPS = 20  # of relaxation on every level; enough for a hole, which coarser levels have filled before


def inpainted(
    x: Float[Tensor, "b c h w"], otherwise: Float[Tensor, "c 1 1"], closed: bool = False
) -> Float[Tensor, "b c h w"]:
    """The fields with every NaN replaced, and every known value as it is.

    Known values are averaged over 2 x 2 points again and again until nothing is missing; a cell is known as well as its
    points together, and at most wholly. On the way back each level takes what it lacks from the next coarser one,
    bilinearly (Gortler et al. 1996, "The Lumigraph", section 3.4), and is relaxed towards the mean of its neighbours:
    what is filled in comes near to the solution of Laplace's equation between what is known.

    Args:
        x: with NaN where nothing is known.
        otherwise: of channels of which nothing is known.
        closed: the last column is the neighbour of the first.
    """
    known = x.isfinite()
    if not torch.compiler.is_exporting() and bool(known.all()):  # a program has no values to look at
        return x
    value, weight = torch.where(known, x, 0), known.to(x.dtype)
    levels = [(value, weight)]
    while max(value.shape[-2:]) > 1:
        total = _summed(weight)
        value = torch.where(total > 0, _summed(weight * value) / total.clamp_min(1e-12), 0)
        weight = total.clamp(max=1)
        levels.append((value, weight))
    made = torch.where(weight > 0, value, otherwise)
    for value, weight in reversed(levels[:-1]):
        coarse = F.interpolate(made, size=value.shape[-2:], mode="bilinear", align_corners=False)
        made = weight * value + (1 - weight) * coarse
        for _ in range(SWEEPS):
            made = weight * value + (1 - weight) * _neighbours(made, closed)
    return torch.where(known, x, made)


def _summed(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """Sums over 2 x 2 points, fewer at the last row and column where their number is odd."""
    return 4 * F.avg_pool2d(F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)), 2)


def _neighbours(x: Float[Tensor, "b c h w"], closed: bool) -> Float[Tensor, "b c h w"]:
    """Means of the four neighbours; the border is its own neighbour, but around a closed circle."""
    wide = F.pad(x, (1, 1, 0, 0), mode="circular" if closed else "replicate")
    high = F.pad(x, (0, 0, 1, 1), mode="replicate")
    return (wide[..., :-2] + wide[..., 2:] + high[..., :-2, :] + high[..., 2:, :]) / 4
