"""Full training in which the deeper a layer lies the slower it learns (ULMFiT, arXiv 1801.06146)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from humboldt.foundations import ConfigError, Model

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


def block_of(name: str) -> str:
    """`core.scales.0.down.1` of the name of a parameter inside; "" outside of every block."""
    found = re.match(r"core\.scales\.\d+\.(down|up)\.\d+", name)
    return found.group() if found else ""


def depths(model: Model) -> dict[str, int]:
    """Distance of every block of the core from the head, in blocks: first up the finest scale, then down."""
    blocks = list(dict.fromkeys(block_of(name) for name, _ in model.named_parameters()))

    def place(name: str) -> tuple[int, int, int]:
        _, _, scale, way, number = name.split(".")
        return (0, int(scale), int(number)) if way == "down" else (1, -int(scale), int(number))

    order = sorted((name for name in blocks if name), key=place)
    return {name: len(order) - 1 - index for index, name in enumerate(order)}
