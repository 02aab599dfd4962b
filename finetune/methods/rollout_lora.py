"""A low-rank update for every step of a rollout (as Aurora is tuned for long forecasts, arXiv 2405.13063)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, matrix_shape, require_rank
from ..method import Kind


class StepUpdates(WeightMap):
    """W + (alpha / r) B_k A_k in step k of a rollout, W from step `steps` on; B = 0 at the start."""

    reads = ("rollout_step",)

    def __init__(self, layer: nn.Module, rank: int, alpha: float, steps: int, shared: bool) -> None:
        super().__init__()
        self.layer, self.scale, self.steps, self.shared = [layer], alpha / rank, steps, shared
        outputs, inputs = matrix_shape(layer)
        count = 1 if shared else steps
        self.a = nn.Parameter(torch.empty(count, rank, inputs))
        self.b = nn.Parameter(torch.zeros(count, outputs, rank))
        for factor in self.a:
            nn.init.kaiming_uniform_(factor, a=math.sqrt(5))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight of the present step."""
        step, weight = context.rollout_step, weights["weight"]
        if step >= self.steps:
            return {}
        index = 0 if self.shared else step
        matrix = as_matrix(self.layer[0], weight) + self.scale * (self.b[index] @ self.a[index])
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}


@dataclass(frozen=True, kw_only=True)
class RolloutLoRA(HookAdapter):
    """W + (alpha / r) B_k A_k: an update of the attention's maps for every step k of a rollout.

    Attributes:
        rank: of an update.
        alpha: the update is scaled by alpha / rank.
        steps: of a rollout that have an update; later ones run on the pretrained weights.
        mode: `each` step has its own update, or `single`: all share one.
    """

    name: ClassVar[str] = "rollout_lora"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2405.13063"
    mergeable: ClassVar[bool] = False
    targets: str = r"^core\..*attention\.(qkv|out)$"
    rank: int = 8
    alpha: float = 8.0
    steps: int = 8
    mode: Literal["each", "single"] = "each"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"at least one step of a rollout has an update, got steps={self.steps}")

    def hook(self, layer: nn.Module) -> StepUpdates:
        """The updates of a layer.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return StepUpdates(layer, self.rank, self.alpha, self.steps, self.mode == "single")
