"""What a network of species distributions is pretrained on: virtual species by number, and surveyed regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from humboldt.data_catalog import DataError

from .batch import ABSENCE, BACKGROUND, TARGET_GROUP, SpeciesBatch, joined
from .quantiles import ENVIRONMENT, PLACE
from .seasons import closeness
from .virtual import dated_survey, seasonal_species, survey, virtual_region, virtual_species

POINTS = 384  # of background of a region
QUERIES = 128
CONTRAST = 256
SEASONAL = 0.25  # share of the regions in which a season is asked for


class VirtualSpecies:
    """Regions with some species each, made when they are asked for; the same number always makes the same region.

    Args:
        regions: how many.
        species: in each.
        seed: of all.
    """

    def __init__(self, regions: int, species: int = 16, seed: int = 0) -> None:
        if regions < 1 or species < 1:
            raise DataError(f"virtual species are at least one in one region, got {species} in {regions}")
        self.regions, self.species, self.seed = regions, species, seed

    def __len__(self) -> int:
        return self.regions

    def batch(self, indices: Sequence[int]) -> SpeciesBatch:
        """The species of these regions."""
        return joined([self._region(np.random.default_rng([self.seed, int(i)])) for i in indices])

    def describe(self) -> Mapping[str, Any]:
        """Sizes and seed."""
        return {"regions": self.regions, "species": self.species, "seed": self.seed, "generator": "virtual species 2"}

    def split(self, name: str) -> VirtualSpecies:
        """Other regions for `validation` and `test` than for `train`.

        Raises:
            ValueError: another name.
        """
        parts = {"train": 0, "validation": 1, "test": 2}
        if name not in parts:
            raise ValueError(f"virtual species have the parts {list(parts)}, got {name!r}")
        return VirtualSpecies(self.regions, self.species, self.seed + 1_000_003 * parts[name])

    def take(self, count: int) -> VirtualSpecies:
        """The first regions."""
        return VirtualSpecies(min(count, self.regions), self.species, self.seed)

    def _region(self, random: np.random.Generator) -> SpeciesBatch:
        region = virtual_region(random)
        has_seasons = random.random() < SEASONAL
        if has_seasons:
            monthly = seasonal_species(random, region, self.species)
            month = random.integers(12, size=self.species)
            probability = monthly[np.arange(self.species), month]
        else:
            probability = virtual_species(random, region, self.species)
        side, cells = region.side, region.side**2
        values = region.variables.reshape(len(region.variables), cells).T
        kind = np.full(values.shape[1], ENVIRONMENT)
        if random.random() < 0.5:
            rows, columns = np.divmod(np.arange(cells), side)
            values, kind = np.column_stack([values, columns, rows]), np.r_[kind, PLACE, PLACE]
        background = random.choice(cells, POINTS, replace=False)
        flat = probability.reshape(self.species, cells)
        number = int(np.exp(random.uniform(np.log(3), np.log(300))))
        season = None
        if has_seasons:
            dated = dated_survey(random, region, monthly, number)
            found, season = [f for f, _ in dated], [closeness(m, a) for (_, m), a in zip(dated, month, strict=True)]
        else:
            found = [np.ravel_multi_index(survey(random, region, p, number), (side, side)) for p in probability]
        contrast, weight, of = self._contrast(random, region.effort.ravel(), flat, background, found)
        looked = region.effort.ravel() ** random.choice([0.0, 0.5, 1.0])
        query = random.choice(cells, QUERIES, replace=False, p=looked / looked.sum())
        return points_to_batch(values, kind, background, found, contrast, weight, of, query, flat[:, query], season)

    def _contrast(
        self, random: np.random.Generator, effort: np.ndarray, flat: np.ndarray, background: np.ndarray, found: list
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Points, their weights (species, points) and what they are."""
        kind = int(random.choice([BACKGROUND, TARGET_GROUP, ABSENCE], p=[0.4, 0.4, 0.2]))
        if kind == BACKGROUND:
            return background, np.ones((len(flat), len(background))), kind
        where = effort * flat.mean(0) if kind == TARGET_GROUP else effort
        number = CONTRAST if kind == TARGET_GROUP else int(np.exp(random.uniform(np.log(20), np.log(CONTRAST))))
        looked = random.choice(len(effort), number, replace=False, p=where / where.sum())
        if kind == TARGET_GROUP:
            return looked, np.ones((len(flat), len(looked))), kind
        absent = random.random((len(flat), number)) >= flat[:, looked]
        absent[:, 0] |= ~absent.any(1)
        return looked, absent.astype(float), kind


def points_to_batch(
    values: np.ndarray,
    kind: np.ndarray,
    background: np.ndarray,
    found: Sequence[np.ndarray],
    contrast: np.ndarray,
    contrast_weight: np.ndarray,
    contrast_kind: int,
    query: np.ndarray,
    target: np.ndarray | None = None,
    season: Sequence[np.ndarray] | None = None,
) -> SpeciesBatch:
    """One region: a table of values (places, v), and which of its rows are what.

    Args:
        found: rows of each species.
        contrast_weight: (species, points of contrast).
        target: (species, queries).
        season: of the rows of each species, how near they are to the season that is asked for.
    """
    table = torch.as_tensor(values, dtype=torch.float32)
    presence, presence_weight = _padded(table, found)
    rows = (torch.as_tensor(index)[None] for index in (background, contrast, query))
    return SpeciesBatch(
        kind=torch.as_tensor(kind, dtype=torch.long)[None],
        background=table[next(rows)],
        presence=presence[None],
        presence_weight=presence_weight[None],
        contrast=table[next(rows)],
        contrast_weight=torch.as_tensor(contrast_weight, dtype=torch.float32)[None],
        contrast_kind=torch.tensor([contrast_kind]),
        query=table[next(rows)],
        target=None if target is None else torch.as_tensor(target, dtype=torch.float32)[None],
        season=None if season is None else filled(season, presence_weight.shape[1])[None],
    )


def filled(parts: Sequence[np.ndarray], most: int) -> torch.Tensor:
    """Rows of one length, with zeros at their ends."""
    return torch.stack([torch.as_tensor(np.pad(p, (0, most - len(p))), dtype=torch.float32) for p in parts])


def _padded(table: torch.Tensor, rows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    most = max(len(r) for r in rows)
    index = torch.stack([torch.as_tensor(np.resize(r, most)) for r in rows])
    weight = torch.stack([(torch.arange(most) < len(r)).float() for r in rows])
    return table[index], weight
