"""The sciences by name."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

DOMAINS = {"pde": ("humboldt.domains.pde", "PDE")}


def domain(name: str) -> Any:
    """The domain object called `name`; its folder is imported on the first call.

    Raises:
        ValueError: names the domains there are.
    """
    if name not in DOMAINS:
        near = difflib.get_close_matches(name, DOMAINS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"a domain is one of {sorted(DOMAINS)}, got {name!r}{hint}")
    module, attribute = DOMAINS[name]
    return getattr(importlib.import_module(module), attribute)()
