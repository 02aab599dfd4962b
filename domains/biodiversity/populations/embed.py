"""From counts to tokens: one a year of a site, which knows the site's own counts and how the year was elsewhere."""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Embed, Tokens

from .batch import CountBatch
from .config import PopulationConfig

ABOUT_YEAR, ABOUT_SITE = 7, 6  # numbers that a token, and a condition, is made from
DRAWN = 0.1  # weight of the mean of all sites in the level of one, in counts


class CountEmbed(Embed[CountBatch]):
    """Deviations of a site from its level, and of a year from the levels of the sites that were counted in it.

    The condition holds the horizon, the level of the site, how often it was counted, how many sites there are, and how
    much counts scatter around level and year.
    """

    def __init__(self, config: PopulationConfig) -> None:
        super().__init__()
        width, condition = config.core.scales[0].width, config.core.condition
        self.year = nn.Linear(ABOUT_YEAR, width)
        self.condition = nn.Sequential(
            nn.Linear(ABOUT_SITE, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )

    def forward(self, batch: CountBatch) -> Tokens:
        """Tokens ((b s), y, d); years before the first count of a population are masked."""
        level, year = site_levels(batch), year_effects(batch)
        expected = level.exp().unsqueeze(-1)
        own = ((batch.seen + 0.5).log() - (expected + 0.5).log()) * batch.counted
        counted = batch.counted.to(own.dtype)
        sites = counted.sum(1)
        back = torch.arange(own.shape[-1] - 1, -1, -1, dtype=own.dtype, device=own.device)
        shared = torch.stack(
            [year, torch.log1p(sites), torch.log1p(back).expand_as(year), (back / 10).expand_as(year)], -1
        )
        per_site = torch.stack([own, counted, (expected / (1 + expected)).expand_as(own)], -1)
        told = torch.cat([per_site, repeat(shared, "b y f -> b s y f", s=own.shape[1])], -1)
        mask = repeat(sites.cumsum(-1) > 0, "b y -> (b s) y", s=own.shape[1])
        condition = self.condition(rearrange(self._about(batch, level, year), "b s f -> (b s) f"))
        return Tokens(self.year(rearrange(told, "b s y f -> (b s) y f")), condition, mask=mask)

    @staticmethod
    def _about(batch: CountBatch, level: Float[Tensor, "b s"], year: Float[Tensor, "b y"]) -> Float[Tensor, "b s 6"]:
        counted = batch.counted.to(level.dtype)
        expected = (level.unsqueeze(-1) + year.unsqueeze(1)).exp()
        error = (batch.seen - expected) ** 2 / (expected + 0.1) * counted
        scatter = torch.log((error.sum((1, 2)) + 1) / (counted.sum((1, 2)) + 1))
        shared = torch.stack([batch.horizon.log(), scatter, counted.flatten(1).sum(1).log()], -1)
        times = counted.sum(-1)
        since = ((batch.counted.cumsum(-1) == times.unsqueeze(-1)).sum(-1) - 1).to(level.dtype)
        own = torch.stack([level, torch.log1p(times), torch.log1p(since)], -1)
        return torch.cat([own, repeat(shared, "b f -> b s f", s=level.shape[1])], -1)


def site_levels(batch: CountBatch) -> Float[Tensor, "b s"]:
    """Logarithm of the mean count of each site, drawn to that of all sites with a tenth of the weight of a count."""
    times = batch.counted.sum((1, 2))
    mean = ((batch.seen.sum((1, 2)) + 0.5) / (times + 1)).unsqueeze(1)
    return torch.log((batch.seen.sum(-1) + DRAWN * mean) / (batch.counted.sum(-1) + DRAWN))


def year_effects(batch: CountBatch) -> Float[Tensor, "b y"]:
    """Logarithm of what was counted in a year over what the levels of the sites that were counted let expect."""
    expected = (site_levels(batch).exp().unsqueeze(-1) * batch.counted).sum(1)
    return torch.log((batch.seen.sum(1) + 0.5) / (expected + 0.5))
