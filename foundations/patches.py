"""Between fields on a fine grid and tokens on a coarse one."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .convolutions import CONVOLUTION
from .linear import linear

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
PIECES = (
    "b x (c p) -> b c (x p)",
    "b x y (c p q) -> b c (x p) (y q)",
    "b x y z (c p q r) -> b c (x p) (y q) (z r)",
)


class PatchEmbed(nn.Module):
    """A linear map of every patch of `patch` points per axis to one token (a convolution with stride = kernel).

    Args:
        channels: fields in.
        width: token width d.
        patch: points per axis; divides the grid.
        axes: number of grid axes.
    """

    def __init__(self, channels: int, width: int, patch: int, axes: int) -> None:
        super().__init__()
        self.projection = CONVOLUTION[axes - 1](channels, width, patch, stride=patch)

    def forward(self, x: Float[Tensor, "b c *space"]) -> Float[Tensor, "b *grid d"]:
        """Fields to tokens."""
        return rearrange(self.projection(x), "b d ... -> b ... d")


class PatchRecover(nn.Module):
    """The way back: a transposed convolution with stride = kernel = patch, made as the product of matrices that it is.

    Args:
        width: token width d.
        channels: fields out.
        patch: points per axis.
        axes: number of grid axes.
    """

    def __init__(self, width: int, channels: int, patch: int, axes: int) -> None:
        super().__init__()
        self.projection = TRANSPOSED[axes - 1](width, channels, patch, stride=patch)

    def forward(self, x: Float[Tensor, "b *grid d"]) -> Float[Tensor, "b c *space"]:
        """Tokens to fields."""
        if type(self.projection) not in TRANSPOSED:  # wrapped: what is around it wants to be called
            return self.projection(rearrange(x, "b ... d -> b d ..."))
        weight, bias = self.projection.weight, self.projection.bias
        points = weight.shape[2:].numel()
        shift = None if bias is None else bias.repeat_interleave(points)
        made = linear(x, weight.flatten(1).mT, shift)
        return rearrange(
            made, PIECES[x.dim() - 3], c=weight.shape[1], **dict(zip("pqr", weight.shape[2:], strict=False))
        )
