"""A model that has adapters: what they are, which of them act, and how all become plain weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from humboldt.foundations import ConfigError

from .hook import Hook
from .method import MergeError, TargetError

M = TypeVar("M", bound=nn.Module)  # a model, or a network of another make


def hooks(model: nn.Module, adapter: str | None = None) -> Iterator[Hook]:
    """Everything that our adapters have added; of one of them, what stands at its sites."""
    if adapter is None:
        return (module for module in model.modules() if isinstance(module, Hook))
    there = (getattr(layer, "hooks", {}) for _, layer in wrapped(model))
    return (found[adapter] for found in there if adapter in found)


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
def disabled(model: nn.Module, targets: str = "") -> Iterator[nn.Module]:
    """Inside the block the model computes what it did without adapters, or without those at the layers of these names.

    Args:
        model: with adapters.
        targets: regular expression on the dotted names of layers; all by default.

    Raises:
        TargetError: it finds no layer with an adapter.
    """
    there = wrapped(model)
    layers = [layer for name, layer in there if re.search(targets, plain_name(name))]
    if targets and not layers:
        names = [plain_name(name) for name, _ in there]
        raise TargetError(f"adapters are disabled where they are, got targets={targets!r}; they are at {names[:6]} ...")
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
