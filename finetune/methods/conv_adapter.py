"""A gated convolution over the token grid beside a block (the Conformer's module as an adapter, for fields)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import CONVOLUTION, Block, ConfigError, Context, convolve

from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import width_of
from ..method import Kind


class GatedConvolution(FeatureMap):
    """y + U silu(norm(conv(glu(D norm(x))))) with a depthwise convolution over the grid; U = 0 at the start.

    Axes that close on themselves are padded around; a causal block looks back only. Norms are over the channels of a
    token, for those over the grid would see the future, and batches of fields are small.
    """

    def __init__(self, block: Block, narrow: int, kernel: int) -> None:
        super().__init__()
        width, axes = width_of(block), len(block.config.attention.window)
        self.causal, self.kernel = block.config.attention.causal, kernel
        self.norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(narrow)
        self.down, self.up = nn.Linear(width, 2 * narrow), nn.Linear(narrow, width)
        self.depthwise = CONVOLUTION[axes - 1](narrow, narrow, kernel, padding=kernel // 2, groups=narrow)
        nn.init.zeros_(self.up.weight), nn.init.zeros_(self.up.bias)

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """The output with the convolution's."""
        gated = rearrange(F.glu(self.down(self.norm(x)), dim=-1), "b ... d -> b d ...")
        if self.causal:
            length = gated.shape[-1]
            mixed = self.depthwise(F.pad(gated, (self.kernel // 2, 0)))[..., :length]
        else:
            periodic = context.periodic if len(context.periodic) == gated.dim() - 2 else ()
            mixed = convolve(self.depthwise, gated, periodic)
        return y + self.up(F.silu(self.inner_norm(rearrange(mixed, "b d ... -> b ... d"))))


@dataclass(frozen=True, kw_only=True)
class ConvAdapter(HookAdapter):
    """y + U silu(conv(glu(D x))): a small depthwise convolution over the grid of tokens beside every block.

    Published: a 64th of the width, kernel 31 over a sequence.

    Attributes:
        narrow: its channels.
        kernel: tokens along every axis; odd.
    """

    name: ClassVar[str] = "conv"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2312.03694 (Conformer adapter)"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    narrow: int = 8
    kernel: int = 3

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0 or self.narrow < 1:
            raise ConfigError(
                f"a kernel is odd and positive, and there is at least one channel, got kernel={self.kernel}, "
                f"narrow={self.narrow}"
            )

    def hook(self, layer: nn.Module) -> GatedConvolution:
        """A convolution over the block's grid."""
        assert isinstance(layer, Block)
        return GatedConvolution(layer, self.narrow, self.kernel)
