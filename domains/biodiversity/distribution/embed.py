"""From presences to tokens: one token a variable, which says where on its range the species was found."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Embed, Tokens

from .batch import SpeciesBatch
from .config import SpeciesConfig
from .quantiles import ENVIRONMENT, PLACE, knot_weights, normal_scores

FACTS = 7  # numbers about a species in its condition
MARKS = 8  # numbers about a token beside its histograms


class SpeciesEmbed(Embed[SpeciesBatch]):
    """Evidence of every variable: histograms over its quantiles of presences, of those in season, of what they are
    contrasted to, and of the region, with mean and deviation of the presences; a linear map makes the token.

    The condition says who the species is (the mean of its tokens), how many presences and points of contrast there
    are, of what kind these are, and how many presences are of the season that is asked for. Seasons are told by how
    near in the year presences are to the one asked for, so that the calendar of one half of the globe is not learned.
    """

    def __init__(self, config: SpeciesConfig) -> None:
        super().__init__()
        self.config = config
        condition = config.core.condition
        self.evidence = nn.Linear(4 * config.knots + MARKS, config.width)
        self.species = nn.Linear(config.width, condition)
        self.facts = nn.Linear(FACTS, condition)
        self.condition = nn.Sequential(nn.SiLU(), nn.Linear(condition, condition), nn.SiLU())

    def forward(self, batch: SpeciesBatch) -> Tokens:
        """Tokens ((r s), v + components, d)."""
        x = self.evidence(rearrange(self._evidence(batch), "r s t e -> (r s) t e"))
        known = repeat(batch.coordinates.frame.known, "r t -> (r s) t", s=batch.presence.shape[1])
        species = reduce(x * known.unsqueeze(-1), "b t d -> b d", "sum") / known.sum(1, keepdim=True)
        told = rearrange(facts(batch), "r s f -> (r s) f")
        condition = self.condition(self.species(F.gelu(species)) + self.facts(told))
        return Tokens(x, condition, mask=known)

    def _evidence(self, batch: SpeciesBatch) -> Float[Tensor, "r s t e"]:
        at, knots = batch.coordinates, self.config.knots
        share, in_season = shares(batch.presence_weight), shares(batch.in_season)
        both = torch.stack([share, in_season])
        here, now = torch.einsum("f r s n, r s n t k -> f r s t k", both, knot_weights(at.presence, knots))
        against = torch.einsum(
            "r s c, r c t k -> r s t k", shares(batch.contrast_weight), knot_weights(at.contrast, knots)
        )
        around = reduce(knot_weights(at.background, knots), "r m t k -> r 1 t k", "mean").expand_as(here)
        scores = normal_scores(at.presence)
        mean, mean_now = torch.einsum("f r s n, r s n t -> f r s t", both, scores)
        variance, variance_now = torch.einsum("f r s n, r s n t -> f r s t", both, (scores - mean.unsqueeze(2)) ** 2)
        marks = repeat(self._marks(batch), "r t e -> r s t e", s=here.shape[1])
        moments = torch.stack([mean, variance.sqrt(), mean_now - mean, variance_now.sqrt()], -1)
        return torch.cat([knots * here, knots * now, knots * against, knots * around, moments, marks], -1)

    def _marks(self, batch: SpeciesBatch) -> Float[Tensor, "r t 4"]:
        """What a token is: environment, place or component, and the share of the variance of a component."""
        share, none = batch.coordinates.frame.share, torch.zeros_like(batch.kind, dtype=torch.bool)
        raw = torch.stack([batch.kind == ENVIRONMENT, batch.kind == PLACE, none, none], -1).to(share.dtype)
        nothing = torch.zeros_like(share)
        return torch.cat([raw, torch.stack([nothing, nothing, nothing + 1, share], -1)], dim=1)


def shares(weight: Float[Tensor, "*any n"]) -> Float[Tensor, "*any n"]:
    """Weights as parts of their sum."""
    return weight / weight.sum(-1, keepdim=True).clamp_min(1e-30)


def facts(batch: SpeciesBatch) -> Float[Tensor, "r s 7"]:
    """Logarithms of the numbers of presences and of points of contrast, of what kind these are, and of the season: the
    logarithm of the number of presences in it and their share of all."""
    weights = (batch.presence_weight, batch.contrast_weight)
    presences, contrast = ((w > 0).sum(-1).to(w.dtype).log() for w in weights)
    kinds = repeat(F.one_hot(batch.contrast_kind, 3).to(presences.dtype), "r f -> r s f", s=presences.shape[1])
    now = batch.in_season.sum(-1)
    season = torch.stack([(now + 0.1).log() - 3, now / batch.presence_weight.sum(-1)], -1)
    return torch.cat([(presences - 3).unsqueeze(-1), (contrast - 5).unsqueeze(-1), kinds, season], dim=-1)
