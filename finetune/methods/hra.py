"""Reflections of the inputs of a map (HRA, arXiv 2405.17484), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import require_rank
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class HRA(PeftAdapter):
    """W H_1 ... H_r with Householder reflections H of the inputs; they come in pairs that cancel at the start.

    Attributes:
        rank: number of reflections; even, or the start is a reflection.
    """

    name: ClassVar[str] = "hra"
    source: ClassVar[str] = "arXiv 2405.17484; peft"
    start_tolerance: ClassVar[float] = 1e-5
    rank: int = 8

    def __post_init__(self) -> None:
        if self.rank < 2 or self.rank % 2:
            raise ConfigError(
                f"reflections come in pairs that cancel at the start, got rank={self.rank}; choose 2, 4 ..."
            )

    def check(self, layer: nn.Module) -> None:
        """Refuse more reflections than there are inputs or outputs."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's HRA."""
        from peft import HRAConfig

        return HRAConfig(r=self.rank, target_modules=sites)
