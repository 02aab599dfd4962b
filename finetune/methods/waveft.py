"""Updates with few wavelets (WaveFT, arXiv 2505.12532), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .fourierft import FourierFT


@dataclass(frozen=True, kw_only=True)
class WaveFT(FourierFT):
    """W + alpha IDWT2(S), S sparse with `frequencies` learned entries at random places that a seed fixes (Haar).

    Attributes:
        frequencies: learned entries a map.
        alpha: scale of the update.
        seed: of the places.
    """

    name: ClassVar[str] = "waveft"
    source: ClassVar[str] = "arXiv 2505.12532; peft"
    alpha: float = 25.0

    def config(self, sites: list[str]) -> Any:
        """peft's WaveFT; entries start at zero."""
        from peft import WaveFTConfig

        return WaveFTConfig(
            n_frequency=self.frequencies, scaling=self.alpha, target_modules=sites, random_loc_seed=self.seed,
            init_weights=True,
        )  # fmt: skip
