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

from ..adapter import HookAdapter, hooks
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, matrix_shape
from ..method import Kind


class Squared(WeightMap):
    """W + (alpha / r) b a diag(e) B A with thin A (k x i) and b (o x k), small B (r x k) and a (k x r); e = 0 first.

    The importance of rank j is s(e_j) + mean s(a_j) + mean s(B_j), where s(w) multiplies running means of the
    sensitivity I = |w dL/dw| and of its change: I <- beta I + (1 - beta) |w g|,  U <- beta U + (1 - beta) |I - |w g||.
    """

    BETA = 0.85
    SCORED = ("e", "a", "b_small")
    e: Tensor

    def __init__(self, layer: nn.Module, rank: int, width: int, alpha: float) -> None:
        super().__init__()
        self.layer, self.scale = [layer], alpha / rank
        outputs, inputs = matrix_shape(layer)
        self.thin_in, self.thin_out = (
            nn.Parameter(torch.empty(width, inputs)),
            nn.Parameter(torch.empty(outputs, width)),
        )
        self.b_small, self.a = nn.Parameter(torch.empty(rank, width)), nn.Parameter(torch.empty(width, rank))
        for factor in (self.thin_in, self.thin_out, self.b_small, self.a):
            nn.init.normal_(factor, std=width**-0.5)
        self.e = nn.Parameter(torch.zeros(rank))
        self.register_buffer("kept", torch.ones(rank))
        for name in self.SCORED:
            for mean in ("sensitivity", "change"):
                self.register_buffer(f"{mean}_{name}", torch.zeros_like(getattr(self, name)))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its update."""
        weight = weights["weight"]
        small = (self.a * self.e) @ self.b_small
        matrix = as_matrix(self.layer[0], weight) + self.scale * (self.thin_out @ small @ self.thin_in)
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}

    @torch.no_grad()
    def on_gradients(self, step: int, length: int) -> None:
        """Follow the sensitivities."""
        for name in self.SCORED:
            value: Tensor = getattr(self, name)
            if value.grad is None:
                continue
            now = (value * value.grad).abs()
            mean, change = getattr(self, f"sensitivity_{name}"), getattr(self, f"change_{name}")
            mean.lerp_(now, 1 - self.BETA)
            change.lerp_((mean - now).abs(), 1 - self.BETA)

    def scores(self) -> Tensor:
        """Importance of every rank; of those that were dropped, minus infinity."""

        def of(name: str) -> Tensor:
            return getattr(self, f"sensitivity_{name}") * getattr(self, f"change_{name}")

        found = of("e") + of("a").mean(0) + of("b_small").mean(1)
        return found.masked_fill(self.kept == 0, -torch.inf)

    def orthogonality(self) -> Tensor:
        """Mean of |A A^T - 1|, |b^T b - 1|, |B B^T - 1| and |a^T a - 1| (Frobenius)."""
        rows = (self.thin_in, self.thin_out.mT, self.b_small, self.a.mT)
        grams = [x @ x.mT for x in rows]
        return torch.stack([(g - torch.eye(len(g), device=g.device, dtype=g.dtype)).norm() for g in grams]).mean()


@dataclass(frozen=True, kw_only=True)
class LoRASquared(HookAdapter):
    """W + b a diag(e) B A: two levels of low rank; the least important ranks are dropped until they fit a budget.

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
    orthogonality: float = 0.001
    warm: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= self.initial_rank <= self.width or not 0 <= self.warm < 0.5:
            raise ConfigError(
                "ranks shrink from initial_rank (at most width) to rank (at least 1), and warm is below a half, got "
                f"width={self.width}, initial_rank={self.initial_rank}, rank={self.rank}, warm={self.warm}"
            )

    def hook(self, layer: nn.Module) -> Squared:
        """The factors; the outer width is at most the smaller side of the layer."""
        width = min(self.width, *matrix_shape(layer))
        return Squared(layer, min(self.initial_rank, width), width, self.alpha)

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The orthogonality beside the model's loss."""
        terms = [hook.orthogonality() for hook in hooks(model) if isinstance(hook, Squared)]
        return {**super().loss(model, batch), "orthogonality": self.orthogonality * torch.stack(terms).mean()}

    @torch.no_grad()
    def on_step(self, model: Model, step: int, length: int) -> None:
        """Drop the least important ranks of all layers together, as the budget says; they stay dropped."""
        mine = [hook for hook in hooks(model) if isinstance(hook, Squared)]
        first, last = sum(len(h.e) for h in mine), min(self.rank * len(mine), sum(len(h.e) for h in mine))
        left = rank_budget(step, length, first, last, self.warm)
        scores = torch.cat([hook.scores() for hook in mine])
        kept = torch.zeros_like(scores)
        kept[scores.topk(left).indices] = 1
        for hook, part in zip(mine, kept.split([len(h.e) for h in mine]), strict=True):
            hook.kept.copy_(part)
            hook.e.mul_(part)


def rank_budget(step: int, length: int, first: int, last: int, warm: float) -> int:
    """Ranks at a step: `first` for a share `warm` of the run, then a cubic down to `last` for as long at the end.

    b(t) = last + (first - last) (1 - (t - t_i) / (T - t_i - t_f))^3. A run of fewer than ten steps keeps all.
    """
    if length < 10 or step <= (start := round(warm * length)):
        return first
    done = min(1.0, (step - start) / (length - 2 * start))
    return last + int((first - last) * (1 - done) ** 3)
