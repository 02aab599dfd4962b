"""Convolutional blocks between the way down and the way up."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .linear import Linear
from .norms import TimeNorm
from .recompute import perceptron
from .tokens import Tokens

CONVOLUTION = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def pad_axes(x: Float[Tensor, "b c *grid"], width: int, periodic: tuple[bool, ...]) -> Float[Tensor, "b c *padded"]:
    """`width` more values at both ends of every grid axis: wrapped around on periodic axes, zero on others."""
    for axis in range(2, x.dim()):
        if periodic and periodic[axis - 2]:
            index = torch.arange(-width, x.shape[axis] + width, device=x.device) % x.shape[axis]
            x = x.index_select(axis, index)
        else:
            ends = [0, 0] * (x.dim() - axis - 1) + [width, width]
            x = F.pad(x, ends)
    return x


def convolve(conv: nn.Module, x: Float[Tensor, "b c *grid"], periodic: tuple[bool, ...]) -> Float[Tensor, "b o *grid"]:
    """Apply an odd-kernel convolution (built with padding k // 2) so that the grid keeps its size and its topology."""
    if not any(periodic):
        return conv(x)
    kernel = cast("nn.Conv2d", conv)  # or of another number of axes
    width = kernel.weight.shape[-1] // 2
    padded = pad_axes(x, width, periodic)
    if type(conv) not in CONVOLUTION:  # wrapped: what is around it wants to be called
        return conv(padded)[(..., *(slice(width, -width) for _ in x.shape[2:]))]
    function: Callable[..., Tensor] = (F.conv1d, F.conv2d, F.conv3d)[x.dim() - 3]
    return function(padded, kernel.weight, kernel.bias, groups=kernel.groups)


class ConvNeXtSkip(nn.Module):
    """x + gamma W2 gelu(W1 norm(depthwise7(x))) (ConvNeXt, arXiv 2201.03545), with a conditioned norm.

    Args:
        width: channels d.
        axes: number of grid axes.
        condition: width of the condition vector.
        eps: of the norm.
    """

    def __init__(self, width: int, axes: int, condition: int, eps: float) -> None:
        super().__init__()
        self.depthwise = CONVOLUTION[axes - 1](width, width, 7, padding=3, groups=width)
        self.norm = TimeNorm(width, condition, eps)
        self.expand, self.contract = Linear(width, 4 * width), Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, tokens: Tokens) -> Tokens:
        """Same grid, same width."""
        x = convolve(self.depthwise, rearrange(tokens.seen(), "b ... d -> b d ..."), tokens.periodic)
        x = self.norm(rearrange(x, "b d ... -> b ... d"), tokens.condition)
        x = perceptron(x, self.expand, self.contract)
        return tokens.with_x(torch.addcmul(tokens.x, x, self.gamma.to(x.dtype)))


class ResNetSkip(nn.Module):
    """x + bn2(conv2(leaky_relu(bn1(conv1(x))))) with 3-wide convolutions; takes no condition."""

    def __init__(self, width: int, axes: int, condition: int, eps: float) -> None:
        super().__init__()
        conv, batch_norm = CONVOLUTION[axes - 1], BATCH_NORM[axes - 1]
        self.conv1, self.bn1 = conv(width, width, 3, padding=1), batch_norm(width)
        self.conv2, self.bn2 = conv(width, width, 3, padding=1), batch_norm(width)

    def forward(self, tokens: Tokens) -> Tokens:
        """Same grid, same width."""
        x = rearrange(tokens.seen(), "b ... d -> b d ...")
        x = F.leaky_relu(self.bn1(convolve(self.conv1, x, tokens.periodic)))
        x = self.bn2(convolve(self.conv2, x, tokens.periodic))
        return tokens.with_x(tokens.x + rearrange(x, "b d ... -> b ... d"))


SKIPS = {"convnext": ConvNeXtSkip, "resnet": ResNetSkip}
