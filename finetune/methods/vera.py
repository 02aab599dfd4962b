"""Low-rank updates between random matrices that all maps share (VeRA, arXiv 2310.11454), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from humboldt.foundations import ConfigError

from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class VeRA(PeftAdapter):
    """W + diag(d) B diag(b) A with random A and B that all maps share; only b and d are learned, d from zero.

    Attributes:
        rank: of A and B.
        seed: of A and B.
    """

    name: ClassVar[str] = "vera"
    source: ClassVar[str] = "arXiv 2310.11454; peft"
    rank: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"random matrices that maps share have a rank of at least 1, got rank={self.rank}")

    def config(self, sites: list[str]) -> Any:
        """peft's VeRA; the shared matrices travel with the adapter."""
        from peft import VeraConfig

        return VeraConfig(r=self.rank, target_modules=sites, projection_prng_key=self.seed, save_projection=True)
