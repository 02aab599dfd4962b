"""Low-rank updates that start in directions of the pretrained weight (PiSSA, MiLoRA, OLoRA).

peft has these as initialisers of LoRA that change the frozen weight, W <- W - B0 A0. Here B0 A0 is subtracted beside it
instead, so that the base stays what it is, an adapter is for that base, and the start is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Context

from ..adapter import HookAdapter
from ..hook import WeightMap
from ..layers import as_matrix, as_weight, require_rank, weight_of
from ..method import Kind


class FromWeight(WeightMap):
    """W + s (B A - B0 A0) with A = A0 and B = B0 at the start: B0 A0 is a part of W of rank r, or what data say."""

    a0: Tensor
    b0: Tensor

    def __init__(self, layer: nn.Module, b: Float[Tensor, "o r"], a: Float[Tensor, "r i"], scale: float) -> None:
        super().__init__()
        self.layer, self.scale = [layer], scale  # in a list: it is no part of the hook
        self.a, self.b = nn.Parameter(a.clone()), nn.Parameter(b.clone())
        self.register_buffer("a0", a)
        self.register_buffer("b0", b)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weight with what its part has become."""
        change = self.b @ self.a - self.b0 @ self.a0
        matrix = as_matrix(self.layer[0], weights["weight"]) + self.scale * change
        return {"weight": as_weight(self.layer[0], matrix, tuple(weights["weight"].shape))}


def part_of(matrix: Tensor, rank: int, start: str) -> tuple[Tensor, Tensor]:
    """B0 (o x r) and A0 (r x i): the largest or smallest singular directions, or the first of a QR decomposition."""
    if start == "olora":
        q, r = torch.linalg.qr(matrix)
        return q[:, :rank].contiguous(), r[:rank].contiguous()
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    chosen = slice(0, rank) if start == "pissa" else slice(len(s) - rank, None)
    root = s[chosen].sqrt()
    return u[:, chosen] * root, root[:, None] * v[chosen]


@dataclass(frozen=True, kw_only=True)
class PiSSA(HookAdapter):
    """W + s (B A - B0 A0): a low-rank update that begins as the largest part of W of that rank, not as zero.

    Attributes:
        rank: of the update.
        scale: s.
        start: `pissa` begins with the largest singular directions of W, `milora` (arXiv 2406.09044) with the smallest,
            `olora` (arXiv 2406.01775) with the first columns of its QR decomposition.
    """

    name: ClassVar[str] = "pissa"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2404.02948"
    rank: int = 4
    scale: float = 1.0
    start: Literal["pissa", "milora", "olora"] = "pissa"

    def hook(self, layer: nn.Module) -> FromWeight:
        """The factors of a layer.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        b, a = part_of(as_matrix(layer, weight_of(layer).detach()).float(), self.rank, self.start)
        return FromWeight(layer, b, a, self.scale)
