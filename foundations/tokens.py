"""The value that flows through a core."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from .units import Units


@dataclass(frozen=True)
class Tokens:
    """Tokens on a grid, with what the norms are told about the sample.

    Attributes:
        x: features; the grid axes are kept: sequence (n), field (h, w), column (l, h, w).
        condition: one vector per sample (lead time, calendar, goal, ...) or None.
        mask: True where a token takes part in attention, None when all do.
        periodic: which grid axes close on themselves; `()` means none does.
        units: how a (unit, slot) grid lies on the field; None for other grids, and where tokens were left out.
        context: what is known of every place of the field, also of those whose tokens were left out; a core hands it on
            to the head unchanged.
    """

    x: Float[Tensor, "b *grid d"]
    condition: Float[Tensor, "b c"] | None = None
    mask: Bool[Tensor, "b *grid"] | None = None
    periodic: tuple[bool, ...] = ()
    units: Units | None = None
    context: Float[Tensor, "b *places d2"] | None = None

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
