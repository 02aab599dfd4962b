"""Regions in which species were recorded by chance for training and looked for on purpose for evaluation.

A folder holds a folder per region, laid out as the benchmark of Elith et al. (2020, Biodiversity Informatics 15: 69) is
in Parquet: `train_presence` (spid, group, x, y, variables), `train_background` (x, y, variables), `test_env` (group, x,
y, variables) and `test_pa` (group, a column of 0 and 1 a species, missing where nobody looked for it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError, did_you_mean

from .batch import SpeciesBatch
from .pretraining import points_to_batch

FILES = ("train_presence", "train_background", "test_env", "test_pa")
NOT_VARIABLES = ("siteid", "spid", "x", "y", "group")


@dataclass(frozen=True, eq=False)
class SurveyedRegion:
    """One region of the benchmark.

    Attributes:
        name: of the region.
        presence, background, sites: tables with x, y and the variables; presences with `spid` and `group`.
        surveys: 0 and 1 by site (rows of `sites`) and species, NaN where nobody looked.
    """

    name: str
    presence: pd.DataFrame
    background: pd.DataFrame
    sites: pd.DataFrame
    surveys: pd.DataFrame

    @property
    def variables(self) -> list[str]:
        """Names of the environmental variables."""
        return [c for c in self.background.columns if c not in NOT_VARIABLES]

    @property
    def species(self) -> list[str]:
        """Names of the species that were looked for."""
        return [str(c) for c in self.surveys.columns]

    def group(self, species: str) -> str:
        """Of a species: what is recorded by the same people."""
        return str(self.presence.loc[self.presence["spid"] == species, "group"].iloc[0])

    def members(self, group: str) -> list[str]:
        """Species of a group."""
        return [s for s in self.species if self.group(s) == group]

    def target_group(self, group: str) -> pd.DataFrame:
        """The distinct sites at which any species of a group was found."""
        found = self.presence[self.presence["group"] == group]
        return found.drop_duplicates(["x", "y"]).reset_index(drop=True)

    def test(self, species: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Sites where a species was looked for, and whether it was there."""
        known = self.surveys[species].notna().to_numpy()
        return self.sites[known], self.surveys.loc[known, species].to_numpy(int)


def read_region(folder: str | Path) -> SurveyedRegion:
    """A region from its folder.

    Raises:
        FileNotFoundError: a file that it lacks.
    """
    folder = Path(folder)
    lacking = [name for name in FILES if not (folder / f"{name}.parquet").is_file()]
    if lacking:
        raise FileNotFoundError(
            f"a surveyed region holds {', '.join(FILES)} as Parquet, got no {lacking[0]} in {folder}"
        )
    presence, background, sites, surveys = (pd.read_parquet(folder / f"{name}.parquet") for name in FILES)
    surveys = surveys.drop(columns=["group", "siteid"]).astype("Float64").astype(float)
    return SurveyedRegion(folder.name, presence, background, sites, surveys)


def read_regions(folder: str | Path, *, without: str | None = None) -> list[SurveyedRegion]:
    """All regions in a folder but one.

    Raises:
        DataError: there are none, or none of the name that is to be left out.
    """
    names = sorted(p.name for p in Path(folder).iterdir() if (p / "test_pa.parquet").is_file())
    if not names or (without is not None and without not in names):
        raise DataError(
            f"surveyed regions in {folder} are {names}, got {without!r} to leave out{did_you_mean(str(without), names)}"
        )
    return [read_region(Path(folder) / name) for name in names if name != without]


def tables_to_batch(
    columns: Sequence[str],
    kinds: Sequence[int],
    background: pd.DataFrame,
    presences: Sequence[pd.DataFrame],
    contrast: pd.DataFrame,
    contrast_kind: int,
    query: pd.DataFrame,
    target: np.ndarray | None = None,
) -> SpeciesBatch:
    """A batch of one region from tables with these columns."""
    parts = [background, *presences, contrast, query]
    values = np.concatenate([part[list(columns)].to_numpy(np.float32) for part in parts])
    ends = np.cumsum([len(part) for part in parts])
    rows = np.split(np.arange(len(values)), ends[:-1])
    weight = np.ones((len(presences), len(contrast)))
    return points_to_batch(
        values, np.asarray(kinds), rows[0], rows[1:-2], rows[-2], weight, contrast_kind, rows[-1], target
    )
