"""How to adapt a model: the contract that every fine-tuning method fulfils, and the methods by name."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from humboldt.foundations import ConfigError, Model, from_dict, to_dict

from .rates import parameter_groups
from .recipe import Recipe

METHODS: dict[str, type[Method]] = {}


class Method(ABC):
    """A way to adapt. A leaf is a frozen dataclass, registered under its `name`.

    `prepare` and `merge` change the model that they are given and return it; `fit` hands them a copy.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        METHODS[cls.name] = cls

    @abstractmethod
    def prepare(self, model: Model) -> Model:
        """Wrap and freeze; the model computes exactly what it did before."""

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """Groups for the optimiser: the trainable parameters with their rates and decay."""
        return parameter_groups(model, recipe)

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """Named scalars whose sum is minimised."""
        return {"loss": model.loss(batch)}

    def merge(self, model: Model) -> Model:
        """Plain weights again, computing the same, none of them frozen."""
        return model.requires_grad_(True)

    def describe(self) -> dict[str, Any]:
        """Name and options, JSON-ready."""
        return {"name": self.name, **to_dict(self)}


def method(name: str, **options: Any) -> Method:
    """A method by its name, with its options.

    Raises:
        ConfigError: unknown name or option (with the nearest known one).
    """
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, 1)
        cure = f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise ConfigError(f"fine-tuning methods are {sorted(METHODS)}, got {name!r}; {cure}")
    return from_dict(METHODS[name], options)


def train_only(model: nn.Module, chosen: Callable[[str, nn.Parameter], bool]) -> None:
    """Let exactly the chosen parameters be trained; a batch norm without one of them keeps its statistics too."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(chosen(name, parameter))
    for module in model.modules():
        if isinstance(module, _BatchNorm) and not any(p.requires_grad for p in module.parameters()):
            module.eval()
