"""Kronecker products with a low-rank factor (LoKr, arXiv 2309.14859), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from ..layers import require_rank
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class LoKr(PeftAdapter):
    """W + C kron (B A): a Kronecker product with a low-rank factor.

    Attributes:
        rank: of the low-rank factor.
        alpha: the update is scaled by alpha / rank.
    """

    name: ClassVar[str] = "lokr"
    source: ClassVar[str] = "arXiv 2309.14859; peft"
    rank: int = 4
    alpha: int = 8

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoKr."""
        from peft import LoKrConfig

        return LoKrConfig(r=self.rank, alpha=self.alpha, target_modules=sites)
