"""Low-rank factors and shifts of a weight's entries, and what they mean for the bias (GLoRA, arXiv 2306.07967).

peft has the method too, but takes plain linear maps of torch alone, of which ours are a kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, matrix_shape, require_rank
from ..method import Kind


class FactorsAndShifts(WeightMap):
    """W' = W + W * (U_A D_A) + U_B D_B  and  b' = b + d * b + e + W c; U_A, U_B, c, d and e are zero at the start."""

    def __init__(self, layer: nn.Module, rank: int) -> None:
        super().__init__()
        self.layer = [layer]  # in a list: it is no part of the hook
        outputs, inputs = matrix_shape(layer)
        self.down = nn.Parameter(torch.empty(2, rank, inputs))
        self.up = nn.Parameter(torch.zeros(2, outputs, rank))
        for factor in self.down:
            nn.init.kaiming_uniform_(factor, a=math.sqrt(5))
        bias = getattr(layer, "bias", None)
        biased = isinstance(bias, nn.Parameter) and bias.numel() == outputs
        self.c = nn.Parameter(torch.zeros(inputs)) if biased else None
        self.of_bias = nn.Parameter(torch.zeros(2, outputs)) if biased else None

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight, and the bias where there is one."""
        weight = weights["weight"]
        matrix, (factor, shift) = as_matrix(self.layer[0], weight), self.up @ self.down
        found = {"weight": as_weight(self.layer[0], matrix + matrix * factor + shift, tuple(weight.shape))}
        if self.c is not None and self.of_bias is not None:
            d, e = self.of_bias
            found["bias"] = weights["bias"] + d * weights["bias"] + e + matrix @ self.c
        return found


@dataclass(frozen=True, kw_only=True)
class GLoRA(HookAdapter):
    """W + W * A + B  and  b + d * b + e + W c: low-rank factors A and shifts B of entries, and three vectors.

    Attributes:
        rank: of A and of B.
    """

    name: ClassVar[str] = "glora"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2306.07967"
    rank: int = 4

    def hook(self, layer: nn.Module) -> FactorsAndShifts:
        """Factors and shifts.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return FactorsAndShifts(layer, self.rank)
