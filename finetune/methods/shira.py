"""Updates of a few entries of a weight (SHiRA, arXiv 2406.13175), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import matrix_shape
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class SHiRA(PeftAdapter):
    """W + S, S sparse with as many learned entries as a low-rank update would have, at places that a seed fixes.

    Attributes:
        rank: of that low-rank update: rank (i + o) entries of an o x i map are learned.
        seed: of the places.
    """

    name: ClassVar[str] = "shira"
    source: ClassVar[str] = "arXiv 2406.13175; peft"
    rank: int = 4
    seed: int = 0

    def check(self, layer: nn.Module) -> None:
        """There are as many entries."""
        rows, columns = matrix_shape(layer)
        if not 1 <= self.rank <= rows * columns // (rows + columns):
            raise ConfigError(
                f"rank (i + o) entries must fit into every map, got rank={self.rank} for a map of {rows} x {columns}; "
                f"choose at most {rows * columns // (rows + columns)}"
            )

    def config(self, sites: list[str]) -> Any:
        """peft's SHiRA; entries start at zero."""
        from peft import ShiraConfig

        return ShiraConfig(r=self.rank, target_modules=sites, random_seed=self.seed, init_weights=True)
