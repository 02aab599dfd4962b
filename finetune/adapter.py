"""Methods that add something at the sites of a frozen model, ours and peft's."""

from __future__ import annotations

import copy
import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError, Model

from .adapted import M, added_parameters, hooks, merged, plain_layers, plain_name, remember, unwrapped
from .hook import Hook
from .layers import MATRICES
from .method import Method, TargetError, method, train_only
from .rates import parameter_groups
from .recipe import Recipe

LINEAR = r"^core\..*(attention\.(qkv|out)|expand|contract)$"
MAPS = r"^core\."
BLOCKS = r"^core\.scales\.\d+\.(down|up)\.\d+$"


@dataclass(frozen=True, kw_only=True)
class Adapter(Method):
    """Put something around every layer that is found, and train it and the parts that touch the data.

    Attributes:
        rate: highest learning rate of what is added, per step; it has no weight decay.
        targets: regular expression on dotted names; the layers that it finds are the sites.
        exclude: regular expression on dotted names that are no sites after all.
        whole: parts of the model that are trained whole beside what is added.
        overrides: other options for sites whose name a regular expression finds, as {"scales.1": {"rank": 2}}.
    """

    trains: ClassVar[str] = "what is added"
    layers: ClassVar[tuple[type[nn.Module], ...]] = MATRICES
    rate: float = 1e-3
    targets: str = LINEAR
    exclude: str = ""
    whole: tuple[str, ...] = ("embed", "head")
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @abstractmethod
    def attach(self, model: nn.Module, adapter: str) -> None:
        """Put it around the layers, in place, under the name of the adapter."""

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Whether a layer can be adapted in this way."""
        return isinstance(layer, cls.layers)

    def sites(self, model: nn.Module) -> list[str]:
        """Names of the layers to adapt.

        Raises:
            TargetError: none is found, or none where options are overridden.
            ConfigError: what is no regular expression.
        """
        for pattern in (self.targets, self.exclude, *self.overrides):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(
                    f"layers are named by regular expressions, got {pattern!r} ({error}); a backslash stands before a "
                    "sign that is meant as it is"
                ) from error
        there = [name for name, layer in plain_layers(model) if name and self.accepts(layer)]
        found = [n for n in there if re.search(self.targets, n) and not (self.exclude and re.search(self.exclude, n))]
        if not found:
            kinds = ", ".join(kind.__name__.lstrip("_") for kind in self.layers)
            raise TargetError(
                f"targets must find a layer that {self.name} adapts ({kinds}), got targets={self.targets!r} and "
                f"exclude={self.exclude!r}; there are {there[:6]} ..."
            )
        if idle := [pattern for pattern in self.overrides if not any(re.search(pattern, n) for n in found)]:
            raise TargetError(f"overrides are for sites, got {idle}, which find none of {found[:6]} ...; drop them")
        return found

    def at(self, name: str) -> Any:
        """The options that hold at a site.

        Raises:
            ConfigError: an option that the method has not, with the nearest one.
        """
        for pattern, options in self.overrides.items():
            if re.search(pattern, name):
                return method(self.name, **{**self.options(), "overrides": {}, **options})
        return self

    def prepare(self, model: M, adapter: str = "default") -> M:
        """Attach, and freeze all but what was added and what is trained whole.

        A model that has this adapter, with these options, goes on with it.

        Raises:
            ConfigError: no site, two adapters of one name, or two that do not compose.
        """
        there = getattr(model, "adapted", {}).get(adapter)
        if there == self.describe():
            for hook in hooks(model, adapter):
                hook.on_next_run()
            return self.freeze(model, adapter)
        if there is not None:
            options = {key: value for key, value in there.items() if self.describe().get(key) != value}
            raise ConfigError(
                f"an adapter goes on by its own method and options, got {self.name} for {adapter!r}, which differs in "
                f"{options}; give these to go on with it, or adapt the plain model"
            )
        self.attach(model, adapter)
        remember(model, {**getattr(model, "adapted", {}), adapter: self.describe()})
        return self.freeze(model, adapter)

    def rebuild(self, model: M, adapter: str = "default") -> M:
        """The structure of a prepared model, for tensors that are read next."""
        return self.prepare(model, adapter)

    def freeze(self, model: M, adapter: str) -> M:
        """Let exactly the named adapter and the whole parts be trained.

        Raises:
            ConfigError: a whole part that the model has not.
        """
        there = {name for name, _ in model.named_modules()}
        if absent := [part for part in self.whole if part not in there]:
            raise ConfigError(
                f"parts that are trained whole are parts of the model, got {absent}; there are "
                f"{[name for name, _ in model.named_children()]}, or none: whole=()"
            )
        mine, parts = {id(p) for p in added_parameters(model, adapter)}, tuple(f"{part}." for part in self.whole)
        theirs = {id(p) for p in added_parameters(model)} - mine
        free = self.also_trained(model)
        train_only(
            model,
            lambda name, p: id(p) in mine or (id(p) not in theirs and (name.startswith(parts) or name in free)),
        )
        return model

    def also_trained(self, model: nn.Module) -> set[str]:
        """Names of parameters of the model that this method trains beside its own."""
        return set()

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """What was added at its own rate without decay, the rest as the recipe says."""
        added = [p for p in added_parameters(model) if p.requires_grad]
        mine = {id(p) for p in added}
        groups = [
            {**group, "params": [p for p in group["params"] if id(p) not in mine]}
            for group in parameter_groups(model, recipe)
        ]
        update = {"name": "updates", "params": added, "lr": self.rate, "weight_decay": 0.0}
        return [group for group in (update, *groups) if group["params"]]

    def on_gradients(self, model: Model, step: int, length: int) -> None:
        """Every hook may change its gradients."""
        for hook in hooks(model):
            hook.on_gradients(step, length)

    def on_step(self, model: Model, step: int, length: int) -> None:
        """Every hook may follow the run."""
        for hook in hooks(model):
            hook.on_step(step, length)

    def merge(self, model: M) -> M:
        """Write every change into the weights and take the wrapping away.

        Raises:
            MergeError: something was added that is no map of weights; names it and its site.
        """
        return merged(model)

    def options(self) -> dict[str, Any]:
        """The options without the name."""
        return {key: value for key, value in self.describe().items() if key != "name"}


class HookAdapter(Adapter):
    """An adapter of our own: a `Hook` at every site, in a wrapper that is a tuner of peft."""

    @abstractmethod
    def hook(self, layer: nn.Module) -> Hook:
        """What is put around a layer."""

    def hook_at(self, name: str, layer: nn.Module) -> Hook:
        """What is put around the layer of this name."""
        return self.hook(layer)

    def join(self, hooks: list[Hook]) -> None:
        """Let the hooks of one adapter share parts: the first owns them, the others keep it in a list."""

    def attach(self, model: nn.Module, adapter: str) -> None:
        """Wrap the layers and put the hooks there."""
        from .site import attach

        attach(model, self, adapter)


def with_adapters_of(model: M, change: Callable[[M], M]) -> M:
    """What a function makes of a plain model, with the adapters that the model has; the model stays as it is.

    Args:
        model: with adapters or without.
        change: such as one that fits a model to new data; it keeps the layers at which adapters stand.
    """
    adapted: dict[str, dict[str, Any]] = getattr(model, "adapted", {})
    if not adapted:
        return change(model)
    made = change(unwrapped(copy.deepcopy(model)))
    plain = made.state_dict().keys()
    for name, described in adapted.items():
        way = method(**described)
        assert isinstance(way, Adapter)
        made = way.rebuild(made, name)
    added = {key: value for key, value in model.state_dict().items() if plain_name(key) not in plain}
    made.load_state_dict(added, strict=False)
    return made
