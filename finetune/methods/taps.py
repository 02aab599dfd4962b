"""Which layers have to change is learned (task-adaptive parameter sharing, arXiv 2203.16708)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, Model

from ..adapted import hooks
from ..adapter import MAPS, HookAdapter
from ..hook import WeightMap
from ..layers import MATRICES, NORMS, has_weight, weight_name, weight_of
from ..method import Kind


class Switch(WeightMap):
    """W + 1[s >= threshold] delta, delta = 0 at the start; the gradient of s passes straight through the indicator.

    As long as delta is zero so is the gradient of s: a penalty on s from the first step would close every layer.
    """

    penalised: Tensor

    def __init__(self, layer: nn.Module, threshold: float, start: float) -> None:
        super().__init__()
        self.threshold, self.name, weight = threshold, weight_name(layer), weight_of(layer)
        zero = torch.zeros_like(weight)
        self.s = nn.Parameter(torch.tensor(start))
        self.delta = nn.Parameter(torch.view_as_real(zero) if zero.is_complex() else zero)
        self.register_buffer("penalised", torch.tensor(0.0))

    @property
    def open(self) -> bool:
        """Whether the layer is specialised."""
        return bool(self.s >= self.threshold)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its switched update."""
        indicator = (self.s >= self.threshold).to(self.s.dtype)
        delta = torch.view_as_complex(self.delta) if weights[self.name].is_complex() else self.delta
        return {self.name: weights[self.name] + (indicator + self.s - self.s.detach()) * delta}


@dataclass(frozen=True, kw_only=True)
class TAPS(HookAdapter):
    """W + 1[s >= threshold] delta: a full update for those layers whose learned switch s stays open.

    Norms are layers too, but stay as they are unless `exclude` lets them in: a switch for so few numbers tells little.

    Published: start 0.15, threshold 0.1, penalty 0.1 to 1 from the third epoch on.

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
    layers: ClassVar[tuple[type[nn.Module], ...]] = (*MATRICES, *NORMS)
    exclude: str = r"norm\w*$"
    penalty: float = 0.1
    threshold: float = 0.1
    start: float = 0.15
    warm: float = 0.1

    def __post_init__(self) -> None:
        if not self.start >= self.threshold:
            raise ConfigError(f"switches start open, got start={self.start} below threshold={self.threshold}; raise it")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """What has a weight, Fourier layers of other makes included."""
        return has_weight(layer)

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
