"""Numbers as sines and cosines: encodings of a place, a time, a length."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def fourier_features(x: Float[Tensor, "*b"], frequencies: Float[Tensor, " f"]) -> Float[Tensor, "*b features"]:
    """[sin(pi f x), cos(pi f x), x] for every frequency f: 2 f + 1 features (NeRF, Perceiver)."""
    angles = x.unsqueeze(-1) * frequencies * math.pi
    return torch.cat([angles.sin(), angles.cos(), x.unsqueeze(-1)], dim=-1)


def sinusoid(x: Float[Tensor, "*b"], width: int) -> Float[Tensor, "*b d"]:
    """[sin(x w_i), cos(x w_i)] with w_i = 10000^(-i / (d/2 - 1)) (arXiv 1706.03762).

    Raises:
        ValueError: a width that is odd or below 4.
    """
    _check(width, 4)
    place = torch.arange(width // 2, device=x.device, dtype=x.dtype)
    angles = x.unsqueeze(-1) * torch.exp(place * (-math.log(10000) / (width // 2 - 1)))
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def wavelengths(x: Float[Tensor, "*b"], shortest: float, longest: float, width: int) -> Float[Tensor, "*b d"]:
    """[sin(2 pi x / s), cos(2 pi x / s)] with d/2 wavelengths s, evenly spaced in their logarithm (Aurora).

    In float64, for the phases of short waves are large; handed back in the type of `x`.

    Raises:
        ValueError: a width that is odd or below 2, or wavelengths that are not positive and rising.
    """
    _check(width, 2)
    if not 0 < shortest < longest:
        raise ValueError(f"wavelengths are positive and rise from shortest to longest, got {shortest} to {longest}")
    powers = torch.linspace(math.log10(shortest), math.log10(longest), width // 2, dtype=torch.float64, device=x.device)
    angles = 2 * math.pi * x.double().unsqueeze(-1) / 10**powers
    return torch.cat([angles.sin(), angles.cos()], dim=-1).to(x.dtype)


def _check(width: int, least: int) -> None:
    if width % 2 or width < least:
        raise ValueError(f"sines and cosines come in pairs: the width is even and at least {least}, got {width}")
