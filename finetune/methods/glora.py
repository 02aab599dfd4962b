"""Low-rank factors of a weight's entries and low-rank shifts together (GLoRA, arXiv 2306.07967), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from ..layers import require_rank
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class GLoRA(PeftAdapter):
    """W + W * A + B  and  b + d b + e + W c, with low-rank A, B and c, all zero at the start.

    Attributes:
        rank: of A, B and c.
    """

    name: ClassVar[str] = "glora"
    source: ClassVar[str] = "arXiv 2306.07967; peft"
    rank: int = 4

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's GLoRA."""
        from peft import GloraConfig

        return GloraConfig(r=self.rank, target_modules=sites)
