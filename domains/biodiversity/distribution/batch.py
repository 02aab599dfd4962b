"""What flows through a model of species distributions: what is known of some species, and where to tell it.

Letters: r regions, s species of each, v variables, m background points, n presences, c points of contrast, q queries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from .quantiles import Frame

BACKGROUND, TARGET_GROUP, ABSENCE = 0, 1, 2  # kinds of contrast


@dataclass(frozen=True, eq=False)
class SpeciesBatch:
    """Species with their presences, in regions with their environment; values in any units, the same within a region.

    Attributes:
        kind: of each variable: padding (0), environment (1) or place (2).
        background: points spread over the region, by which values become quantiles.
        presence: values where a species was found.
        presence_weight: of each presence, 0 for padding.
        contrast: values of points to compare presences with.
        contrast_weight: of each of these points for a species, 0 where it does not count.
        contrast_kind: what they are: random background (0), where anything of the group was found (1), places where
            the species was looked for and not found (2).
        query: values at the places that are asked for.
        target: probability of presence (or 0 and 1) at the queries, NaN where it is not known.
        season: how near in the year each presence is to the season that is asked for, from 0 to 1 (`closeness`); none
            where no season is asked for.

    Raises:
        ValueError: points with different variables, a species without presences or without contrast.
    """

    kind: Int[Tensor, "r v"]
    background: Float[Tensor, "r m v"]
    presence: Float[Tensor, "r s n v"]
    presence_weight: Float[Tensor, "r s n"]
    contrast: Float[Tensor, "r c v"]
    contrast_weight: Float[Tensor, "r s c"]
    contrast_kind: Int[Tensor, " r"]
    query: Float[Tensor, "r q _"]
    target: Float[Tensor, "r s q"] | None = None
    season: Float[Tensor, "r s n"] | None = None

    def __post_init__(self) -> None:
        named = ("kind", "background", "presence", "contrast", "query")
        variables = {name: getattr(self, name).shape[-1] for name in named}
        if len(set(variables.values())) > 1:
            raise ValueError(f"all points have the same variables, got {variables}; extract them from the same layers")
        if torch.compiler.is_exporting():  # a program has no values to look at
            return
        for name in ("presence", "contrast"):
            lacking = getattr(self, f"{name}_weight").sum(-1) <= 0
            if bool(lacking.any()):
                number = int(lacking.any(0).nonzero()[0])
                raise ValueError(f"a species has at least one point of {name}, got none for species {number}")

    @cached_property
    def coordinates(self) -> Coordinates:
        """All points in the coordinates of their region, worked out once."""
        return Coordinates(self)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> SpeciesBatch:
        """The same batch on another device, its values in another type."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            found[field.name] = (
                None if value is None else value.to(device, dtype if value.is_floating_point() else None)
            )
        return SpeciesBatch(**found)

    def with_query(self, query: Float[Tensor, "r q _"]) -> SpeciesBatch:
        """The same species, asked for elsewhere."""
        return dataclasses.replace(self, query=query, target=None)

    @property
    def in_season(self) -> Float[Tensor, "r s n"]:
        """Weights of presences by season; without one, those of all presences."""
        return self.presence_weight if self.season is None else self.presence_weight * self.season

    def __len__(self) -> int:
        """Number of regions."""
        return len(self.kind)


class Coordinates:
    """Quantiles of the points of a batch in the frames of their regions; t = v + components.

    Attributes:
        frame: of the regions.
        background, contrast, query: (r, points, t).
        presence: (r, s, n, t).
    """

    def __init__(self, batch: SpeciesBatch) -> None:
        self.frame = Frame(batch.background, batch.kind)
        self.background, self.contrast = self.frame(batch.background), self.frame(batch.contrast)
        self.query = self.frame(batch.query)
        found = self.frame(rearrange(batch.presence, "r s n v -> r (s n) v"))
        self.presence = rearrange(found, "r (s n) t -> r s n t", n=batch.presence.shape[2])


@dataclass(frozen=True)
class Suitability:
    """What a model says of its queries.

    Attributes:
        logit: of the probability of presence.
        deviation: standard deviation of that logit between places; how common a species is, is not in it.
    """

    logit: Float[Tensor, "r s q"]
    deviation: Float[Tensor, "r s q"]

    @property
    def probability(self) -> Float[Tensor, "r s q"]:
        """Probability of presence, from 0 to 1."""
        return self.logit.sigmoid()

    def __len__(self) -> int:
        return len(self.logit)


def joined(batches: Sequence[SpeciesBatch]) -> SpeciesBatch:
    """Regions with as many species each as one batch; variables and points are padded.

    Raises:
        ValueError: regions with different numbers of species, background points or queries.
    """
    for name, axis, what in (
        ("presence", 1, "species"),
        ("background", 1, "background points"),
        ("query", 1, "queries"),
    ):
        sizes = {getattr(b, name).shape[axis] for b in batches}
        if len(sizes) > 1:
            raise ValueError(f"regions are joined with as many {what} each, got {sorted(sizes)}; draw as many of each")
    variables = max(b.kind.shape[1] for b in batches)
    presences = max(b.presence.shape[2] for b in batches)
    points = max(b.contrast.shape[1] for b in batches)

    def padded(name: str, *sizes: int) -> Tensor:
        """The last axes, last one first, filled up with zeros to these sizes."""
        parts = []
        for part in (getattr(b, name) for b in batches):
            lacking = [(0, size - have) for size, have in zip(sizes, reversed(part.shape), strict=False)]
            parts.append(F.pad(part, [amount for pair in lacking for amount in pair]))
        return torch.cat(parts)

    v, n, c = variables, presences, points
    targets = [b.target for b in batches if b.target is not None]
    season = None
    if any(b.season is not None for b in batches):
        every = [torch.ones_like(b.presence_weight) if b.season is None else b.season for b in batches]
        season = torch.cat([F.pad(s, (0, n - s.shape[-1])) for s in every])
    return SpeciesBatch(
        kind=padded("kind", v),
        background=padded("background", v),
        presence=padded("presence", v, n),
        presence_weight=padded("presence_weight", n),
        contrast=padded("contrast", v, c),
        contrast_weight=padded("contrast_weight", c),
        contrast_kind=padded("contrast_kind"),
        query=padded("query", v),
        target=torch.cat(targets) if len(targets) == len(batches) else None,
        season=season,
    )
