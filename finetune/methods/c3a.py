"""Updates of circulant blocks (C3A, arXiv 2407.19342).

peft has the method too, but adds in place to what a layer puts out, which layers with a gradient of their own forbid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, matrix_shape
from ..method import Kind


class Circulant(WeightMap):
    """W' = W + C / i, C of blocks whose rows are one row, each turned by one more; the rows are zero at the start."""

    def __init__(self, layer: nn.Module, block: int) -> None:
        super().__init__()
        self.layer, self.block = [layer], block  # in a list: it is no part of the hook
        rows, columns = matrix_shape(layer)
        self.kernel = nn.Parameter(torch.zeros(rows // block, columns // block, block))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its update."""
        matrix = as_matrix(self.layer[0], weights["weight"])
        place = torch.arange(self.block, device=self.kernel.device)
        turned = self.kernel[..., (place[None] - place[:, None]) % self.block]
        update = rearrange(turned, "m n r c -> (m r) (n c)") / matrix.shape[1]
        return {"weight": as_weight(self.layer[0], matrix + update, tuple(weights["weight"].shape))}


@dataclass(frozen=True, kw_only=True)
class C3A(HookAdapter):
    """W + C / i, C of circulant blocks, each of which one row makes: a full rank from o i / block numbers.

    Attributes:
        block: side of a block; it divides both sides of every map.
    """

    name: ClassVar[str] = "c3a"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2407.19342"
    block: int = 8

    def hook(self, layer: nn.Module) -> Circulant:
        """The rows of a layer's blocks.

        Raises:
            ConfigError: blocks do not fit into the layer.
        """
        rows, columns = matrix_shape(layer)
        if self.block < 1 or rows % self.block or columns % self.block:
            raise ConfigError(
                f"block must divide both sides of every map, got {self.block} for a map of {rows} x {columns}; choose "
                "a common divisor, or leave the map out (exclude=...)"
            )
        return Circulant(layer, self.block)
