"""The methods as a table."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .adapted import added_parameters
from .adapter import Adapter
from .method import Method, known_methods


def table(model: Model | None = None) -> list[dict[str, Any]]:
    """A row a method, JSON-ready: what it is and trains, whether it merges, what it works on, options, source.

    With a model also how many numbers it trains of that with its defaults; None where it cannot without options.
    """
    return [row(kind, model) for _, kind in sorted(known_methods().items())]


def row(kind: type[Method], model: Model | None = None) -> dict[str, Any]:
    """One method."""
    way: Any = kind()
    adapts = ", ".join(k.__name__.lstrip("_") for k in kind.layers) if issubclass(kind, Adapter) else "the whole model"
    described = way.describe()
    return {
        "name": kind.name,
        "about": (kind.__doc__ or "").split("\n")[0],
        "kind": kind.kind,
        "trains": trains(way),
        "mergeable": kind.mergeable,
        "gradients": kind.gradients,
        "works_on": adapts,
        "source": kind.source,
        **({} if model is None else {"parameters": counted(way, model)}),
        "options": {key: value for key, value in described.items() if key != "name"},
    }


def trains(way: Method) -> str:
    """What a method trains, in words."""
    if not isinstance(way, Adapter):
        return way.trains
    return " + ".join((way.trains, *way.whole))


def counted(way: Method, model: Model) -> int | None:
    """How many numbers a method trains of a model; None where it needs options first."""
    try:
        return trained_parameters(way, model)
    except ConfigError:
        return None


def trained_parameters(way: Method, model: Any) -> int:
    """How many numbers a method trains (or searches) of a model, which is left as it is."""
    prepared = way.prepare(copy.deepcopy(model))
    if not way.gradients:
        return sum(p.numel() for p in added_parameters(prepared))
    return sum(p.numel() for p in prepared.parameters() if p.requires_grad)


def step_memory(way: Method, model: Any, batch: Any) -> int:
    """Bytes that a training step holds beside the weights, between its forward and its backward pass: what autograd
    keeps, gradients, two moments; nothing of a search. Counted, not measured, so that it is the same on every machine.

    Args:
        way: the method.
        model: fitted to the data; left as it is.
        batch: as `fit` would give it.
    """
    prepared = way.prepare(copy.deepcopy(model).train())
    own = {t.untyped_storage().data_ptr() for t in (*prepared.parameters(), *prepared.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    if not way.gradients:
        return 0
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        total = torch.stack(list(way.loss(prepared, batch).values())).sum()
    del total
    trained = sum(3 * p.numel() * p.element_size() for p in prepared.parameters() if p.requires_grad)
    return sum(kept.values()) + trained
