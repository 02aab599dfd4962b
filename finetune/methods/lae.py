"""A fast and a slow copy of one low-rank update (learning, accumulation, ensemble; arXiv 2303.10070)."""

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


class OnlineOffline(WeightMap):
    """W + g B A; from the second data set on a slow copy follows, slow <- m slow + (1 - m) fast, without gradient.

    There is one expert as long as there was one data set. The slow copy begins as what that one taught, and later runs
    hold the update at first, while the parts that are trained whole get used to their data. Outside of training the
    slow update is served, the fast one, or their mean. The published ensemble takes the larger of two class
    probabilities, which means nothing for fields; the mean of two updates does, and merges.
    """

    slow: Tensor
    later: Tensor

    def __init__(self, layer: nn.Module, way: LAE) -> None:
        super().__init__()
        self.layer, self.way = [layer], way  # in a list: it is no part of the hook
        outputs, inputs = matrix_shape(layer)
        self.a, self.b = nn.Parameter(torch.empty(way.rank, inputs)), nn.Parameter(torch.zeros(outputs, way.rank))
        self.gain = nn.Parameter(torch.ones(()))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.register_buffer("slow", torch.zeros(outputs, inputs))
        self.register_buffer("later", torch.tensor(False))

    def fast(self) -> Tensor:
        """g B A."""
        return self.gain * (self.b @ self.a)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with what is served."""
        weight, update = weights["weight"], self.fast()
        if not self.training and self.way.serve != "online":
            served = self.slow if self.way.serve == "offline" else (self.slow + update) / 2
            update = torch.where(self.later, served, update)
        matrix = as_matrix(self.layer[0], weight) + update
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}

    @torch.no_grad()
    def on_next_run(self) -> None:
        """The slow copy begins as what the first data set taught."""
        if not self.later:
            self.slow.copy_(self.fast())
            self.later.fill_(True)

    def on_gradients(self, step: int, length: int) -> None:
        """No gradient while the update is held."""
        if self.later and self.way.whole and step < self.way.hold * length:
            self.a.grad = self.b.grad = self.gain.grad = None

    @torch.no_grad()
    def on_step(self, step: int, length: int) -> None:
        """The slow copy follows."""
        if self.later:
            self.slow.lerp_(self.fast(), 1 - self.way.momentum)


@dataclass(frozen=True, kw_only=True)
class LAE(HookAdapter):
    """W + g B A with a slow copy that forgets little: for one data set after another, of which none is to be lost.

        tuned = humboldt.finetune(model, first, method="lae", keep_adapter=True)
        tuned = humboldt.finetune(tuned, second, method="lae", keep_adapter=True)

    Published: rank 5 on the first blocks, momentum 0.9999, held for three of five epochs.

    Attributes:
        rank: of the update.
        momentum: m of the slow copy; its half-life is ln(1/2) / ln(m) steps. The published 0.9999 is for long runs; 1
            keeps what the first data set taught.
        serve: which update a trained model uses.
        hold: share of a later run for which the update waits, where parts are trained whole (`whole`).
    """

    name: ClassVar[str] = "lae"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2303.10070"
    sequential: ClassVar[bool] = True
    rank: int = 5
    momentum: float = 0.98
    serve: Literal["mean", "offline", "online"] = "mean"
    hold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.momentum <= 1 or not 0 <= self.hold < 1:
            raise ConfigError(
                f"a momentum is in [0, 1] and an update is held for a share of a run in [0, 1), got "
                f"momentum={self.momentum}, hold={self.hold}"
            )

    def hook(self, layer: nn.Module) -> OnlineOffline:
        """Both copies.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return OnlineOffline(layer, self)
