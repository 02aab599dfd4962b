"""The sciences by name."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

DOMAINS = {
    "biodiversity": ("humboldt.domains.biodiversity", "Biodiversity"),
    "graphs": ("humboldt.domains.graphs", "Graphs"),
    "pde": ("humboldt.domains.pde", "PDE"),
    "weather": ("humboldt.domains.weather", "Weather"),
}


def face(name: str) -> ModuleType:
    """The public face of the domain called `name`: its folder, imported on the first call.

    Raises:
        ValueError: names the domains there are.
    """
    if name not in DOMAINS:
        near = difflib.get_close_matches(name, DOMAINS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"a domain is one of {sorted(DOMAINS)}, got {name!r}{hint}")
    return importlib.import_module(DOMAINS[name][0])


def domain(name: str) -> Any:
    """The domain object called `name` (see `foundations.Domain`).

    Raises:
        ValueError: names the domains there are.
    """
    return getattr(face(name), DOMAINS[name][1])()


def choose(verb: Callable[..., Any], choices: Iterable[str]) -> None:
    """Check that a science's verb (its `evaluate`, its `predict`) has these choices.

    Raises:
        ValueError: names those that there are.
    """
    known = inspect.signature(verb).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in known):
        return
    names = [p.name for p in known if p.kind is p.KEYWORD_ONLY or p.default is not p.empty]
    for choice in choices:
        if choice not in names:
            near = difflib.get_close_matches(choice, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; leave it out"
            raise ValueError(f"{verb.__qualname__} has the choices {names}, got {choice!r}{hint}")
