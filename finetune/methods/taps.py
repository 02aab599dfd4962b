"""Which layers have to change is learned (task-adaptive parameter sharing, arXiv 2203.16708)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, Model

from ..adapter import MAPS, HookAdapter, hooks
from ..hook import WeightMap
from ..layers import MATRICES, weight_of
from ..method import Kind


class Switch(WeightMap):
    """W + 1[s >= threshold] delta, delta = 0 at the start; the gradient of s passes straight through the indicator.

    As long as delta is zero so is the gradient of s: a penalty on s from the first step would close every layer.
    """

    def __init__(self, layer: nn.Module, threshold: float, start: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.s, self.delta = nn.Parameter(torch.tensor(start)), nn.Parameter(torch.zeros_like(weight_of(layer)))
        self.register_buffer("penalised", torch.tensor(0.0))

    @property
    def open(self) -> bool:
        """Whether the layer is specialised."""
        return bool(self.s >= self.threshold)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its switched update."""
        indicator = (self.s >= self.threshold).to(self.s.dtype)
        return {"weight": weights["weight"] + (indicator + self.s - self.s.detach()) * self.delta}


@dataclass(frozen=True, kw_only=True)
class TAPS(HookAdapter):
    """W + 1[s >= threshold] delta: a full update for those layers whose learned switch s stays open.

    Attributes:
        penalty: weight of the mean |s|.
        threshold: below it a layer is the pretrained one, bit for bit.
        start: of s.
        warm: share of the run before the penalty begins.
    """

    name: ClassVar[str] = "taps"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2203.16708"
    targets: str = MAPS
    layers: ClassVar[tuple[type[nn.Module], ...]] = MATRICES
    penalty: float = 0.1
    threshold: float = 0.1
    start: float = 0.15
    warm: float = 0.1

    def __post_init__(self) -> None:
        if not self.start >= self.threshold:
            raise ConfigError(f"switches start open, got start={self.start} below threshold={self.threshold}; raise it")

    def hook(self, layer: nn.Module) -> Switch:
        """An update and its switch."""
        return Switch(layer, self.threshold, self.start)

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The penalty beside the model's loss, normalised by the number of layers."""
        terms = [hook.penalised * hook.s.abs() for hook in hooks(model) if isinstance(hook, Switch)]
        return {**super().loss(model, batch), "switches": self.penalty * torch.stack(terms).mean()}

    def on_step(self, model: Model, step: int, length: int) -> None:
        """The penalty begins."""
        for hook in hooks(model):
            if isinstance(hook, Switch):
                hook.penalised.fill_(float(step >= max(1, self.warm * length)))


def open_layers(model: nn.Module) -> dict[str, bool]:
    """By name of the layer, whether TAPS has kept it open: a map of where two problems differ."""
    return {hook.site: hook.open for hook in hooks(model) if isinstance(hook, Switch)}
