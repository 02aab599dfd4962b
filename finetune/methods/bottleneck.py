"""A narrow perceptron beside or behind a layer (arXiv 1902.00751, 2205.13535)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context, FeedForward

from ..adapter import HookAdapter
from ..hook import FeatureMap
from ..layers import width_of
from ..method import Kind


class Bottleneck(FeatureMap):
    """y + s U gelu(D h + d) + u with h = x beside the layer and h = y behind it; U = 0 and u = 0 at the start.

    D does not start at zero: with both at zero nothing but u would ever move.
    """

    def __init__(self, width: int, narrow: int, place: str, scale: float) -> None:
        super().__init__()
        self.place, self.scale = place, scale
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        nn.init.zeros_(self.up.weight), nn.init.zeros_(self.up.bias), nn.init.zeros_(self.down.bias)

    def features(self, x: Float[Tensor, "b *d"], y: Float[Tensor, "b *d"], context: Context) -> Float[Tensor, "b *d"]:
        """The output with the perceptron's."""
        return y + self.scale * self.up(F.gelu(self.down(x if self.place == "parallel" else y)))


@dataclass(frozen=True, kw_only=True)
class BottleneckAdapter(HookAdapter):
    """y + s U gelu(D h): a narrow perceptron beside (`parallel`) or behind (`sequential`) every feed-forward.

    Published: a 64th of the width, at 5e-3 (on spectrograms).

    Attributes:
        narrow: its width.
        place: whether it reads the input or the output of the layer.
        scale: s.
    """

    name: ClassVar[str] = "bottleneck"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 1902.00751, 2205.13535"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (FeedForward, nn.Linear)
    targets: str = r"^core\..*feed_forward$"
    narrow: int = 8
    place: Literal["parallel", "sequential"] = "parallel"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.narrow < 1:
            raise ConfigError(f"a bottleneck has a width of at least 1, got narrow={self.narrow}")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Layers that keep the width."""
        return isinstance(layer, cls.layers) and (
            not isinstance(layer, nn.Linear) or layer.in_features == layer.out_features
        )

    def hook(self, layer: nn.Module) -> Bottleneck:
        """A perceptron of the layer's width."""
        return Bottleneck(width_of(layer), self.narrow, self.place, self.scale)
