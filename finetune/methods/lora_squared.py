"""Low-rank factors of low-rank factors, whose ranks are pruned to a budget (LoRA-squared).

The outer factors are thin, the inner ones small; which rank matters is judged on the inner ones alone, which is cheap.
The published cross term between the two planes has no consistent shapes and is left out.
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


class Squared(RankedMap):
    """W + (alpha / r) b a diag(e) B A with thin A (k x i) and b (o x k), small B (r x k) and a (k x r); e = 0 first."""

    scored: ClassVar[Mapping[str, int]] = {"e": 0, "a": 1, "b_small": 0}

    def __init__(self, layer: nn.Module, rank: int, width: int, alpha: float) -> None:
        super().__init__()
        self.layer, self.scale = [layer], alpha / rank
        outputs, inputs = matrix_shape(layer)
        self.thin_in = nn.Parameter(torch.empty(width, inputs))
        self.thin_out = nn.Parameter(torch.empty(outputs, width))
        self.b_small, self.a = nn.Parameter(torch.empty(rank, width)), nn.Parameter(torch.empty(width, rank))
        for factor in (self.thin_in, self.thin_out, self.b_small, self.a):
            nn.init.orthogonal_(factor)
        self.e = nn.Parameter(torch.zeros(rank))
        self.follow()

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its update."""
        weight = weights["weight"]
        small = (self.a * self.e) @ self.b_small
        matrix = as_matrix(self.layer[0], weight) + self.scale * (self.thin_out @ small @ self.thin_in)
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}

    def orthogonality(self) -> Tensor:
        """Mean of |A A^T - 1|, |b^T b - 1|, |B B^T - 1| and |a^T a - 1| (Frobenius)."""
        rows = (self.thin_in, self.thin_out.mT, self.b_small, self.a.mT)
        return torch.stack([squared_distance(x).clamp_min(1e-24).sqrt() for x in rows]).mean()


@dataclass(frozen=True, kw_only=True)
class LoRASquared(HookAdapter):
    """W + b a diag(e) B A: two levels of low rank; the least important ranks are dropped until they fit a budget.

    Published: width 8, ranks 4 to 8 pruned to 3 on average, alpha 16 to 32, orthogonality 0.1.

    Attributes:
        rank: mean rank of a layer at the end of the run.
        initial_rank: at its start.
        width: of the outer factors, at least `initial_rank`.
        alpha: the update is scaled by alpha / initial_rank.
        orthogonality: weight of the term that keeps factors orthogonal.
        warm: share of the run before the first rank is dropped, and after the last one.
    """

    name: ClassVar[str] = "lora_squared"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "LoRA-squared (two-level factors)"
    rank: int = 3
    initial_rank: int = 4
    width: int = 8
    alpha: float = 16.0
    orthogonality: float = 0.1
    warm: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= self.initial_rank <= self.width or not 0 <= self.warm < 0.5:
            raise ConfigError(
                "ranks shrink from initial_rank (at most width) to rank (at least 1), and warm is below a half, got "
                f"width={self.width}, initial_rank={self.initial_rank}, rank={self.rank}, warm={self.warm}"
            )

    def hook(self, layer: nn.Module) -> Squared:
        """The factors; the outer width is at most the smaller side of the layer.

        Raises:
            ConfigError: a last rank above it.
        """
        require_rank(self.rank, layer)
        width = min(self.width, *matrix_shape(layer))
        return Squared(layer, min(self.initial_rank, width), width, self.alpha)

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The orthogonality beside the model's loss."""
        terms = [hook.orthogonality() for hook in ranked(model) if isinstance(hook, Squared)]
        return {**super().loss(model, batch), "orthogonality": self.orthogonality * torch.stack(terms).mean()}

    def on_step(self, model: Model, step: int, length: int) -> None:
        """Drop ranks as the budget says."""
        drop_ranks(model, self.rank, self.warm, step, length)
