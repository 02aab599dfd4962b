"""A low-rank update for every step of a rollout (as Aurora is tuned for long forecasts, arXiv 2405.13063)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, Head, Model, bare

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

    Where a prediction is a state (PDEs, weather), training goes to every target in steps of its own: as many equal
    parts of the lead time as chance says, the last alone with gradients (pushforward, arXiv 2202.03376), so that every
    update is trained on what the steps before it make. Elsewhere a step is told by the batch (months of ecosystems).

    Published: rank 8, alpha 8, up to 40 steps.

    Attributes:
        rank: of an update.
        alpha: the update is scaled by alpha / rank.
        steps: of a rollout that have an update; later ones run on the pretrained weights.
        mode: `each` step has its own update, or `single`: all share one.
        shortest: no step in training is shorter, in the model's units of time.
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
    shortest: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.shortest < 0:
            raise ConfigError(
                "at least one step of a rollout has an update and none is of negative length, got "
                f"steps={self.steps}, shortest={self.shortest}"
            )

    def hook(self, layer: nn.Module) -> StepUpdates:
        """The updates of a layer.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return StepUpdates(layer, self.rank, self.alpha, self.steps, self.mode == "single")

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The loss of the last of some steps to the target."""
        if type(model.head).onward is Head.onward:
            return super().loss(model, batch)
        state, count = bare(batch), self.drawn(bare(batch).lead_time)
        state = dataclasses.replace(state, lead_time=state.lead_time / count)
        for number in range(count - 1):
            with torch.no_grad(), model.context.at(rollout_step=number):
                state = model.head.onward(model(state), state)
        with model.context.at(rollout_step=count - 1):
            return super().loss(model, state)

    def drawn(self, lead_time: Float[Tensor, " b"]) -> int:
        """In how many steps training goes to the targets of a batch; in one to a target that lies not ahead."""
        if float(lead_time.min()) <= 0:
            return 1
        if self.shortest <= 0:
            return int(torch.randint(1, self.steps + 1, ()))
        most = min(self.steps, int(float(lead_time.min()) / self.shortest + 1e-6))
        return int(torch.randint(1, max(1, most) + 1, ()))
