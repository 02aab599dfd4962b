"""Low-rank experts with a router and a term that keeps them apart (MoELoRA, arXiv 2402.12851)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context

from ..adapter import HookAdapter
from ..hook import FeatureMap
from ..layers import require_rank
from ..method import Kind
from ..objectives import balance, contrast

SAMPLED = 16  # tokens a site that the contrastive term looks at


class Experts(FeatureMap):
    """y + sum over the top K of G_j(x) (alpha / r) B_j A_j x, with G = softmax(W_g x) renormalised; B = 0 first."""

    def __init__(self, layer: nn.Linear, way: MoELoRA) -> None:
        super().__init__()
        self.way, count, rank = way, way.experts, way.rank
        self.router = nn.Linear(layer.in_features, count, bias=False)
        self.a = nn.Parameter(torch.empty(count, rank, layer.in_features))
        self.b = nn.Parameter(torch.zeros(count, layer.out_features, rank))
        nn.init.normal_(self.router.weight, std=0.02)
        for factor in self.a:
            nn.init.kaiming_uniform_(factor, a=math.sqrt(5))

    def features(self, x: Float[Tensor, "b *i"], y: Float[Tensor, "b *o"], context: Context) -> Float[Tensor, "b *o"]:
        """The output with the experts'."""
        gates = self.router(x).softmax(-1)
        best, chosen = gates.topk(self.way.top, dim=-1)
        weights = torch.zeros_like(gates).scatter(-1, chosen, best / best.sum(-1, keepdim=True))
        scale = self.way.alpha / self.way.rank
        inner = torch.einsum("...i,jri->...jr", x, self.a) * weights.unsqueeze(-1)
        if self.training:
            context.losses[f"balance {self.site}"] = self.way.balance * balance(gates.flatten(0, -2))
            context.losses[f"contrast {self.site}"] = self.way.contrast * self.contrast(x.flatten(0, -2))
        return y + scale * torch.einsum("...jr,jor->...o", inner, self.b)

    def contrast(self, x: Float[Tensor, "n i"]) -> Tensor:
        """InfoNCE over what experts make of the same tokens: alike within an expert, unlike between two."""
        x = x[:: max(1, len(x) // SAMPLED)][:SAMPLED].detach()
        made = torch.einsum("ni,jri,jor->jno", x, self.a, self.b)
        owner = torch.arange(len(made), device=x.device).repeat_interleave(made.shape[1])
        return contrast(made.flatten(0, 1), owner, self.way.temperature)


@dataclass(frozen=True, kw_only=True)
class MoELoRA(HookAdapter):
    """y + sum_j G_j(x) (alpha / r) B_j A_j x: low-rank experts, of which every token takes the best few.

    Published: eight experts, of which a token takes two.

    Attributes:
        rank: of an expert.
        alpha: an update is scaled by alpha / rank.
        experts: how many there are.
        top: how many a token takes.
        balance: weight of the term that spreads tokens over experts.
        contrast: weight of the term that keeps experts apart.
        temperature: of that term.
    """

    name: ClassVar[str] = "moelora"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2402.12851"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)
    targets: str = r"^core\..*(expand|contract)$"
    rank: int = 4
    alpha: float = 8.0
    experts: int = 4
    top: int = 2
    balance: float = 0.01
    contrast: float = 0.01
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.experts:
            raise ConfigError(f"a token takes 1 to all experts, got top={self.top} of experts={self.experts}")
        if self.temperature <= 0:
            raise ConfigError(f"a temperature is positive, got temperature={self.temperature}; the default is 0.1")

    def hook(self, layer: nn.Module) -> Experts:
        """The experts of a map.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        assert isinstance(layer, nn.Linear)
        return Experts(layer, self)
