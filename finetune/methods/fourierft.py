"""Updates with few frequencies (FourierFT, arXiv 2405.03003), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import matrix_shape
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class FourierFT(PeftAdapter):
    """W + alpha real(IFFT2(S)), S sparse with `frequencies` learned entries at random places that a seed fixes.

    Attributes:
        frequencies: learned entries a map.
        alpha: scale of the update.
        seed: of the places.
    """

    name: ClassVar[str] = "fourierft"
    source: ClassVar[str] = "arXiv 2405.03003; peft"
    frequencies: int = 64
    alpha: float = 10.0
    seed: int = 777

    def check(self, layer: nn.Module) -> None:
        """There are as many places."""
        rows, columns = matrix_shape(layer)
        if not 1 <= self.frequencies <= rows * columns:
            raise ConfigError(
                f"frequencies must be between 1 and the entries of every map, got {self.frequencies} for a map of "
                f"{rows} x {columns}; choose at most {rows * columns}"
            )

    def config(self, sites: list[str]) -> Any:
        """peft's FourierFT; entries start at zero."""
        from peft import FourierFTConfig

        return FourierFTConfig(
            n_frequency=self.frequencies, scaling=self.alpha, target_modules=sites, random_loc_seed=self.seed,
            init_weights=True,
        )  # fmt: skip
