"""Many runs from one recipe: `method=[full,lora],seed=[0,1,2]` are six."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any

import yaml

from .errors import BatchError

AXIS = re.compile(r"\s*([A-Za-z_][\w.]*)=(\[[^\[\]]*\])\s*(?:,|$)")


def expand(text: str) -> list[dict[str, Any]]:
    """The choices of every task, the last axis fastest; one task without choices for an empty text.

    Raises:
        BatchError: not of the form `key=[value,value],key=[...]`, an empty list, or a key that is there twice.
    """
    axes: dict[str, list[Any]] = {}
    place = 0
    while place < len(text):
        found = AXIS.match(text, place)
        if found is None:
            raise BatchError(
                f"an array is written key=[value,value],key=[...], got {text[place:]!r}; write it like "
                "--array 'method=[full,lora],seed=[0,1,2]'"
            )
        key, values = found[1], yaml.safe_load(found[2])
        if not values or key in axes:
            raise BatchError(f"an axis of an array has values and is named once, got {found[0]!r}; correct --array")
        axes[key], place = values, found.end()
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]


def task_recipes(recipe: Mapping[str, Any], tasks: list[dict[str, Any]], runs: str) -> list[dict[str, Any]]:
    """A whole recipe for every task, with a run folder of its own below `runs`."""
    found = []
    for number, choices in enumerate(tasks):
        own = copy.deepcopy(dict(recipe))
        for key, value in choices.items():
            _put(own, key, value)
        found.append({**own, "output": f"{runs}/{number}"})
    return found


def _put(recipe: dict[str, Any], key: str, value: Any) -> None:
    """`method.rank` is an option of the method; another method drops the options of the one before."""
    if key.startswith("method."):
        said = recipe.get("method", "full")
        recipe["method"] = {**({"name": said} if isinstance(said, str) else said), key.removeprefix("method."): value}
    else:
        recipe[key] = value
