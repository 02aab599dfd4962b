"""A controller that turns a signal at test time into scales and shifts (rapid network adaptation, arXiv 2309.15762)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context

from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import width_of
from ..method import Kind


class Controller(FeatureMap):
    """(1 + gamma) y + beta with (gamma, beta) = W_2 gelu(W_1 [mean y; z; known]), W_2 = 0 at the start.

    z is the signal of a sample, zero where it is not known, and `known` says where it is. The mean of the block's own
    output takes the place of the published first prediction, and saves a forward pass.
    """

    reads = ("signal",)

    def __init__(self, width: int, way: RNA) -> None:
        super().__init__()
        self.way = way
        self.first, self.last = nn.Linear(width + 2 * way.signal, way.hidden), nn.Linear(way.hidden, 2 * width)
        nn.init.zeros_(self.last.weight), nn.init.zeros_(self.last.bias)

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """The output, scaled and shifted channel by channel."""
        seen = torch.cat([y.flatten(1, -2).mean(1), self.signal(context, y)], dim=-1)
        gamma, beta = self.last(F.gelu(self.first(seen))).view(len(y), *(1 for _ in y.shape[1:-1]), -1).chunk(2, dim=-1)
        return (1 + gamma) * y + beta

    def signal(self, context: Context, y: Tensor) -> Float[Tensor, "b s2"]:
        """The signal and where it is known; in training some samples have none.

        Raises:
            ConfigError: in training a batch without a signal, or ever one of another width.
        """
        if context.signal is None and not self.training:
            return y.new_zeros(len(y), 2 * self.way.signal)
        z = context.need("signal", "rna").to(y.dtype)
        if z.shape[-1] != self.way.signal:
            raise ConfigError(f"rna reads {self.way.signal} values of a signal, got {z.shape[-1]}; give signal=...")
        known = z.isfinite()
        if self.training:
            known = known & (torch.rand(len(z), 1, device=z.device) >= self.way.dropped)
        return torch.cat([torch.where(known, z, 0), known.to(y.dtype)], dim=-1)


@dataclass(frozen=True, kw_only=True)
class RNA(HookAdapter):
    """(1 + gamma) y + beta: a controller reads a signal beside the state and adapts every block in one forward pass.

    A signal is what is known at test time: stations at the start, a conservation defect, the error of the last
    forecast. Batches carry it (`Featured(data, signal=...)`), NaN where nothing is known; without one, a trained model
    takes it as unknown. A signal that improves need not mean a better prediction: score both. It reads the mean over
    the sample, so causal blocks are no sites.

    Published: a controller of 5 to 20 % of the trunk.

    Attributes:
        signal: values of the signal.
        hidden: width of the controller.
        dropped: share of samples whose signal is hidden in training.
    """

    name: ClassVar[str] = "rna"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2309.15762"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    signal: int = 4
    hidden: int = 32
    dropped: float = 0.1

    def __post_init__(self) -> None:
        if self.signal < 1 or self.hidden < 1 or not 0 <= self.dropped < 1:
            raise ConfigError(
                f"a signal has a value at least and dropped is in [0, 1), got signal={self.signal}, "
                f"hidden={self.hidden}, dropped={self.dropped}"
            )

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Blocks that look both ways."""
        return isinstance(layer, Block) and not layer.config.attention.causal

    def hook(self, layer: nn.Module) -> Controller:
        """The controller of a block."""
        return Controller(width_of(layer), self)
