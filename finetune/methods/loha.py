"""Elementwise products of low-rank updates (LoHa, arXiv 2108.06098), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from ..layers import require_rank
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class LoHa(PeftAdapter):
    """W + (B1 A1) * (B2 A2): an elementwise product of two low-rank matrices, of rank up to rank^2.

    Attributes:
        rank: of each factor.
        alpha: the update is scaled by alpha / rank.
    """

    name: ClassVar[str] = "loha"
    source: ClassVar[str] = "arXiv 2108.06098; peft"
    rank: int = 4
    alpha: int = 8

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoHa."""
        from peft import LoHaConfig

        return LoHaConfig(r=self.rank, alpha=self.alpha, target_modules=sites)
