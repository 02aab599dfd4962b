"""A folder of species: where they were recorded, the environment, and surveys that also say where they were not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from humboldt.data_catalog import DataError

from .environment import Environment, open_environment
from .occurrences import LATITUDE, LONGITUDE, SPECIES, read_occurrences

ENVIRONMENT, OCCURRENCES, SURVEYS = "environment.nc", "occurrences.csv", "surveys.csv"


@dataclass(frozen=True, eq=False)
class SpeciesRecords:
    """What a model of species distributions is fitted to and scored on.

    Attributes:
        occurrences: Darwin Core records, as `read_occurrences` gives them.
        environment: layers on one grid.
        surveys: a row a site and species, with `present` True or False; None where nobody surveyed.
    """

    occurrences: pd.DataFrame
    environment: Environment
    surveys: pd.DataFrame | None = None

    def __len__(self) -> int:
        """Records."""
        return len(self.occurrences)

    def __repr__(self) -> str:
        looked = "no surveys" if self.surveys is None else f"{len(self.surveys)} rows of surveys"
        species = self.occurrences[SPECIES].nunique()
        return f"SpeciesRecords({len(self)} records of {species} species, {looked}, {list(self.environment.names)})"

    def split(self, part: str) -> pd.DataFrame:
        """The table of a part: records to fit are `train`, surveys to score on are `test`.

        Raises:
            ValueError: another part, or there are no surveys.
        """
        found = {"train": self.occurrences, "test": self.surveys}.get(part)
        if found is None:
            raise ValueError(f"records of species have the parts 'train' and, with surveys, 'test', got {part!r}")
        return found


def is_species_folder(source: Any) -> bool:
    """Whether a source is a folder with the files of `open_species`."""
    return isinstance(source, str | Path) and all(Path(source, name).is_file() for name in (ENVIRONMENT, OCCURRENCES))


def open_species(folder: str | Path) -> SpeciesRecords:
    """Records of species from a folder.

    It holds `environment.nc` with layers (latitude, longitude) in degrees, `occurrences.csv` in Darwin Core terms and,
    where there are some, `surveys.csv` with decimalLatitude, decimalLongitude and a column of 0 and 1 a species (an
    underscore stands for a space).

    Raises:
        DataError: a survey without coordinates, or with other values than 0 and 1.
    """
    surveys = Path(folder, SURVEYS)
    return SpeciesRecords(
        occurrences=read_occurrences(Path(folder, OCCURRENCES)),
        environment=open_environment(Path(folder, ENVIRONMENT), crs="EPSG:4326"),
        surveys=_read_surveys(surveys) if surveys.is_file() else None,
    )


def _read_surveys(path: Path) -> pd.DataFrame:
    wide = pd.read_csv(path)
    places = [name for name in ("site", LATITUDE, LONGITUDE) if name in wide]
    if not {LATITUDE, LONGITUDE} <= set(places):
        raise DataError(
            f"surveys have the columns {LATITUDE} and {LONGITUDE}, got {list(wide)[:6]} in {path}; add them"
        )
    table = wide.melt(id_vars=places, var_name=SPECIES, value_name="present").dropna(subset=["present"])
    other = table[~table["present"].isin([0, 1])]
    if len(other):
        raise DataError(
            f"surveys say 0 or 1 for each species, or nothing, got {other['present'].iloc[0]} for "
            f"{other[SPECIES].iloc[0]} in {path}; correct it"
        )
    names = table[SPECIES].str.replace("_", " ")
    return table.assign(present=table["present"].astype(bool)).assign(**{SPECIES: names}).reset_index(drop=True)
