"""Singular values of an update, the least important of which are dropped (AdaLoRA, arXiv 2303.10512).

peft has the method too, but keeps its running means outside of the model, so that a run that was killed would not go on
as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, Model

from ..adapter import HookAdapter
from ..layers import as_matrix, as_weight, matrix_shape, require_rank
from ..method import Kind
from ..rank_budget import RankedMap, drop_ranks, ranked, squared_distance


class SingularValues(RankedMap):
    """W + (alpha / r) P diag(e) Q with P (o x r) and Q (r x i) kept near orthogonal; e = 0 at the start."""

    scored: ClassVar[Mapping[str, int]] = {"e": 0, "p": 1, "q": 0}

    def __init__(self, layer: nn.Module, rank: int, alpha: float) -> None:
        super().__init__()
        self.layer, self.scale = [layer], alpha / rank  # in a list: it is no part of the hook
        outputs, inputs = matrix_shape(layer)
        self.p, self.q = nn.Parameter(torch.empty(outputs, rank)), nn.Parameter(torch.empty(rank, inputs))
        nn.init.orthogonal_(self.p), nn.init.orthogonal_(self.q)
        self.e = nn.Parameter(torch.zeros(rank))
        self.follow()

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its update."""
        matrix = as_matrix(self.layer[0], weights["weight"]) + self.scale * ((self.p * self.e) @ self.q)
        return {"weight": as_weight(self.layer[0], matrix, tuple(weights["weight"].shape))}


@dataclass(frozen=True, kw_only=True)
class AdaLoRA(HookAdapter):
    """W + (alpha / r) P diag(e) Q: singular values e of all layers together are dropped until they fit a budget.

    Attributes:
        rank: mean rank of a layer at the end of the run.
        initial_rank: at its start; less where a layer is smaller.
        alpha: the update is scaled by alpha / initial_rank.
        orthogonality: weight of |P^T P - 1|^2 + |Q Q^T - 1|^2, the mean over layers.
        warm: share of the run before the first rank is dropped, and after the last one.
    """

    name: ClassVar[str] = "adalora"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2303.10512"
    rank: int = 4
    initial_rank: int = 8
    alpha: float = 16.0
    orthogonality: float = 0.1
    warm: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= self.initial_rank or not 0 <= self.warm < 0.5:
            raise ConfigError(
                "ranks shrink from initial_rank to rank (at least 1), and warm is below a half, got "
                f"initial_rank={self.initial_rank}, rank={self.rank}, warm={self.warm}"
            )

    def hook(self, layer: nn.Module) -> SingularValues:
        """The factors; the first rank is at most the smaller side of the layer.

        Raises:
            ConfigError: a last rank above it.
        """
        require_rank(self.rank, layer)
        return SingularValues(layer, min(self.initial_rank, *matrix_shape(layer)), self.alpha)

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The orthogonality beside the model's loss."""
        terms = [
            squared_distance(h.p.mT) + squared_distance(h.q) for h in ranked(model) if isinstance(h, SingularValues)
        ]
        return {**super().loss(model, batch), "orthogonality": self.orthogonality * torch.stack(terms).mean()}

    def on_step(self, model: Model, step: int, length: int) -> None:
        """Drop ranks as the budget says."""
        drop_ranks(model, self.rank, self.warm, step, length)
