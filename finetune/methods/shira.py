"""Updates of a few entries of a weight (SHiRA, arXiv 2406.13175).

peft has the method too, but makes a sparse tensor of the entries in every pass, of which torch warns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, matrix_shape
from ..method import Kind


class Entries(WeightMap):
    """W' = W + S, S zero but for entries at fixed random places, which are zero at the start."""

    places: Tensor

    def __init__(self, layer: nn.Module, count: int, seed: int) -> None:
        super().__init__()
        self.layer = [layer]  # in a list: it is no part of the hook
        rows, columns = matrix_shape(layer)
        places = torch.randperm(rows * columns, generator=torch.Generator().manual_seed(seed))[:count]
        self.register_buffer("places", places, persistent=False)
        self.entries = nn.Parameter(torch.zeros(count))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with its entries."""
        matrix = as_matrix(self.layer[0], weights["weight"])
        moved = matrix.flatten().index_add(0, self.places, self.entries).view_as(matrix)
        return {"weight": as_weight(self.layer[0], moved, tuple(weights["weight"].shape))}


@dataclass(frozen=True, kw_only=True)
class SHiRA(HookAdapter):
    """W + S, S sparse with as many learned entries as a low-rank update would have, at places that a seed fixes.

    Attributes:
        rank: of that low-rank update: rank (i + o) entries of an o x i map are learned.
        seed: of the places.
    """

    name: ClassVar[str] = "shira"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2406.13175"
    rank: int = 4
    seed: int = 0

    def hook(self, layer: nn.Module) -> Entries:
        """The entries of a layer.

        Raises:
            ConfigError: the layer has not as many.
        """
        rows, columns = matrix_shape(layer)
        most = rows * columns // (rows + columns)
        if not 1 <= self.rank <= most:
            raise ConfigError(
                f"rank (i + o) entries must fit into every map, got rank={self.rank} for a map of {rows} x {columns}; "
                f"choose at most {most}, or leave the map out (exclude=...)"
            )
        return Entries(layer, self.rank * (rows + columns), self.seed)
