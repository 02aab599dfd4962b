"""The methods as a table."""

from __future__ import annotations

from typing import Any

from .adapter import Adapter
from .method import Method, known_methods


def table() -> list[dict[str, Any]]:
    """A row a method, JSON-ready: what it is, what it trains, whether it merges, what it works on, options, source."""
    return [row(kind) for _, kind in sorted(known_methods().items())]


def row(kind: type[Method]) -> dict[str, Any]:
    """One method."""
    way: Any = kind()
    adapts = ", ".join(k.__name__.lstrip("_") for k in kind.layers) if issubclass(kind, Adapter) else "the whole model"
    described = way.describe()
    return {
        "name": kind.name,
        "about": (kind.__doc__ or "").split("\n")[0],
        "kind": kind.kind,
        "mergeable": kind.mergeable,
        "gradients": kind.gradients,
        "works_on": adapts,
        "source": kind.source,
        "options": {key: value for key, value in described.items() if key != "name"},
    }


def trained_parameters(way: Method, model: Any) -> int:
    """How many numbers a method trains of a model, which is left as it is."""
    import copy

    prepared = way.prepare(copy.deepcopy(model))
    return sum(p.numel() for p in prepared.parameters() if p.requires_grad)
