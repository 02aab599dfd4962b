"""Virtual populations: counts of populations whose fate is known, to learn forecasting from.

    ln mu[i, j] = a[i] + g[j] + w[i, j],      count ~ negative binomial of mean mu

g, which all sites share, is a line plus a random walk plus independent years; w is a site's own autoregressive walk
around its level or about a drift of its own. Sites are counted in runs of years with gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from humboldt.data_catalog import DataError

from .batch import CountBatch

YEARS, FARTHEST = 16, 8  # of the past at most, and the largest horizon


class VirtualPopulations:
    """Populations by number, made when they are asked for; the same number always makes the same one.

    Args:
        number: of populations.
        sites: of each.
        seed: of all.
    """

    def __init__(self, number: int, sites: int = 24, seed: int = 0) -> None:
        if number < 1 or sites < 1:
            raise DataError(f"virtual populations are at least one at one site, got {number} at {sites}")
        self.number, self.sites, self.seed = number, sites, seed

    def __len__(self) -> int:
        return self.number

    def batch(self, indices: Sequence[int]) -> CountBatch:
        """These populations."""
        drawn = [self._population(np.random.default_rng([self.seed, 11, int(i)])) for i in indices]
        counts, counted, horizon, target = (np.stack(parts) for parts in zip(*drawn, strict=True))
        numbers = (torch.as_tensor(x, dtype=torch.float32) for x in (counts, horizon, target))
        past, ahead, then = numbers
        return CountBatch(past, torch.as_tensor(counted), ahead, then)

    def describe(self) -> Mapping[str, Any]:
        """Sizes and seed."""
        return {"populations": self.number, "sites": self.sites, "seed": self.seed, "generator": "virtual counts 1"}

    def split(self, name: str) -> VirtualPopulations:
        """Other populations for `validation` and `test` than for `train`.

        Raises:
            ValueError: another name.
        """
        parts = {"train": 0, "validation": 1, "test": 2}
        if name not in parts:
            raise ValueError(f"virtual populations have the parts {list(parts)}, got {name!r}")
        return VirtualPopulations(self.number, self.sites, self.seed + 1_000_003 * parts[name])

    def take(self, count: int) -> VirtualPopulations:
        """The first populations."""
        return VirtualPopulations(min(count, self.number), self.sites, self.seed)

    def _population(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        years, horizon = int(random.integers(1, YEARS + 1)), int(random.integers(1, FARTHEST + 1))
        means = expected(random, self.sites, years + horizon)
        size = np.exp(random.uniform(np.log(0.5), np.log(50)))
        every = random.negative_binomial(size, size / (size + means))
        counts, counted = np.zeros((self.sites, YEARS)), np.zeros((self.sites, YEARS), bool)
        counts[:, YEARS - years :] = every[:, :years]
        counted[:, YEARS - years :] = visits(random, self.sites, years)
        counted[0, -1] |= not counted.any()
        return counts, counted, np.asarray(horizon, np.float32), every[:, -1].astype(np.float32)


def expected(random: np.random.Generator, sites: int, years: int) -> np.ndarray:
    """Mean counts (sites, years)."""
    level = np.log(np.exp(random.uniform(np.log(0.3), np.log(40)))) + random.uniform(0.2, 1.3) * random.normal(
        size=sites
    )
    trend = random.normal() * random.choice([0.0, 0.03, 0.1]) * np.arange(years)
    walk = np.cumsum(random.exponential(0.08) * random.normal(size=years))
    shared = trend + walk + random.exponential(0.1) * random.normal(size=years)
    stay, step = random.uniform(0, 1), random.exponential(0.15)
    own = np.zeros((sites, years))
    drift = random.exponential(0.03) * random.normal(size=sites)
    own[:, 0] = step / np.sqrt(max(1 - stay**2, 0.1)) * random.normal(size=sites)
    for year in range(1, years):
        own[:, year] = stay * own[:, year - 1] + drift + step * random.normal(size=sites)
    return np.exp(np.clip(level[:, None] + shared + own, -6, 8))


def visits(random: np.random.Generator, sites: int, years: int) -> np.ndarray:
    """Where it was counted (sites, years): from a first to a last year of each site, with gaps."""
    when = np.arange(years)
    late, early = random.uniform(0, 0.7, 2) * (random.random(2) < 0.6)
    first = np.floor(random.uniform(0, 1, sites) * late * years)
    last = years - np.floor(random.uniform(0, 1, sites) * early * years)
    kept = random.random((sites, years)) >= random.uniform(0, 0.6)
    return (when >= first[:, None]) & (when < last[:, None]) & kept
