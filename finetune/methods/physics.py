"""Predictions that obey a law: the square of its residual is a part of the loss (arXiv 1711.10561)."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from humboldt.foundations import ConfigError, Model, bare

from ..method import Kind, Method, train_only

Residual = Callable[[Model, Any, Any], Tensor]


@dataclass(frozen=True, kw_only=True)
class PhysicsResidual(Method):
    """Full training with the mean square of a residual, zero where a prediction obeys a law, beside the model's loss.

    If `unlabelled`, the residual alone is learned from, and targets are not read: data need not have any.

    Attributes:
        residual: where the function is, as `package.module:name`. It is called with the model, its prediction (in
            physical units) and the batch, and returns a tensor of any shape: `humboldt.domains.pde.residuals` has some.
        weight: of the mean square.
        unlabelled: the model's own loss, which needs targets, does not count.
    """

    name: ClassVar[str] = "physics"
    kind: ClassVar[Kind] = "objective"
    source: ClassVar[str] = "arXiv 1711.10561"
    residual: str = ""
    weight: float = 1.0
    unlabelled: bool = False

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen.

        Raises:
            ConfigError: there is no such function.
        """
        self.function()
        train_only(model, lambda name, parameter: True)
        return model

    def function(self) -> Residual:
        """The residual.

        Raises:
            ConfigError: the name leads nowhere.
        """
        try:
            found = pkgutil.resolve_name(self.residual)
        except (ValueError, ImportError, AttributeError) as error:
            raise ConfigError(
                f"physics takes a residual by its place, as package.module:name, got {self.residual!r} ({error}); "
                "import it by hand to see what is wrong"
            ) from error
        if not callable(found) or ":" not in self.residual:
            raise ConfigError(f"a residual is a function, as package.module:name, got {self.residual!r}; name one")
        function: Residual = found
        return function

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss, if it counts, and the mean square of the residual."""
        prediction, own = model(batch), bare(batch)
        known = {} if self.unlabelled else {"loss": model.head.loss(prediction, own)}
        losses = {**known, **model.context.losses}
        residual = self.function()(model, prediction, own)
        return {**losses, "residual": self.weight * residual.square().mean()}
