"""The value that flows through a core."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Tokens on a grid, with what the norms are told about the sample.

    Attributes:
        x: features; the grid axes are kept: sequence (n), field (h, w), column (l, h, w).
        condition: one vector per sample (lead time, calendar, goal, ...) or None.
        mask: True where a token takes part in attention, None when all do.
        periodic: which grid axes close on themselves; `()` means none does.
    """

    x: Float[Tensor, "b *grid d"]
    condition: Float[Tensor, "b c"] | None = None
    mask: Bool[Tensor, "b *grid"] | None = None
    periodic: tuple[bool, ...] = ()

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of tokens along each axis."""
        return tuple(self.x.shape[1:-1])

    def with_x(self, x: Tensor) -> Tokens:
        """The same tokens with other features."""
        return dataclasses.replace(self, x=x)

    def seen(self) -> Float[Tensor, "b *grid d"]:
        """Features with masked tokens set to zero: what merges and convolutions may see."""
        return self.x if self.mask is None else self.x.masked_fill(~self.mask.unsqueeze(-1), 0)
