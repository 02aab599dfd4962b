"""How to adapt a model: the contract that every fine-tuning method fulfils, and the methods by name."""

from __future__ import annotations

import difflib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from humboldt.foundations import ConfigError, Model, from_dict, to_dict

from .rates import parameter_groups
from .recipe import Recipe

log = logging.getLogger(__name__)

METHODS: dict[str, type[Method]] = {}
PLUGINS = "humboldt.methods"  # the entry point group of packages that bring methods of their own
Kind = Literal["weights", "features", "tokens", "objective", "transform"]


class MergeError(ConfigError):
    """What was added to a model cannot become plain weights; names the site and the cure."""


class TargetError(ConfigError):
    """A model has no layer that a method adapts, or none where its options look for them."""


class Method(ABC):
    """A way to adapt. A leaf is a frozen dataclass, registered under its `name`.

    `prepare` and `merge` change the model that they are given and return it; `fit` hands them a copy. A method holds
    no state: what it must remember from step to step are buffers of the model, so that a killed run goes on.

    Attributes:
        name: by which it is asked for.
        kind: whether it maps weights, features or tokens, adds an objective, or transforms weights or gradients.
        source: where it was published.
        trains: what is trained, in a few words (of an adapter, beside the whole parts).
        mergeable: whether what it adds becomes plain weights.
        gradients: whether it needs any.
        sequential: whether it is for one data set after another: its adapter goes on instead of being merged between.
        by_rows: whether it trains parameters as they are, so that a process may hold its rows of them alone.
        start_tolerance: how far the start may be from what the model computed before, relative to its largest value.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind] = "transform"
    source: ClassVar[str] = ""
    trains: ClassVar[str] = "everything"
    mergeable: ClassVar[bool] = True
    gradients: ClassVar[bool] = True
    sequential: ClassVar[bool] = False
    by_rows: ClassVar[bool] = False
    start_tolerance: ClassVar[float] = 0.0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            return
        there = METHODS.get(cls.name)
        if there is not None and there.__module__ != cls.__module__:
            raise ConfigError(
                f"a method has a name of its own, got {cls.name!r} of {cls.__module__}, by which {there.__module__} is "
                "known; name it otherwise"
            )
        METHODS[cls.name] = cls

    @abstractmethod
    def prepare(self, model: Model) -> Model:
        """Wrap and freeze; the model computes exactly what it did before."""

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """Groups for the optimiser: the trainable parameters with their rates and decay."""
        return parameter_groups(model, recipe)

    def begin(self, model: Model, batch: Any) -> None:  # noqa: B027
        """Before the first step of a run, with its first batch: the model computes what it did, as after `prepare`."""

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """Named scalars whose sum is minimised: the model's loss and what its hooks add."""
        return {"loss": model.loss(batch), **model.context.losses}

    def search(self, model: Model, batch: Any, step: int, length: int) -> Tensor:
        """Of a method that needs no gradients: one step of its own; returns the loss.

        Raises:
            ConfigError: a method that learns by gradients.
        """
        raise ConfigError(f"a search is a step without gradients, got {self.name}, which learns by them; use cma")

    def on_gradients(self, model: Model, step: int, length: int) -> None:  # noqa: B027
        """Between the backward pass and the optimiser's step number `step` (from 0) of `length`."""

    def on_step(self, model: Model, step: int, length: int) -> None:  # noqa: B027
        """After `step` steps of `length`."""

    def merge(self, model: Model) -> Model:
        """Plain weights again, computing the same, none of them frozen.

        Raises:
            MergeError: what was added is no map of weights; names it and its site.
        """
        return model.requires_grad_(True)

    def describe(self) -> dict[str, Any]:
        """Name and options, JSON-ready."""
        return {"name": self.name, **to_dict(self)}


def method(name: str, **options: Any) -> Method:
    """A method by its name, with its options.

    Raises:
        ConfigError: unknown name or option (with the nearest known one).
    """
    known = METHODS if name in METHODS else known_methods()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        cure = f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise ConfigError(f"fine-tuning methods are {sorted(known)}, got {name!r}; {cure}")
    return from_dict(known[name], options)


def known_methods() -> dict[str, type[Method]]:
    """Every method by name, those of installed packages included (entry points of the group `humboldt.methods`).

    A package that cannot be imported is named in the log and left out.
    """
    _load_plugins()
    return METHODS


@cache
def _load_plugins() -> None:
    for entry in entry_points(group=PLUGINS):
        try:
            entry.load()
        except Exception as error:  # whatever a package of others does, the methods here are known
            log.warning("methods of %s are left out: %s: %s", entry.value, type(error).__name__, error)


def train_only(model: nn.Module, chosen: Callable[[str, nn.Parameter], bool]) -> None:
    """Let exactly the chosen parameters be trained; a batch norm without one of them keeps its statistics too.

    Raises:
        ConfigError: there is nothing to train.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(chosen(name, parameter))
    if not any(p.requires_grad for p in model.parameters()):
        raise ConfigError("a run trains at least one parameter, got none; give other targets, or parts to train whole")
    for module in model.modules():
        if isinstance(module, _BatchNorm) and not any(p.requires_grad for p in module.parameters()):
            module.eval()
