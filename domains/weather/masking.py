"""Which tokens the encoder sees: whole units, or slots in every unit, given or drawn at random.

The order of the tokens that are seen matters: attention across units pairs tokens by their slot. Everything here keeps
the natural order unless `shuffled` is asked for; released models were trained and scored with shuffled tokens, also
where nothing is masked, so their results depend on the draw.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from humboldt.foundations import ConfigError, Units

MaskKind = Literal["units", "slots"]


@dataclass(frozen=True)
class TokenMask:
    """Indices of hidden and of seen tokens; the encoder takes the seen ones in the order given.

    Attributes:
        hidden: numbers of whole units (b, n), or of slots in each unit (b, unit, n).
        seen: all the other numbers.
    """

    hidden: Int[Tensor, "b *unit n"]
    seen: Int[Tensor, "b *unit m"]

    def __post_init__(self) -> None:
        both = torch.cat([self.hidden, self.seen], dim=-1)
        natural = torch.arange(both.shape[-1], device=both.device).expand_as(both)
        if not torch.equal(both.sort(-1).values, natural):
            raise ConfigError(
                f"hidden and seen indices name each of {both.shape[-1]} places once, but some are named twice or not "
                "at all; make them with `given_mask` or `random_mask`"
            )

    @property
    def is_empty(self) -> bool:
        """Whether every token is seen."""
        return self.hidden.shape[-1] == 0

    def to(self, device: torch.device | str) -> TokenMask:
        """On another device."""
        return TokenMask(self.hidden.to(device), self.seen.to(device))

    def in_natural_order(self) -> TokenMask:
        """The same tokens, each kind in ascending order."""
        return TokenMask(self.hidden.sort(-1).values, self.seen.sort(-1).values)

    def gather(self, x: Float[Tensor, "b unit slot d"]) -> Float[Tensor, "b unit2 slot2 d"]:
        """The seen tokens."""
        axis = self.seen.dim() - 1
        return x.gather(axis, _spread(self.seen, x, axis))

    def scatter(
        self, x: Float[Tensor, "b unit2 slot2 d"], onto: Float[Tensor, "b unit slot d"]
    ) -> Float[Tensor, "b unit slot d"]:
        """`onto` with the seen tokens back in their places."""
        axis = self.seen.dim() - 1
        return onto.scatter(axis, _spread(self.seen, onto, axis), x.to(onto.dtype))

    def field(self, units: Units) -> Bool[Tensor, "b h w"]:
        """True where a token of the field is hidden."""
        batch, (unit, slot) = len(self.hidden), units.grid
        places = torch.zeros(batch, unit, slot, 1, dtype=torch.bool, device=self.hidden.device)
        axis = self.hidden.dim() - 1
        places = places.scatter(axis, _spread(self.hidden, places, axis), True)
        return units.lay(places)[..., 0]

    def samples(self, part: slice) -> TokenMask:
        """The mask of some samples."""
        return dataclasses.replace(self, hidden=self.hidden[part], seen=self.seen[part])


def random_mask(
    kind: MaskKind,
    ratio: float,
    batch: int,
    units: Units,
    generator: torch.Generator | None = None,
    *,
    shuffled: bool = False,
) -> TokenMask:
    """Hide a share of whole units, or of slots drawn anew in every unit (rounded down); drawn on the CPU.

    Args:
        kind: `units` (published as "global") or `slots` ("local").
        ratio: in [0, 1).
        shuffled: leave the seen tokens in the order in which they were drawn.
    """
    if not 0 <= ratio < 1:
        raise ConfigError(f"a mask ratio is at least 0 and below 1, got {ratio}")
    unit, slot = units.grid
    shape = (batch, unit) if kind == "units" else (batch, unit, slot)
    order = torch.rand(shape, generator=generator).argsort(-1)
    count = int(ratio * shape[-1])
    mask = TokenMask(order[..., :count], order[..., count:])
    return mask if shuffled else mask.in_natural_order()


def given_mask(kind: MaskKind, hidden: Bool[Tensor, "rows columns"], batch: int, units: Units) -> TokenMask:
    """Hide the units (a map of all units) or the slots (a map of one unit) that are True, alike in all samples.

    Raises:
        ConfigError: a map of another shape, or one that hides everything.
    """
    wanted = units.count if kind == "units" else units.size
    if tuple(hidden.shape) != wanted:
        raise ConfigError(f"a mask of {kind} is a map of shape {wanted}, got {tuple(hidden.shape)}")
    if hidden.all():
        raise ConfigError("a mask leaves something to be seen, but all of it is True; True means hidden")
    flat = hidden.flatten()
    lead = (batch,) if kind == "units" else (batch, units.grid[0])
    gone, seen = (part.nonzero()[:, 0].expand(*lead, -1) for part in (flat, ~flat))
    return TokenMask(gone, seen)


def known_tokens(known: Bool[Tensor, "b h w"], units: Units, patch: int) -> Bool[Tensor, "b h2 w2"]:
    """Tokens with a known point, from a map of the points; those beyond the edge of the field have none."""
    rows, columns = (n * s * patch for n, s in zip(units.count, units.size, strict=True))
    wide = F.pad(known.float(), (0, columns - known.shape[2], 0, rows - known.shape[1]))
    return F.max_pool2d(wide[:, None], patch)[:, 0] > 0


def observed_mask(known: Bool[Tensor, "b h w"], units: Units) -> TokenMask:
    """Hide the units of the token field without a known place, alike for all samples of the batch.

    Raises:
        ConfigError: the samples know different units; put them into batches of their own.
    """
    empty = ~units.cut(known.unsqueeze(-1))[..., 0].any(-1)
    if not (empty == empty[:1]).all():
        raise ConfigError("samples of one batch know the same units; put the others into another batch")
    return given_mask("units", empty[0].view(units.count), len(known), units)


def _spread(index: Tensor, x: Tensor, axis: int) -> Tensor:
    """Indices (b, n) or (b, unit, n) as an index of `x` along `axis`."""
    tail = x.shape[axis + 1 :]
    return index.view(*index.shape, *(1,) * len(tail)).expand(*index.shape, *tail)
