"""Low-rank updates of linear maps (LoRA, arXiv 2106.09685) and their directions alone (DoRA), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import nn

from humboldt.foundations import ConfigError

from ..layers import is_plain, require_rank
from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class LoRA(PeftAdapter):
    """W + (alpha / r) B A with B = 0 at the start: a low-rank update of every linear map (of convolutions when asked).

    Attributes:
        rank: rank of an update.
        alpha: the update is scaled by alpha / rank, or by alpha / sqrt(rank) with `rslora`.
        init: of A; those of peft that change the frozen weights are left out, for an adapter is for its base.
        rslora: rank-stabilised scaling (arXiv 2312.03732).
    """

    name: ClassVar[str] = "lora"
    source: ClassVar[str] = "arXiv 2106.09685; peft"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    rank: int = 8
    alpha: int = 16
    init: Literal["kaiming", "gaussian", "orthogonal"] = "kaiming"
    rslora: bool = False

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"the rank of an update is at least 1, got {self.rank}")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Any linear map, whose own forward is used, and convolutions that are not cut into groups."""
        return isinstance(layer, cls.layers) and getattr(layer, "groups", 1) == 1

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoRA."""
        from peft import LoraConfig

        init: Any = True if self.init == "kaiming" else self.init
        ranks = {name: self.at(name).rank for name in sites}
        alphas = {name: self.at(name).alpha for name in sites}
        return LoraConfig(
            r=self.rank, lora_alpha=self.alpha, target_modules=sites, lora_dropout=0.0, init_lora_weights=init,
            use_rslora=self.rslora, use_dora=self.decomposed(), rank_pattern=ranks, alpha_pattern=alphas,
        )  # fmt: skip

    def decomposed(self) -> bool:
        """Whether magnitudes are trained apart."""
        return False


@dataclass(frozen=True, kw_only=True)
class DoRA(LoRA):
    """m (W + (alpha / r) B A) / |W + (alpha / r) B A|: directions by LoRA, the magnitude m of every row by itself."""

    name: ClassVar[str] = "dora"
    source: ClassVar[str] = "arXiv 2402.09353; peft"
    start_tolerance: ClassVar[float] = 1e-5

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Those that are plain: peft takes the bias apart."""
        return super().accepts(layer) and is_plain(layer)

    def decomposed(self) -> bool:
        """Yes."""
        return True
