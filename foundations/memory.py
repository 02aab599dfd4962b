"""What every token of an attention may read beside the tokens of its window."""

from __future__ import annotations

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from .fused import unit
from .windows import HIDDEN


@dataclass(frozen=True)
class Memory:
    """Keys and values without a place, which each query reads by themselves; what it reads is gated and added:

        out + gate_h softmax(scale_h q_h k_h^T) v_h

    (zero-initialised attention, arXiv 2303.16199). Were they among the keys of the window instead, the output would be
    l read + (1 - l) out, with l their share of the attention: the gate takes the place of l, and can be zero.

    Attributes:
        keys: of every sample, or the same for all.
        values: of the keys.
        gate: of every head.
        present: which of them a sample has; all if None.
    """

    keys: Float[Tensor, "#b t d"]
    values: Float[Tensor, "#b t d"]
    gate: Float[Tensor, " heads"]
    present: Bool[Tensor, "#b t"] | None = None

    def read(
        self, q: Float[Tensor, "b m n heads e"], scale: Float[Tensor, " heads"], cosine: bool
    ) -> Float[Tensor, "b m n heads e"]:
        """What the queries of every window read, gated; zero where a sample has nothing to read."""
        k, v = (rearrange(x, "b t (heads e) -> b heads t e", heads=len(self.gate)) for x in (self.keys, self.values))
        asked = rearrange(q.to(k.dtype), "b m n heads e -> b heads (m n) e")
        if cosine:
            asked, k = unit(asked)[0], unit(k)[0]
        scores = asked @ k.mT * scale.to(k.dtype)[:, None, None]
        if self.present is not None:
            scores = scores.masked_fill(~self.present[:, None, None], HIDDEN)
        share = scores.softmax(-1)
        if self.present is not None:
            share = share * self.present[:, None, None]
        found = self.gate[:, None, None] * (share @ v)
        return rearrange(found, "b heads (m n) e -> b m n heads e", m=q.shape[1]).to(q.dtype)
