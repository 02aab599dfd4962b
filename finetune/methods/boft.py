"""Rotations of the inputs of a layer as a butterfly (BOFT, arXiv 2311.06243).

peft has the method too, but wants to compile an extension for it, and takes tokens on a grid for an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import matrix_shape
from ..method import Kind
from .oft import Rotation


class Butterfly(WeightMap):
    """W' = W R_1 ... R_m: factor i rotates inputs that lie b^i apart, so that b^m of them are mixed with each other."""

    def __init__(self, layer: nn.Module, block: int, factors: int) -> None:
        super().__init__()
        self.factors = nn.ModuleList(Rotation(layer, block, block**i) for i in range(factors))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """W R_1 ... R_m."""
        for factor in self.factors:
            weights = {**weights, **factor.weights(weights, context)}  # type: ignore[operator]
        return {"weight": weights["weight"]}


@dataclass(frozen=True, kw_only=True)
class BOFT(HookAdapter):
    """W R_1 ... R_m with sparse rotations like the steps of a fast Fourier transform: dense in all with few angles.

    Attributes:
        block: side b of a block.
        factors: m; b^m divides the number of inputs of every layer.
    """

    name: ClassVar[str] = "boft"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2311.06243"
    start_tolerance: ClassVar[float] = 1e-6
    block: int = 4
    factors: int = 2

    def hook(self, layer: nn.Module) -> Butterfly:
        """The factors.

        Raises:
            ConfigError: blocks that do not fill the inputs.
        """
        inputs, mixed = matrix_shape(layer)[1], self.block**self.factors
        if self.block < 2 or self.factors < 1 or inputs % mixed:
            raise ConfigError(
                f"block ** factors divides the inputs of every layer, got {self.block} ** {self.factors} for {inputs}; "
                "choose fewer factors, or another block"
            )
        return Butterfly(layer, self.block, self.factors)
