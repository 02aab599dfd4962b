"""A low-rank branch beside a layer and one behind it, both of which merge (Hydra, arXiv 2309.06922)."""

from __future__ import annotations

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


class Branches(WeightMap):
    """W' = W + s P + s S W  and  b' = b + s S b, with P = U_p D_p beside and S = U_s D_s behind; U = 0 at the start.

    The published branches carry biases of their own, which add up to one more vector: it is `shift`, and there is one
    where the layer has a bias.
    """

    composes = False  # S acts on the weight that it was trained with

    def __init__(self, layer: nn.Module, rank: int, scale: float) -> None:
        super().__init__()
        self.layers, self.scale = [layer], scale  # in a list: it is no part of the hook
        outputs, inputs = matrix_shape(layer)
        self.down, self.up = nn.Parameter(torch.empty(rank, inputs)), nn.Parameter(torch.zeros(outputs, rank))
        self.down_behind = nn.Parameter(torch.empty(rank, outputs))
        self.up_behind = nn.Parameter(torch.zeros(outputs, rank))
        for down in (self.down, self.down_behind):
            nn.init.xavier_uniform_(down)
        bias = getattr(layer, "bias", None)
        biased = isinstance(bias, nn.Parameter) and bias.numel() == outputs
        self.shift = nn.Parameter(torch.zeros(outputs)) if biased else None

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """Weight and bias of the layer with both branches."""
        layer, weight = self.layers[0], weights["weight"]
        matrix = as_matrix(layer, weight)
        matrix = matrix + self.scale * (self.up @ self.down + self.up_behind @ (self.down_behind @ matrix))
        found = {"weight": as_weight(layer, matrix, tuple(weight.shape))}
        if self.shift is not None:
            behind = self.up_behind @ (self.down_behind @ weights["bias"])
            found["bias"] = weights["bias"] + self.scale * (self.shift + behind)
        return found


@dataclass(frozen=True, kw_only=True)
class Hydra(HookAdapter):
    """W + s P + s S W: one low-rank branch learns new directions, another recombines the pretrained ones.

    Published: rank 2 for images, 4 beside and 8 behind for text; AdamW at 1e-3.

    Attributes:
        rank: of each of the two branches.
        scale: s.
    """

    name: ClassVar[str] = "hydra"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2309.06922"
    rank: int = 2
    scale: float = 1.0

    def hook(self, layer: nn.Module) -> Branches:
        """Both branches.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return Branches(layer, self.rank, self.scale)
