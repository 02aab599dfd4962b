"""Choices by name: what a function takes, and a refusal of what it does not."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def choose(verb: Callable[..., Any], choices: Iterable[str]) -> None:
    """Check that a function has these choices: arguments with a default, or by their name alone.

    Raises:
        ValueError: names those that there are, and the nearest one.
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
