"""A surveyed region as data to adapt to: learned from what was recorded by chance, scored on what was looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, evaluating

from ..metrics import auc_roc
from .batch import TARGET_GROUP, SpeciesBatch, joined
from .pretraining import CONTRAST, POINTS
from .quantiles import ENVIRONMENT
from .recorded import RecordedSpecies
from .surveyed import FILES, SurveyedRegion, read_region, tables_to_batch

TASKS = 128  # of the training part
HELD = 8  # of the validation part
PRESENCES = 150  # that a network is told of a species, at most
SITES = 128  # with a species, and as many without, that it is asked for


def is_region_folder(source: Any) -> bool:
    """Whether a source is a folder with the files of `read_region`."""
    return isinstance(source, str | Path) and all(Path(source, f"{name}.parquet").is_file() for name in FILES)


@dataclass(frozen=True, eq=False)
class RegionTasks:
    """Tasks from the records of a region: some of the presences of 16 species in, the others out.

    Attributes:
        region: of which the records are.
        part: `all` and `train` hold the same tasks, `validation` others from the same records.
        numbers: of the tasks.
    """

    region: SurveyedRegion
    part: str = "all"
    numbers: tuple[int, ...] = tuple(range(TASKS))

    @cached_property
    def tasks(self) -> RecordedSpecies:
        """The tasks by number."""
        made = RecordedSpecies([self.region], TASKS)
        return made if self.part == "all" else made.split(self.part)

    def __len__(self) -> int:
        return len(self.numbers)

    def batch(self, indices: Sequence[int]) -> SpeciesBatch:
        """These tasks."""
        return self.tasks.batch([self.numbers[i] for i in indices])

    def split(self, name: str) -> RegionTasks | SurveyedSpecies:
        """Tasks of `train` and `validation`; `test` are the species on the sites where people looked for them.

        Raises:
            DataError: another part.
        """
        if name == "test":
            return SurveyedSpecies(self.region, tuple(self.region.species))
        if name not in ("train", "validation"):
            raise DataError(f"a surveyed region has the parts train, validation and test, got {name!r}")
        return replace(self, part=name, numbers=tuple(range(TASKS if name == "train" else HELD)))

    @property
    def units(self) -> int:
        """How many tasks this part has."""
        return len(self)

    def choose(self, units: Sequence[int]) -> RegionTasks:
        """These tasks of this part, counted from 0."""
        return replace(self, numbers=tuple(self.numbers[u] for u in units))

    def take(self, count: int) -> RegionTasks:
        """The first tasks.

        Raises:
            DataError: more than there are.
        """
        if not 1 <= count <= len(self):
            raise DataError(f"this {self.part} part has {len(self)} tasks, got {count}; take 1 to {len(self)}")
        return replace(self, numbers=self.numbers[:count])

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready: region, part, tasks, fingerprint, and what is to be told to those who get the weights."""
        return {
            **self.tasks.describe(), "source": self.region.name, "part": self.part, "tasks": len(self),
            "fingerprint": fingerprint(self.region, self.part, self.numbers),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class SurveyedSpecies:
    """Species of a region with their presences (150 at most), asked for on sites where people looked for them.

    A sample is a species; it is compared with the sites of its group, and asked for at 128 sites with it and 128
    without at most, the same each time.
    """

    region: SurveyedRegion
    species: tuple[str, ...]
    part: str = "test"

    def __len__(self) -> int:
        return len(self.species)

    def batch(self, indices: Sequence[int]) -> SpeciesBatch:
        """These species, with presence and absence as targets."""
        return joined([self._asked(self.species[i]) for i in indices])

    def take(self, count: int) -> SurveyedSpecies:
        """The first species."""
        return replace(self, species=self.species[:count])

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready: region, species, fingerprint."""
        about = fingerprint(self.region, self.part, self.species)
        return {"source": self.region.name, "part": self.part, "species": len(self), "fingerprint": about}

    def _asked(self, species: str) -> SpeciesBatch:
        region, random = self.region, np.random.default_rng([11, *species.encode()])
        presence = region.presence[region.presence["spid"] == species]
        presence = presence.iloc[random.permutation(len(presence))[:PRESENCES]]
        sites, truth = region.test(species)
        order = random.permutation(len(sites))
        kept = np.concatenate([order[truth[order] == kind][:SITES] for kind in (0, 1)])
        lacking = 2 * SITES - len(kept)
        query = sites.iloc[np.pad(kept, (0, lacking))]
        target = np.pad(truth[kept].astype(float), (0, lacking), constant_values=np.nan)[None]
        around = region.background.iloc[random.choice(len(region.background), POINTS)]
        looked = region.target_group(region.group(species))
        contrast = looked.iloc[random.permutation(len(looked))[:CONTRAST]]
        kinds = [ENVIRONMENT] * len(region.variables)
        return tables_to_batch(region.variables, kinds, around, [presence], contrast, TARGET_GROUP, query, target)


@torch.no_grad()
def evaluate_species(models: Mapping[str, Model], data: SurveyedSpecies, *, batch_size: int = 8) -> xr.Dataset:
    """Area under the ROC curve of every species (`auc`), NaN where it was found at all sites or at none."""
    species = data.species
    found = np.full((len(models), len(species)), np.nan)
    for row, model in zip(found, models.values(), strict=True):
        with evaluating(model):
            for first in range(0, len(species), batch_size):
                places = range(first, min(first + batch_size, len(species)))
                batch = data.batch(places)
                assert batch.target is not None
                for place, target, logit in zip(places, batch.target[:, 0], model(batch).logit[:, 0], strict=True):
                    known = target.isfinite()
                    if 0 < int(target[known].sum()) < int(known.sum()):
                        row[place] = auc_roc(target[known].numpy().astype(int), logit[known].double().numpy())
    return xr.Dataset({"auc": (("forecast", "species"), found)}, {"forecast": list(models), "species": list(species)})


def open_region(folder: str | Path) -> RegionTasks:
    """A surveyed region as data to adapt to, from a folder as `read_region` takes it."""
    return RegionTasks(read_region(folder))


def fingerprint(region: SurveyedRegion, *more: Any) -> str:
    """Hash of the records and surveys of a region, and of what else is said."""
    digest = hashlib.sha256(repr(more).encode())
    for table in (region.presence, region.sites, region.surveys):
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]
