"""Patches of several sizes, of which every sample takes a few (Pathformer, arXiv 2402.05956)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context

from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import width_of
from ..method import Kind
from ..objectives import variation

POOLS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


class Scales(FeatureMap):
    """y + sum over the top K of G_k up_k(U_k gelu(D_k down_k(x))), down_k the mean over patches of s_k tokens an axis.

    G = softmax of the K largest of W_g r + noise softplus(W_n r); there is noise in training alone. What the gate sees
    of a sample is r = (mean x, mean |x - its mean over the largest patches|), the level and the fine structure. U = 0
    at the start. Of the published experts, which attend inside of patches and between them, the perceptron is left: the
    block that they stand beside attends.
    """

    def __init__(self, width: int, way: PatchScales) -> None:
        super().__init__()
        self.way, count = way, len(way.scales)
        self.down = nn.Parameter(torch.empty(count, way.narrow, width))
        self.up = nn.Parameter(torch.zeros(count, width, way.narrow))
        for factor in self.down:
            nn.init.kaiming_uniform_(factor, a=5**0.5)
        self.gate, self.noise = nn.Linear(2 * width, count, bias=False), nn.Linear(2 * width, count, bias=False)
        nn.init.normal_(self.gate.weight, std=0.02), nn.init.normal_(self.noise.weight, std=0.02)

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """The output with what the chosen scales add."""
        share, every = self.shares(x)
        if self.training:
            context.losses[f"scales {self.site}"] = self.way.balance * (variation(share) + variation(every))
        spread = (len(x), *(1 for _ in x.shape[1:]))
        for number, scale in enumerate(self.way.scales):
            inner = F.gelu(pooled(x, scale) @ self.down[number].mT) @ self.up[number].mT
            y = y + share[:, number].view(spread) * unpooled(inner, scale, x.shape[1:-1])
        return y

    def shares(self, x: Float[Tensor, "b *grid d"]) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
        """How much every sample is of every scale, after and before the cut."""
        largest = max(self.way.scales)
        fine = (x - unpooled(pooled(x, largest), largest, x.shape[1:-1])).abs()
        seen = torch.cat([part.flatten(1, -2).mean(1) for part in (x, fine)], dim=-1)
        scores = self.gate(seen)
        if self.training:
            scores = scores + self.way.noise * torch.randn_like(scores) * F.softplus(self.noise(seen))
        best = scores.topk(self.way.top, dim=-1).indices
        cut = torch.full_like(scores, -torch.inf).scatter(-1, best, scores.gather(-1, best))
        return cut.softmax(-1), scores.softmax(-1)


def pooled(x: Float[Tensor, "b *grid d"], scale: int) -> Float[Tensor, "b *coarse d"]:
    """Means over patches of `scale` tokens along every axis; those at the end may be smaller."""
    if scale == 1:
        return x
    axes = x.dim() - 2
    moved = rearrange(x, "b ... d -> b d ...")
    sizes = [min(scale, side) for side in x.shape[1:-1]]
    made = POOLS[axes - 1](moved, sizes, sizes, ceil_mode=True, count_include_pad=False)
    return rearrange(made, "b d ... -> b ... d")


def unpooled(x: Float[Tensor, "b *coarse d"], scale: int, grid: tuple[int, ...]) -> Float[Tensor, "b *grid d"]:
    """Every token of a patch gets the patch's value."""
    for axis, side in enumerate(grid, start=1):
        x = x.repeat_interleave(min(scale, side), dim=axis).narrow(axis, 0, side)
    return x


@dataclass(frozen=True, kw_only=True)
class PatchScales(HookAdapter):
    """y + sum_k G_k U_k gelu(D_k pool_k(x)): perceptrons on patches of several sizes, of which a gate takes a few.

    The gate looks at the whole sample, so causal blocks are no sites.

    Published: four scales, of which two are taken, balance 0.01.

    Attributes:
        scales: tokens along the side of a patch.
        top: how many scales a sample takes.
        narrow: width of a perceptron.
        noise: of the gate in training, times its learned size.
        balance: weight of the term that spreads samples over scales.
    """

    name: ClassVar[str] = "patch_scales"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2402.05956"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    scales: tuple[int, ...] = (1, 2, 4)
    top: int = 2
    narrow: int = 4
    noise: float = 1.0
    balance: float = 0.01

    def __post_init__(self) -> None:
        if not 1 <= self.top <= len(self.scales) or min(self.scales) < 1 or self.narrow < 1:
            raise ConfigError(
                "a sample takes 1 to all scales, which have a token a side at least, got "
                f"top={self.top} of scales={self.scales}, narrow={self.narrow}"
            )

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Blocks that look both ways."""
        return isinstance(layer, Block) and not layer.config.attention.causal

    def hook(self, layer: nn.Module) -> Scales:
        """The perceptrons of a block."""
        return Scales(width_of(layer), self)
