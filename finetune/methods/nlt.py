"""A scale and a shift for every kernel: W' = W * a + c (neural-operator transfer, arXiv 2512.17969)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import Context

from ..adapter import MAPS, HookAdapter
from ..hook import WeightMap
from ..layers import MATRICES, NORMS, has_weight, weight_name, weight_of
from ..method import Kind


class Affine(WeightMap):
    """a = 1 and c = 0 at the start, one of each for every (out, in) pair of a convolution.

    A weight without kernel axes has one of each for every row instead, or there would be as many as weights; every
    entry of a norm has its own. Those of a complex weight are complex, kept as two real parts.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.name, weight = weight_name(layer), weight_of(layer)
        shape: tuple[int, ...] = weight.shape[:2] if weight.dim() > 2 else weight.shape[:1]
        shape = (*shape, *(1 for _ in weight.shape[len(shape) :]))
        one = torch.ones(shape, dtype=weight.dtype)
        self.a = nn.Parameter(torch.view_as_real(one) if one.is_complex() else one)
        self.c = nn.Parameter(torch.zeros_like(self.a))

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """W * a + c."""
        own = weights[self.name]
        a, c = (torch.view_as_complex(p) if own.is_complex() else p for p in (self.a, self.c))
        return {self.name: own * a + c}


@dataclass(frozen=True, kw_only=True)
class NLT(HookAdapter):
    """W * a + c: scale and shift of every kernel of a convolution, of every row of a linear map."""

    name: ClassVar[str] = "nlt"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2512.17969"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (*MATRICES, *NORMS)
    targets: str = MAPS

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """What has a weight (a norm that is told a condition has none of its own, its linear maps do)."""
        return has_weight(layer)

    def hook(self, layer: nn.Module) -> Affine:
        """A scale and a shift."""
        return Affine(layer)
