"""Rotations of the inputs of a layer (orthogonal fine-tuning, arXiv 2306.07280).

peft has the method too, but takes every input of four axes for an image under a convolution, as which it would cut up
tokens on a grid. Here the weight is rotated, whatever the layer takes.
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


class Rotation(WeightMap):
    """W' = W R, R block-diagonal with blocks (1 + Q)^-1 (1 - Q) of skew Q (Cayley); Q = 0 at the start.

    A block rotates inputs that lie `stride` apart: neighbours for 1.
    """

    def __init__(self, layer: nn.Module, block: int, stride: int = 1) -> None:
        super().__init__()
        self.layer, self.block, self.stride = [layer], block, stride  # in a list: it is no part of the hook
        self.angles = nn.Parameter(torch.zeros(matrix_shape(layer)[1] // block, block * (block - 1) // 2))

    def rotations(self) -> Tensor:
        """One orthogonal matrix a block, (blocks, block, block)."""
        rows, columns = torch.triu_indices(self.block, self.block, 1, device=self.angles.device)
        upper = self.angles.new_zeros(len(self.angles), self.block, self.block)
        upper = upper.index_put((torch.arange(len(upper), device=upper.device)[:, None], rows, columns), self.angles)
        skew, one = upper - upper.mT, torch.eye(self.block, device=upper.device, dtype=upper.dtype)
        return torch.linalg.solve(one + skew, one - skew)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """W R."""
        weight = weights["weight"]
        apart = {"k": self.block, "s": self.stride}
        blocks = rearrange(as_matrix(self.layer[0], weight), "o (n k s) -> (n s) o k", **apart)
        matrix = rearrange(blocks @ self.rotations().to(weight.dtype), "(n s) o k -> o (n k s)", **apart)
        return {"weight": as_weight(self.layer[0], matrix, tuple(weight.shape))}


@dataclass(frozen=True, kw_only=True)
class OFT(HookAdapter):
    """W R with a block-diagonal rotation R of the inputs: lengths of rows and angles between them stay.

    Attributes:
        block: side of a block; divides the number of inputs of every layer.
    """

    name: ClassVar[str] = "oft"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2306.07280"
    start_tolerance: ClassVar[float] = 1e-6
    block: int = 8

    def hook(self, layer: nn.Module) -> Rotation:
        """A rotation.

        Raises:
            ConfigError: blocks that do not fill the inputs.
        """
        inputs = matrix_shape(layer)[1]
        if self.block < 2 or inputs % self.block:
            raise ConfigError(
                f"a block divides the inputs of every layer, got {self.block} for {inputs}; choose a divisor"
            )
        return Rotation(layer, self.block)
