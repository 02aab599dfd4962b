"""Methods that add something at the sites of a frozen model, ours and peft's."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from humboldt.foundations import ConfigError, Model

from .hook import Hook
from .layers import MATRICES
from .method import MergeError, Method, TargetError, train_only
from .rates import parameter_groups
from .recipe import Recipe

M = TypeVar("M", bound=nn.Module)  # a model, or a network of another make

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
            TargetError: none is found.
        """
        there = [name for name, layer in plain_layers(model) if name and self.accepts(layer)]
        found = [n for n in there if re.search(self.targets, n) and not (self.exclude and re.search(self.exclude, n))]
        if not found:
            kinds = ", ".join(kind.__name__.lstrip("_") for kind in self.layers)
            raise TargetError(
                f"targets must find a layer that {self.name} adapts ({kinds}), got targets={self.targets!r} and "
                f"exclude={self.exclude!r}; there are {there[:6]} ..."
            )
        return found

    def at(self, name: str) -> Any:
        """The options that hold at a site."""
        for pattern, options in self.overrides.items():
            if re.search(pattern, name):
                return replace(self, overrides={}, **options)
        return self

    def prepare(self, model: M, adapter: str = "default") -> M:
        """Attach, and freeze all but what was added and what is trained whole.

        Raises:
            ConfigError: no site, two adapters of one name, or two that do not compose.
        """
        self.attach(model, adapter)
        remember(model, {**getattr(model, "adapted", {}), adapter: self.describe()})
        return self.freeze(model, adapter)

    def rebuild(self, model: M, adapter: str = "default") -> M:
        """The structure of a prepared model, for tensors that are read next."""
        return self.prepare(model, adapter)

    def freeze(self, model: M, adapter: str) -> M:
        """Let exactly the named adapter and the whole parts be trained."""
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


def hooks(model: nn.Module) -> Iterator[Hook]:
    """Everything that our adapters have added."""
    return (module for module in model.modules() if isinstance(module, Hook))


def wrapped(model: nn.Module) -> list[tuple[str, Any]]:
    """Every layer that an adapter stands around, ours or peft's."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)]


def added_parameters(model: nn.Module, adapter: str | None = None) -> list[nn.Parameter]:
    """What adapters have added (one of them, or all), each once."""
    found: dict[int, nn.Parameter] = {}
    for _, layer in wrapped(model):
        for attribute in layer.adapter_layer_names:
            parts = getattr(layer, attribute)
            for name in parts if adapter is None else [adapter]:
                part = parts[name] if name in parts else None  # noqa: SIM401
                inside = part.parameters() if isinstance(part, nn.Module) else [part]
                found |= {id(p): p for p in inside if isinstance(p, nn.Parameter)}
    return list(found.values())


def plain_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model under the names that they have without adapters, and without what adapters added."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    added = {id(m) for hook in hooks(model) for m in hook.modules()}
    return [
        (plain_name(name), layer) for name, layer in model.named_modules()
        if id(layer) not in added and not isinstance(layer, BaseTunerLayer)
    ]  # fmt: skip


def base_of(layer: nn.Module) -> Any:
    """The layer itself, of one that an adapter may stand around."""
    found = getattr(layer, "base_layer", None)
    return found if isinstance(found, nn.Module) else layer


def plain_name(name: str) -> str:
    """The name that a layer or a parameter has in the model without adapters."""
    return name.replace(".base_layer", "")


def merged(model: M) -> M:
    """Write every change of every adapter into the weights and take the wrapping away, outermost first.

    Raises:
        MergeError: names a site and what cannot be merged there; the model is as it was.
    """
    layers = wrapped(model)
    try:
        with torch.no_grad():
            for _, layer in layers:
                layer.merge()
    except Exception as error:
        for _, layer in layers:
            if layer.merged:
                layer.unmerge()
        if isinstance(error, MergeError | ConfigError):
            raise
        raise MergeError(f"peft cannot merge this adapter: {error}; keep it as it is (save_adapter)") from error
    return unwrapped(model)


def unwrapped(model: M) -> M:
    """The plain model with the weights that it has now; adapters are gone, nothing is frozen."""
    for name, layer in wrapped(model):
        parent, _, child = plain_name(name).rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())
    for part in (model, getattr(model, "core", model)):
        if hasattr(part, "peft_config"):
            del part.peft_config
    remember(model, {})
    return model.requires_grad_(True)


def remember(model: Any, adapted: dict[str, dict[str, Any]]) -> None:
    """Note the adapters of a model, or of a network of another make, which then has such a note too."""
    model.adapted = adapted


@contextmanager
def disabled(model: nn.Module) -> Iterator[nn.Module]:
    """Inside the block the model computes what it did without adapters."""
    layers = [layer for _, layer in wrapped(model)]
    before = [layer._disable_adapters for layer in layers]
    free = [p for p in model.parameters() if p.requires_grad]
    try:
        for layer in layers:
            layer.enable_adapters(False)
        yield model
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.enable_adapters(not was)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in free:
            parameter.requires_grad_(True)


def set_adapters(model: nn.Module, *names: str) -> None:
    """Let the named adapters act, in this order; what is trained stays what it was.

    Raises:
        ConfigError: an adapter that is not there.
    """
    there = getattr(model, "adapted", {})
    if absent := [name for name in names if name not in there]:
        raise ConfigError(f"this model has the adapters {sorted(there)}, got {absent}; load it first (load_adapter)")
    for _, layer in wrapped(model):
        layer._active_adapter = list(names)
