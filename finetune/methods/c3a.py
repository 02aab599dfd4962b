"""Circular convolutions as updates (C3A, arXiv 2407.19342), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import matrix_shape
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class C3A(PeftAdapter):
    """W + C / i, C of circulant blocks, each of which one row makes: a full rank from o i / block numbers.

    Attributes:
        block: side of a block; it divides both sides of every map.
    """

    name: ClassVar[str] = "c3a"
    source: ClassVar[str] = "arXiv 2407.19342; peft"
    block: int = 8

    def check(self, layer: nn.Module) -> None:
        """Blocks fit into the map."""
        rows, columns = matrix_shape(layer)
        if self.block < 1 or rows % self.block or columns % self.block:
            raise ConfigError(
                f"block must divide both sides of every map, got {self.block} for a map of {rows} x {columns}; choose "
                "a common divisor, or leave the map out (exclude=...)"
            )

    def config(self, sites: list[str]) -> Any:
        """peft's C3A; blocks start at zero."""
        from peft import C3AConfig

        return C3AConfig(block_size=self.block, target_modules=sites, init_weights=True)
