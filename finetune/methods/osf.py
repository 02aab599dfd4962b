"""Training in what a weight does not use (orthogonal subspace fine-tuning, arXiv 2504.07097), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import matrix_shape
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class OSF(PeftAdapter):
    """W = U_high S V_high + U_low S V_low: the low singular directions are trained, their gradients kept off the high.

    For learning one thing after the other: what the large directions do is not touched.

    Attributes:
        kept: share of the singular directions of a map that stay, the largest first.
    """

    name: ClassVar[str] = "osf"
    source: ClassVar[str] = "arXiv 2504.07097; peft"
    start_tolerance: ClassVar[float] = 1e-5
    kept: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.kept < 1:
            raise ConfigError(f"a share of the directions stays and the others are trained, got kept={self.kept}")

    def check(self, layer: nn.Module) -> None:
        """At least one direction stays."""
        if int(min(matrix_shape(layer)) * self.kept) < 1:
            raise ConfigError(
                f"at least one direction of every map stays, got kept={self.kept} for a map of "
                f"{matrix_shape(layer)}; raise it, or leave the map out (exclude=...)"
            )

    def config(self, sites: list[str]) -> Any:
        """peft's OSF."""
        from peft import OSFConfig

        return OSFConfig(effective_rank=self.kept, target_modules=sites)
