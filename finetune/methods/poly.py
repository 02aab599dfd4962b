"""Low-rank skills that tasks share (polytropon, arXiv 2202.13914).

peft has the method too, but its layers want the task as an argument of every call; here it is told to the forward pass.
"""

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
from ..tasks import tasks_of


class Skills(FeatureMap):
    """y + (alpha / r) sum_s z_ts B_s A_s x with z_t = sigmoid(Z_t) / sum sigmoid(Z_t) of a sample's task t.

    B = 0 at the start. The published allocation is drawn at random around these means; here it is the mean.
    """

    reads = ("task",)

    def __init__(self, layer: nn.Linear, way: Poly) -> None:
        super().__init__()
        self.way = way
        self.allocation = nn.Parameter(1e-3 * torch.randn(way.tasks, way.skills))
        self.a = nn.Parameter(torch.empty(way.skills, way.rank, layer.in_features))
        self.b = nn.Parameter(torch.zeros(way.skills, layer.out_features, way.rank))
        for factor in self.a:
            nn.init.kaiming_uniform_(factor, a=math.sqrt(5))

    def features(self, x: Float[Tensor, "b *i"], y: Float[Tensor, "b *o"], context: Context) -> Float[Tensor, "b *o"]:
        """The output with that of the skills of every sample's task."""
        task = tasks_of(context, len(x), self.way.tasks, "poly", x.device)
        share = self.allocation.sigmoid()
        share = (share / share.sum(-1, keepdim=True))[task]
        rows = x.flatten(1, -2) if x.dim() > 2 else x.unsqueeze(1)
        inner = torch.einsum("bni,sri->bnsr", rows, self.a) * share[:, None, :, None]
        added = torch.einsum("bnsr,sor->bno", inner, self.b).view(*x.shape[:-1], -1)
        return y + self.way.alpha / self.way.rank * added


@dataclass(frozen=True, kw_only=True)
class Poly(HookAdapter):
    """y + (alpha / r) sum_s z_ts B_s A_s x: several tasks at once share low-rank skills, each in its own mixture.

    The task is a number: batches carry it (`Featured(data, task=...)`), or it is told (`model.context.at(task=1)`).

    Attributes:
        tasks: how many there are.
        skills: how many there are.
        rank: of a skill.
        alpha: an update is scaled by alpha / rank.
    """

    name: ClassVar[str] = "poly"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2202.13914"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)
    tasks: int = 4
    skills: int = 4
    rank: int = 4
    alpha: float = 8.0

    def __post_init__(self) -> None:
        if self.tasks < 1 or self.skills < 2:
            raise ConfigError(f"tasks share two skills at least, got tasks={self.tasks}, skills={self.skills}")

    def hook(self, layer: nn.Module) -> Skills:
        """The skills of a map.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        assert isinstance(layer, nn.Linear)
        return Skills(layer, self)
