"""Only the head is trained, on what the pretrained core makes of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from humboldt.foundations import Model

from ..method import Method, train_only


@dataclass(frozen=True, kw_only=True)
class HeadOnly(Method):
    """Train the head; embedding and core stay as they are."""

    name: ClassVar[str] = "head"
    trains: ClassVar[str] = "the head"
    by_rows: ClassVar[bool] = True

    def prepare(self, model: Model) -> Model:
        """Freeze all but the head."""
        train_only(model, lambda name, parameter: name.startswith("head."))
        return model
