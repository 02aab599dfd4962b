"""Low-rank updates of the core's linear maps, W + (alpha / rank) B A (LoRA, arXiv 2106.09685), by HF peft."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError, Model

from .method import Method, train_only
from .rates import parameter_groups
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class LoRA(Method):
    """Train a low-rank update of every linear map of the core, and the parts that touch the data.

    Attributes:
        rank: rank of an update.
        alpha: the update is scaled by alpha / rank.
        rate: highest learning rate of the updates, per step.
        targets: regular expression on dotted names inside the core; the linear maps that it finds are updated.
        whole: parts of the model that are trained whole beside the updates.
    """

    name: ClassVar[str] = "lora"
    rank: int = 8
    alpha: int = 16
    rate: float = 1e-3
    targets: str = r"attention\.(qkv|out)$|(expand|contract)$"
    whole: tuple[str, ...] = ("embed", "head")

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"the rank of an update is at least 1, got {self.rank}")

    def prepare(self, model: Model) -> Model:
        """Put B A, with B = 0, beside each linear map that `targets` finds; freeze the rest but `whole`.

        Raises:
            ConfigError: `targets` finds no linear map.
        """
        from peft import LoraConfig, inject_adapter_in_model

        names = [name for name, m in model.core.named_modules() if isinstance(m, nn.Linear)]
        chosen = [name for name in names if re.search(self.targets, name)]
        if not chosen:
            raise ConfigError(
                f"targets must find a linear map of the core, got {self.targets!r}; its maps are called {names[:8]} ..."
            )
        config = LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules=chosen, lora_dropout=0.0)
        inject_adapter_in_model(config, model.core)
        parts = tuple(f"{part}." for part in self.whole)
        train_only(model, lambda name, parameter: ".lora_" in name or name.startswith(parts))
        return model

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """The updates at their own rate without decay, the rest as the recipe says."""
        updates = [p for name, p in model.named_parameters() if ".lora_" in name]
        kept = set(updates)
        groups = [
            {**group, "params": [p for p in group["params"] if p not in kept]}
            for group in parameter_groups(model, recipe)
        ]
        update = {"name": "updates", "params": updates, "lr": self.rate, "weight_decay": 0.0}
        return [update, *(group for group in groups if group["params"])]

    def merge(self, model: Model) -> Model:
        """Add every update to its linear map and take the wrapping away."""
        from peft.tuners.lora import LoraLayer

        wrapped = [(name, m) for name, m in model.core.named_modules() if isinstance(m, LoraLayer)]
        for name, layer in wrapped:
            layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.core.get_submodule(parent), child, layer.get_base_layer())
        return model.requires_grad_(True)
