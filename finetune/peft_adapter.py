"""Methods of HF peft on the layers of our models."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from .adapted import plain_layers
from .adapter import Adapter
from .layers import is_plain
from .method import Kind


@dataclass(frozen=True, kw_only=True)
class PeftAdapter(Adapter):
    """A method of peft on the layers of any of our models."""

    kind: ClassVar[Kind] = "weights"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Linear maps with nothing but a weight and a bias: peft takes them from the layer and forgets the rest."""
        return isinstance(layer, cls.layers) and is_plain(layer)

    @abstractmethod
    def config(self, sites: list[str]) -> Any:
        """What peft is told."""

    def check(self, layer: nn.Module) -> None:
        """Refuse options that a layer cannot have.

        Raises:
            ConfigError: says which.
        """

    def attach(self, model: nn.Module, adapter: str) -> None:
        """Let peft wrap the layers."""
        from peft import PEFT_TYPE_TO_TUNER_MAPPING

        adapted: dict[str, Any] = getattr(model, "adapted", {})
        if adapted:
            raise ConfigError(
                f"{self.name} is put on a plain model, got one with the adapters {sorted(adapted)}; merge them, "
                "or use methods of our own together (hydra, nlt, lora_squared, bottleneck ...)"
            )
        sites = self.sites(model)
        layers = dict(plain_layers(model))
        for name in sites:
            self.check(layers[name])
        config = self.config(sites)
        PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](model, config, adapter)
