"""The sciences by name."""

from __future__ import annotations

import difflib
import importlib
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
