"""Smooth values where a field is missing, from what is known around: the pull-push scheme of image synthesis."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def inpainted(x: Float[Tensor, "b c h w"], otherwise: Float[Tensor, "c 1 1"]) -> Float[Tensor, "b c h w"]:
    """The fields with every NaN replaced, and every known value as it is.

    Known values are averaged over 2 x 2 points again and again until nothing is missing; on the way back each level
    fills its gaps from the next coarser one, bilinearly (Gortler et al. 1996, "The Lumigraph", section 3.4).

    Args:
        x: with NaN where nothing is known.
        otherwise: of channels of which nothing is known.
    """
    known = x.isfinite()
    if not torch.compiler.is_exporting() and bool(known.all()):  # a program has no values to look at
        return x
    weight = known.to(x.dtype)
    levels = [(torch.where(known, x, 0), weight)]
    while max(levels[-1][0].shape[-2:]) > 1:
        total, weight = levels[-1]
        levels.append((F.avg_pool2d(total, 2, ceil_mode=True), F.avg_pool2d(weight, 2, ceil_mode=True)))
    total, weight = levels[-1]
    made = torch.where(weight > 0, total / weight.clamp_min(1e-12), otherwise)
    for total, weight in reversed(levels[:-1]):
        coarse = F.interpolate(made, size=total.shape[-2:], mode="bilinear", align_corners=False)
        made = total + (1 - weight) * coarse
    return torch.where(known, x, made)
