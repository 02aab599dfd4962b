"""Every weight is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from humboldt.foundations import Model

from ..method import Method, train_only


@dataclass(frozen=True, kw_only=True)
class Full(Method):
    """Train everything, each part at its own rate."""

    name: ClassVar[str] = "full"
    by_rows: ClassVar[bool] = True

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen."""
        train_only(model, lambda name, parameter: True)
        return model
