"""Convolutional blocks between the way down and the way up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from .convolutions import CONVOLUTION, convolve
from .linear import Linear
from .norms import TimeNorm
from .recompute import perceptron
from .tokens import Tokens

BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


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
