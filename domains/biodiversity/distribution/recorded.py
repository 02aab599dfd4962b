"""Tasks from records of real species: some of the presences of a species in, the others of its group out.

Only what was recorded by chance is used, never the surveys that a network is scored on. Where another species of the
group was recorded and this one was not, it counts as absent: people looked there (Phillips et al. 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError

from .batch import BACKGROUND, TARGET_GROUP, SpeciesBatch, joined
from .pretraining import CONTRAST, POINTS, QUERIES
from .quantiles import ENVIRONMENT, PLACE
from .surveyed import SurveyedRegion, tables_to_batch

FEWEST = 6  # records of a species that tasks are made from
PRECISE = (
    "the weights were fitted on precise places of recorded species and may betray them; where a species is threatened, "
    "generalise its records first (generalise_occurrences) and fit again before the weights are shared"
)


class RecordedSpecies:
    """Tasks by number from the records of some regions; the same number always makes the same task.

    Args:
        regions: from which to draw.
        count: number of tasks.
        species: of a task.
        seed: of all.

    Raises:
        DataError: no species with 6 records or more.
    """

    def __init__(self, regions: Sequence[SurveyedRegion], count: int, species: int = 16, seed: int = 0) -> None:
        self.regions, self.count, self.species, self.seed = list(regions), count, species, seed
        groups = [Group(region, name) for region in regions for name in sorted(region.presence["group"].unique())]
        self.groups = [group for group in groups if len(group.recorded)]
        if not self.groups:
            raise DataError(f"tasks are made from species with {FEWEST} records or more, got none in these regions")

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: Sequence[int]) -> SpeciesBatch:
        """These tasks."""
        return joined([self._task(np.random.default_rng([self.seed, 7, int(i)])) for i in indices])

    def describe(self) -> Mapping[str, Any]:
        """Names of the regions, sizes and seed, and what is to be told to those who get the weights."""
        names = [r.name for r in self.regions]
        return {
            "regions": names, "tasks": self.count, "species": self.species, "seed": self.seed, "caution": PRECISE
        }  # fmt: skip

    def split(self, name: str) -> RecordedSpecies:
        """Other tasks for `validation` and `test` than for `train`, from the same records.

        Raises:
            ValueError: another name.
        """
        parts = {"train": 0, "validation": 1, "test": 2}
        if name not in parts:
            raise ValueError(f"recorded species have the parts {list(parts)}, got {name!r}")
        return RecordedSpecies(self.regions, self.count, self.species, self.seed + 1_000_003 * parts[name])

    def take(self, count: int) -> RecordedSpecies:
        """The first tasks."""
        return RecordedSpecies(self.regions, min(count, self.count), self.species, self.seed)

    def _task(self, random: np.random.Generator) -> SpeciesBatch:
        group = self.groups[random.integers(len(self.groups))]
        region, number = group.region, len(group.recorded)
        chosen = random.choice(number, self.species, replace=number < self.species)
        most = int(np.exp(random.uniform(np.log(3), np.log(150))))
        context = np.stack([_some_of(random, group.recorded[s], most) for s in chosen])
        kind = int(random.choice([BACKGROUND, TARGET_GROUP]))
        around = region.background
        background = around.iloc[random.choice(len(around), POINTS, replace=len(around) < POINTS)]
        elsewhere = around.iloc[random.choice(len(around), QUERIES // 4)]
        contrast = background
        if kind == TARGET_GROUP:
            contrast = group.sites.iloc[random.permutation(len(group.sites))[:CONTRAST]]
        held = group.recorded[chosen] & ~context
        asked = random.choice(len(group.sites), QUERIES - QUERIES // 4, p=_chance(held.any(0)))
        target = np.where(context, np.nan, group.recorded[chosen].astype(float))[:, asked]
        target = np.pad(target, ((0, 0), (0, QUERIES // 4)))
        query = pd.concat([group.sites.iloc[asked], elsewhere])
        columns, kinds = _variables(random, region)
        found = [group.sites[here] for here in context]
        return tables_to_batch(columns, kinds, background, found, contrast, kind, query, target)


class Group:
    """What is recorded by the same people in a region.

    Attributes:
        sites: distinct sites, with their variables.
        recorded: whether a species was recorded at a site, (species, sites); species with few records are left out.
    """

    def __init__(self, region: SurveyedRegion, name: str) -> None:
        self.region, self.sites = region, region.target_group(name)
        records = region.presence[region.presence["group"] == name]
        place = pd.MultiIndex.from_frame(self.sites[["x", "y"]])
        at = place.get_indexer(pd.MultiIndex.from_frame(records[["x", "y"]]))
        species, names = pd.factorize(records["spid"])
        found = np.zeros((len(names), len(self.sites)), bool)
        found[species, at] = True
        self.recorded = found[found.sum(1) >= FEWEST]


def _some_of(random: np.random.Generator, recorded: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the sites of a species, and at most two thirds of them."""
    sites = random.permutation(np.flatnonzero(recorded))
    kept = np.zeros(len(recorded), bool)
    kept[sites[: max(1, min(most, 2 * len(sites) // 3))]] = True
    return kept


def _chance(held: np.ndarray) -> np.ndarray:
    """Sites where something that is held out was recorded are twice as likely as the others."""
    weight = 1.0 + held
    return np.asarray(weight / weight.sum())


def _variables(random: np.random.Generator, region: SurveyedRegion) -> tuple[list[str], list[int]]:
    """At least half of the variables, in any order; half of the time with the place."""
    names = region.variables
    chosen = random.permutation(names)[: random.integers((len(names) + 1) // 2, len(names) + 1)]
    place = ["x", "y"] if random.random() < 0.5 else []
    return [*map(str, chosen), *place], [ENVIRONMENT] * len(chosen) + [PLACE] * len(place)
