"""Low-rank updates whose ranks are dropped one after the other until they fit a budget.

Which rank matters is judged by running means of the sensitivity I = |w dL/dw| of its factors and of its change,

    I <- beta I + (1 - beta) |w g|,   U <- beta U + (1 - beta) |I - |w g||,   s(w) = I U

(AdaLoRA, arXiv 2303.10512). The means are buffers, so that a run that was killed goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from .adapted import hooks
from .hook import WeightMap

BETA = 0.85


class RankedMap(WeightMap):
    """A map with a factor `e` of every rank, zero at the start; a rank whose e is held at zero is dropped.

    Attributes:
        scored: names of the parameters that are judged, each with its axis of ranks.
    """

    scored: ClassVar[Mapping[str, int]]
    e: Tensor
    kept: Tensor

    def follow(self) -> None:
        """Make the buffers, once all parameters are there."""
        self.register_buffer("kept", torch.ones_like(self.e))
        for name in self.scored:
            for mean in ("sensitivity", "change"):
                self.register_buffer(f"{mean}_{name}", torch.zeros_like(getattr(self, name)))

    @torch.no_grad()
    def on_gradients(self, step: int, length: int) -> None:
        """Follow the sensitivities."""
        for name in self.scored:
            value: Tensor = getattr(self, name)
            if value.grad is None:
                continue
            now = (value * value.grad).abs()
            mean, change = getattr(self, f"sensitivity_{name}"), getattr(self, f"change_{name}")
            mean.lerp_(now, 1 - BETA)
            change.lerp_((mean - now).abs(), 1 - BETA)

    def scores(self) -> Tensor:
        """Importance of every rank, the mean over each factor's entries; of those that were dropped, minus infinity."""
        found = torch.zeros_like(self.e)
        for name, axis in self.scored.items():
            score = getattr(self, f"sensitivity_{name}") * getattr(self, f"change_{name}")
            found = found + score.movedim(axis, 0).flatten(1).mean(1) if score.dim() > 1 else found + score
        return found.masked_fill(self.kept == 0, -torch.inf)


def ranked(model: nn.Module) -> Iterator[RankedMap]:
    """All maps of a model whose ranks are judged."""
    return (hook for hook in hooks(model) if isinstance(hook, RankedMap))


@torch.no_grad()
def drop_ranks(model: nn.Module, rank: int, warm: float, step: int, length: int) -> None:
    """Drop the least important ranks of all layers together, until `rank` a layer are left; they stay dropped.

    A run of fewer than ten steps keeps all.
    """
    mine = list(ranked(model))
    first, last = sum(len(h.e) for h in mine), min(rank * len(mine), sum(len(h.e) for h in mine))
    wait = round(warm * length)
    left = first if length < 10 else rank_budget(step, length, first, last, wait, wait)
    scores = torch.cat([hook.scores() for hook in mine])
    kept = torch.zeros_like(scores)
    kept[scores.topk(left).indices] = 1
    for hook, part in zip(mine, kept.split([len(h.e) for h in mine]), strict=True):
        hook.kept.copy_(part)
        hook.e.mul_(part)


def rank_budget(step: int, length: int, first: int, last: int, before: int, after: int) -> int:
    """Ranks at a step: `first` until `before`, then a cubic down to `last`, which the last `after` steps have.

    b(t) = last + (first - last) (1 - (t - t_i) / (T - t_i - t_f))^3.
    """
    if step <= before:
        return first
    done = min(1.0, (step - before) / (length - before - after))
    return last + int((first - last) * (1 - done) ** 3)


def squared_distance(rows: Tensor) -> Tensor:
    """|X X^T - 1|^2 (Frobenius): 0 where the rows are orthonormal."""
    return (rows @ rows.mT - torch.eye(len(rows), device=rows.device, dtype=rows.dtype)).square().sum()
