"""New variables by a shallow decoder on a frozen trunk (as Aurora was extended, arXiv 2506.19088)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, Core

from ..adapter import HookAdapter
from ..hook import FeatureMap
from ..method import Kind


class Shallow(FeatureMap):
    """y + U gelu(D norm(y) + d) + u behind the core, U = 0 and u = 0 at the start."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm, self.down, self.up = nn.LayerNorm(width), nn.Linear(width, hidden), nn.Linear(hidden, width)
        nn.init.zeros_(self.up.weight), nn.init.zeros_(self.up.bias)

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """What the head sees."""
        return y + self.up(F.gelu(self.down(self.norm(y))))


@dataclass(frozen=True, kw_only=True)
class Decoder(HookAdapter):
    """head(y + U gelu(D norm(y))): a perceptron behind the core and the head are trained, core and embedding are not.

    For variables that a model was not pretrained on: give it data whose inputs are its own and whose outputs are new,
    and its head is made for them. The trunk stays, bit for bit, so that what it predicted before can be had from the
    same forward pass (`model.encode` once, several heads).

    Attributes:
        hidden: width of the perceptron.
    """

    name: ClassVar[str] = "decoder"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2506.19088"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Core,)
    targets: str = r"^core$"
    whole: tuple[str, ...] = ("head",)
    hidden: int = 64

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ConfigError(f"a perceptron has a width of at least 1, got hidden={self.hidden}")

    def hook(self, layer: nn.Module) -> Shallow:
        """The perceptron."""
        assert isinstance(layer, Core)
        return Shallow(layer.config.scales[0].width, self.hidden)
