"""Full training in which the deeper a layer lies the slower it learns (ULMFiT, arXiv 1801.06146)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from humboldt.foundations import ConfigError, Model

from ..layers import block_of, depths
from ..method import Method, train_only
from ..recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class LayerWise(Method):
    """Train everything; the rate of a block is `decay` times that of the block after it.

    Published: a factor of 2.6 from layer to layer (0.38) in ULMFiT, 0.75 in FluxViT.

    Attributes:
        decay: factor from block to block, from the head back to the embedding; 1 is full training.
    """

    name: ClassVar[str] = "layerwise"
    source: ClassVar[str] = "arXiv 1801.06146"
    decay: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ConfigError(f"a decay of rates is in (0, 1], got {self.decay}")

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen."""
        train_only(model, lambda name, parameter: True)
        return model

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """The recipe's groups, each cut into blocks with their own rates; names of groups are kept."""
        names = {id(p): name for name, p in model.named_parameters()}
        order = depths(model)
        found = []
        for group in super().parameter_groups(model, recipe):
            cut: dict[int, list[Any]] = {}
            for parameter in group["params"]:
                cut.setdefault(order.get(block_of(names[id(parameter)]), 0), []).append(parameter)
            found += [
                {**group, "params": part, "lr": group["lr"] * self.decay**depth} for depth, part in sorted(cut.items())
            ]
        return found
