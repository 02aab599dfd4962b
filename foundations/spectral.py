"""Mixing by long waves: a convolution as wide as the grid, with a finite number of coefficients.

The transforms are products with matrices of cosines and sines, all real: of a few waves they cost less than a full
transform, and they compile, export and run in float32 under autocast as any other product does.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class FourierLayer(nn.Module):
    """y_k = W_k x_k for the waves k of -modes to modes - 1 along each axis, 0 for shorter ones (arXiv 2010.08895).

    Coefficients are means of the grid, so a finer grid of the same domain has the same ones. Every axis counts as
    periodic. A grid that does not hold so many waves takes those that it has.

    Args:
        width: channels d, in and out.
        modes: waves along each axis; of the last axis, whose values are real, 0 to modes - 1.
        axes: number of grid axes.
    """

    def __init__(self, width: int, modes: int, axes: int) -> None:
        super().__init__()
        self.modes, self.axes = modes, axes
        waves = (2 * modes,) * (axes - 1) + (modes,)
        self.weight = nn.Parameter(torch.randn(*waves, width, width, 2) * (0.5 / width))

    def forward(self, x: Float[Tensor, "b d *grid"]) -> Float[Tensor, "b d *grid"]:
        """Same grid, same width."""
        with torch.autocast(x.device.type, enabled=False):
            return self._mixed(x.float()).to(x.dtype) if x.dtype.itemsize < 4 else self._mixed(x)

    def _mixed(self, x: Tensor) -> Tensor:
        *others, last = (_waves(n, self.modes, self.axes - 1 == axis) for axis, n in enumerate(x.shape[2:]))
        cos, sin = _basis(last, x.shape[-1], x)
        z = x @ torch.cat([cos, -sin], 1) / x.shape[2:].numel()  # real parts, then imaginary parts
        bases = [_basis(waves, x.shape[axis], x) for axis, waves in enumerate(others, 2)]
        for axis, basis in enumerate(bases, 2):
            z = _turned(z, *basis, axis)
        z = self._weighted(z, [*others, last])
        for axis, (cosines, sines) in enumerate(bases, 2):
            z = _turned(z, cosines.mT, -sines.mT, axis)
        twice = torch.tensor([1.0 if k == 0 else 2.0 for k in last], device=x.device, dtype=x.dtype)
        return z @ torch.cat([cos * twice, -sin * twice], 1).mT

    def _weighted(self, z: Tensor, waves: list[list[int]]) -> Tensor:
        """Every wave times its own complex matrix, as one product of real ones."""
        weight: Tensor = self.weight
        for axis, chosen in enumerate(waves):
            first = chosen[0] + (self.modes if axis < len(waves) - 1 else 0)
            weight = weight.narrow(axis, first, len(chosen))
        a, b = weight.to(z.dtype).unbind(-1)
        matrix = torch.cat([torch.cat([a, b], -1), torch.cat([-b, a], -1)], -2)  # waves, 2 d, 2 d
        parts = rearrange(z, "b d ... (two k) -> ... k b (two d)", two=2)
        return rearrange(parts @ matrix, "... k b (two d) -> b d ... (two k)", two=2)


def _waves(points: int, modes: int, one_sided: bool) -> list[int]:
    """The waves along an axis: those asked for that its points can tell apart."""
    most = min(modes, (points + 1) // 2)
    return list(range(most)) if one_sided else list(range(-min(modes, points // 2), most))


def _basis(waves: list[int], points: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (points, waves) of 2 pi k j / points."""
    place = torch.arange(points, device=like.device, dtype=torch.float64)
    angles = 2 * math.pi / points * torch.outer(place, torch.tensor(waves, device=like.device, dtype=torch.float64))
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _turned(z: Tensor, cos: Tensor, sin: Tensor, axis: int) -> Tensor:
    """The sum over one axis of complex values times cos - i sin."""
    both = torch.cat([cos, sin], 1).mT @ z.movedim(axis, -2)
    by_cos, by_sin = both.tensor_split(2, -2)
    real, imaginary = by_sin.tensor_split(2, -1)
    return (by_cos + torch.cat([imaginary, -real], -1)).movedim(-2, axis)
