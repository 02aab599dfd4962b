"""Only norms and biases are trained (BitFit, arXiv 2106.10199, with the norms of the same layers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from humboldt.foundations import Model

from ..layers import NORMS
from ..method import Method, train_only


@dataclass(frozen=True, kw_only=True)
class Norms(Method):
    """Train all norms (their answer to the lead time included) and every bias of the model."""

    name: ClassVar[str] = "norms"
    trains: ClassVar[str] = "norms and biases"
    by_rows: ClassVar[bool] = True
    source: ClassVar[str] = "arXiv 2106.10199"

    def prepare(self, model: Model) -> Model:
        """Freeze every weight outside of a norm."""
        norms = [m for m in model.modules() if isinstance(m, NORMS)]
        inside = {p for m in norms for p in m.parameters()}
        train_only(model, lambda name, parameter: parameter in inside or name.endswith("bias"))
        return model
