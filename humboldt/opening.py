"""Open data as a dataset of a science."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .registry import domain as science


def open(source: Any, *, domain: str = "pde", split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
    """A dataset of a domain.

    Args:
        source: a path, an xarray object, or whatever else the domain's `open` takes.
        domain: name of the domain.
        split: only the part called `train`, `validation` or `test`; or how the parts are made, such as
            {"train": 4, "test": 6}.
        choices: what the domain's `open` takes beside the source, such as `periodic=True`.

    Raises:
        ValueError: an unknown domain, or data that break a rule of it.
        FileNotFoundError: there is no such file.
    """
    return science(domain).open(source, split=split, **choices)
