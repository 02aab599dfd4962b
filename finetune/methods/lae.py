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
    """W + g B A in training; the slow copy follows, slow <- m slow + (1 - m) fast, from zero, without gradient.

    Outside of training the update is the slow one, the fast one, or their mean. The published ensemble takes the larger
    of two class probabilities, which means nothing for fields; the mean of two updates does, and merges.
    """

    slow: Tensor

    def __init__(self, layer: nn.Module, rank: int, momentum: float, serve: str) -> None:
        super().__init__()
        self.layer, self.momentum, self.serve = [layer], momentum, serve
        outputs, inputs = matrix_shape(layer)
        self.a, self.b = nn.Parameter(torch.empty(rank, inputs)), nn.Parameter(torch.zeros(outputs, rank))
        self.gain = nn.Parameter(torch.ones(()))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.register_buffer("slow", torch.zeros(outputs, inputs))

    def fast(self) -> Tensor:
        """g B A."""
        return self.gain * (self.b @ self.a)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with what is served."""
        weight = weights["weight"]
        if self.training or self.serve == "online":
            update = self.fast()
        else:
            update = self.slow if self.serve == "offline" else (self.slow + self.fast()) / 2
        matrix = as_matrix(self.layer[0], weight) + update
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}

    @torch.no_grad()
    def on_step(self, step: int, length: int) -> None:
        """The slow copy follows."""
        self.slow.lerp_(self.fast(), 1 - self.momentum)


@dataclass(frozen=True, kw_only=True)
class LAE(HookAdapter):
    """W + g B A with a slow copy that forgets little: for updates with new data that must not lose the old.

    Published: rank 5 on the first blocks, momentum 0.9999.

    Attributes:
        rank: of the update.
        momentum: m of the slow copy; its half-life is ln(1/2) / ln(m) steps. The published 0.9999 is for long runs.
        serve: which update a trained model uses.
    """

    name: ClassVar[str] = "lae"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2303.10070"
    rank: int = 5
    momentum: float = 0.98
    serve: Literal["mean", "offline", "online"] = "mean"

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"a momentum is in [0, 1), got {self.momentum}")

    def hook(self, layer: nn.Module) -> OnlineOffline:
        """Both copies.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return OnlineOffline(layer, self.rank, self.momentum, self.serve)
