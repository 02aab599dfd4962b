"""What patches are too coarse for: a small network on every grid point, beside the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import CONVOLUTION, FourierLayer, PatchRecover, Tokens, convolve

from .config import PDEConfig


class FinePath(nn.Module):
    """Increments at every point, from the tokens and from the fields as they came in.

    h = P tokens + A fields; h <- h + gelu(F h + C h) in every layer, with a Fourier layer F of long waves and a 3-wide
    convolution C; out = B h. B is 0 at the start, so that a trained model that is given this path computes what it did.

    Args:
        config: the model's configuration, with `fine`.
    """

    def __init__(self, config: PDEConfig) -> None:
        super().__init__()
        assert config.fine is not None
        core, width = config.core, config.fine.width
        conv = CONVOLUTION[core.axes - 1]
        self.patches = PatchRecover(core.scales[0].width, width, config.patch, core.axes)
        self.fields = conv(len(config.inputs), width, 1, bias=False)
        layers = (FineLayer(width, config.fine.modes, core.axes) for _ in range(config.fine.layers))
        self.layers = cast("Sequence[FineLayer]", nn.ModuleList(layers))
        self.out = conv(width, len(config.outputs), 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def forward(self, tokens: Tokens) -> Float[Tensor, "b o *space"]:
        """Normalised increments; `tokens.context` holds the normalised fields."""
        assert tokens.context is not None
        fields = rearrange(tokens.context, "b ... c -> b c ...")
        x = self.patches(tokens.x)[(..., *(slice(0, n) for n in fields.shape[2:]))] + self.fields(fields)
        for layer in self.layers:
            x = layer(x, tokens.periodic)
        return self.out(x)


class FineLayer(nn.Module):
    """x + gelu(F x + C x): far and near.

    Args:
        width: channels.
        modes: waves of F along each axis.
        axes: number of space axes.
    """

    def __init__(self, width: int, modes: int, axes: int) -> None:
        super().__init__()
        self.far, self.near = FourierLayer(width, modes, axes), CONVOLUTION[axes - 1](width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "b d *space"], periodic: tuple[bool, ...]) -> Float[Tensor, "b d *space"]:
        """Same grid, same width."""
        return x + F.gelu(self.far(x) + convolve(self.near, x, periodic))
