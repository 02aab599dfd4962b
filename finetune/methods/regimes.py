"""A shared adapter and one for every regime, which is found without labels (after AdaptDHM, arXiv 2304.10136)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context

from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import finest, width_of
from ..method import Kind

UNUSED = 0.01
"""Share of the late steps in which a centroid had a sample near it, under which it is put elsewhere."""


class Regimes(FeatureMap):
    """y + U_0 gelu(D_0 x) + sum_k pi_k U_k gelu(D_k x),  pi_k = softmax(-|e - mu_k|^2 / (T mean |e - mu|^2)).

    e is a sample's mean token as the embedding made it. After a step the centroids follow, mu_k <- m mu_k + (1 - m)
    mean of the e that are nearest, without gradient; after the first they are the samples of its batch, over and over.
    One to which no sample has been near for long is put where the sample lies that is furthest from all.
    """

    reads = ("instance",)
    centroids: Tensor
    use: Tensor
    seen: Tensor

    def __init__(self, width: int, instance: int, narrow: int, count: int, momentum: float, temperature: float) -> None:
        super().__init__()
        self.momentum, self.temperature = momentum, temperature
        self.down = nn.Parameter(torch.empty(count + 1, narrow, width))
        self.up = nn.Parameter(torch.zeros(count + 1, width, narrow))
        for factor in self.down:
            nn.init.kaiming_uniform_(factor, a=5**0.5)
        self.register_buffer("centroids", torch.zeros(count, instance))
        self.register_buffer("use", torch.ones(count))
        self.register_buffer("seen", torch.tensor(False))
        self.latest: list[Tensor] = []  # of this step, for the centroids

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """The output with what the sample's regime adds."""
        instance = context.need("instance", "the regimes adapter").detach().to(x.dtype)
        if self.training:
            self.latest = [instance]
        share = self.shares(instance)
        share = torch.cat([torch.ones_like(share[:, :1]), share], dim=1)
        inner = F.gelu(torch.einsum("b...d,krd->b...kr", x, self.down))
        inner = inner * share.view(len(x), *(1 for _ in x.shape[1:-1]), -1, 1)
        return y + torch.einsum("b...kr,kdr->b...d", inner, self.up)

    @torch.no_grad()
    def shares(self, e: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """How much every sample is of every regime."""
        distance = torch.cdist(e, self.centroids.to(e.dtype)).square()
        return (-distance / (self.temperature * distance.mean().clamp(min=1e-12))).softmax(1)

    @torch.no_grad()
    def on_step(self, step: int, length: int) -> None:
        """The centroids follow the last batch."""
        if not self.latest:
            return
        e, self.latest = self.latest[0].to(self.centroids.dtype), []
        if not self.seen:
            self.centroids.copy_(e[torch.arange(len(self.centroids), device=e.device) % len(e)])
            self.seen.fill_(True)
            return
        nearest = F.one_hot(torch.cdist(e, self.centroids).argmin(1), len(self.centroids)).to(e.dtype)
        count = nearest.sum(0)[:, None]
        moved = torch.lerp(self.centroids, nearest.mT @ e / count.clamp(min=1), 1 - self.momentum)
        self.centroids.copy_(torch.where(count > 0, moved, self.centroids))
        self.use.lerp_((count[:, 0] > 0).to(self.use.dtype), 1 - self.momentum)
        if bool(self.use.min() < UNUSED):
            alone, furthest = self.use.argmin(), torch.cdist(e, self.centroids).amin(1).argmax()
            self.centroids[alone], self.use[alone] = e[furthest], 1


@dataclass(frozen=True, kw_only=True)
class RegimeAdapter(HookAdapter):
    """y + U_0 gelu(D_0 x) + sum_k pi_k U_k gelu(D_k x): a bottleneck for all and one a regime, found without labels.

    Attributes:
        narrow: width of every bottleneck.
        regimes: how many there are.
        momentum: of the centroids.
        temperature: of the shares; small is hard.
    """

    name: ClassVar[str] = "regimes"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2304.10136"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    narrow: int = 4
    regimes: int = 3
    momentum: float = 0.9
    temperature: float = 0.5

    def __post_init__(self) -> None:
        if self.regimes < 1 or self.narrow < 1:
            raise ConfigError(f"there is a regime at least, got regimes={self.regimes}, narrow={self.narrow}")
        if not 0 <= self.momentum <= 1 or self.temperature <= 0:
            raise ConfigError(
                f"a momentum is in [0, 1] and a temperature positive, got momentum={self.momentum}, "
                f"temperature={self.temperature}"
            )

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Blocks that look both ways: a regime is that of the whole sample."""
        return isinstance(layer, Block) and not layer.config.attention.causal

    def sites(self, model: nn.Module) -> list[str]:
        """Blocks of the finest scale: there a token has the embedding's width."""
        return finest(model, super().sites(model))

    def hook(self, layer: nn.Module) -> Regimes:
        """The bottlenecks of a block."""
        width = width_of(layer)
        return Regimes(width, width, self.narrow, self.regimes, self.momentum, self.temperature)
