"""The door for ecologists: `SpeciesModel().fit(occurrences, environment).predict(environment)`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, from_dict, load_strictly, read_config, read_weights

from ..background import sample_background
from ..environment import Environment, open_environment
from ..occurrences import SPECIES
from .batch import ABSENCE, BACKGROUND, TARGET_GROUP, SpeciesBatch
from .build import build_species
from .config import SpeciesConfig
from .extrapolation import mess
from .heads import Niches, ResponseHead
from .maps import map_environment
from .parameters import Parameters
from .pretraining import filled, points_to_batch
from .quantiles import ENVIRONMENT, PLACE
from .records import MONTH, NOT_VARIABLES, PLACES, complete, dated, located, named, species_of
from .seasons import closeness
from .variables import Variables, variables_of

MOST = 512  # presences of a species, and points of background and contrast, that are compared one by one
COMPARED = 2**19  # pairs of a place and a point that are worked on together: as many as a processor keeps at hand
NANO = "humboldt/biodiversity-nano"
INTERVAL = 1.96  # standard deviations to both sides


class SpeciesModel(Parameters):
    """Distributions of one or many species from their records and the environment; nothing is trained.

    A pretrained network reads the presences of a species and what they are contrasted to, and writes its responses.
    Its arguments can be asked for and set as those of a scikit-learn estimator, and it can be cloned; for pipelines
    and cross-validation see `SpeciesClassifier`.

    Args:
        model: a network of species distributions, or a folder that holds one; `humboldt/biodiversity-nano` by default.
        place: use coordinates as variables too. Better within the region of the records, wrong in any other.
        season: use the months of the records (eventDate), and predict for a month; records without a date are left out.
        seed: of the background, and of the presences that are taken where there are more than 512.

    Attributes:
        species_: names, after `fit`.
        variables_: of the environment.
        background_: table of background points.
        records_: table of the presences that were used, with their environment.
        crs_: of x and y of both tables; None of a model of tables.
    """

    def __init__(
        self, model: Model | str | Path | None = None, *, place: bool = False, season: bool = False, seed: int = 0
    ) -> None:
        self.model, self.place, self.season, self.seed = model, place, season, seed

    def fit(
        self,
        occurrences: Any,
        environment: Any,
        *,
        background: int | pd.DataFrame | str = 2000,
        variables: Sequence[str] | None = None,
        factors: Sequence[str] = (),
    ) -> SpeciesModel:
        """Read records and environment.

        Records with `present` False (Darwin Core: occurrenceStatus absent) make it a model of presence and absence.

        Args:
            occurrences: what `read_occurrences` takes: a path, a table, a GeoDataFrame of points.
            environment: an `Environment`, what `open_environment` takes, or a table of background points with a column
                a variable, which the occurrences then have too.
            background: how many random points of the region presences are compared with, a table of points that has the
                variables, or `target_group`: the places of all records, which corrects for where people looked.
            variables: names of those that are used, all by default.
            factors: names of variables whose values are classes, where a table does not say; layers do.

        Raises:
            DataError: another word for the background, or two tables of it, coordinates out of range, no environment at
                them, a species with fewer than two presences, species with absences beside species without, background
                that is the same everywhere.
        """
        if isinstance(background, str) and background != "target_group":
            raise DataError(f"background is a number, a table of points or 'target_group', got {background!r}")
        random = np.random.default_rng(self.seed)
        surroundings = as_environment(environment)
        if isinstance(surroundings, pd.DataFrame):
            if isinstance(background, pd.DataFrame):
                raise DataError(
                    "background points come from one table, got them as the environment and as the background; pass "
                    "layers as the environment, or leave one table out"
                )
            records, around, self.crs_ = named(occurrences), surroundings.copy(), None
            names = variables or [str(c) for c in around if c in records and c not in NOT_VARIABLES]
        else:
            records, self.crs_ = located(occurrences, surroundings), surroundings.crs
            factors = (*surroundings.factors, *factors)
            number = background if isinstance(background, int) else 2000
            around = background if isinstance(background, pd.DataFrame) else self._background(surroundings, number)
            names = variables or surroundings.names
        records = dated(records) if self.season else records
        self.variables_ = variables_of(around, list(names), factors)
        self.columns_ = (*self.variables_.names, *(PLACES * self.place))
        records = complete(records, [*self.columns_, *([MONTH] * self.season)], "records")
        around = complete(around, self.columns_, "background")
        self.background_, self.records_ = around, records[records["present"]]
        self.species_ = species_of(records)
        self._network = as_network(self.model)
        self._told: dict[int | None, Niches] = {}
        self._context = self._read(random, records, around, background)
        return self

    def predict(
        self,
        environment: Any,
        *,
        month: int | None = None,
        output: str | Path | None = None,
        progress: bool = True,
    ) -> xr.Dataset | pd.DataFrame:
        """Suitability from 0 to 1 with the bounds of an interval of 95 %, and how far the environment is a new one.

        Args:
            environment: layers, for maps, or a table (GeoDataFrame) of points with the variables, for columns. Other
                layers of the same names (another climate, another region) are what projections are made of.
            month: 1 to 12, of a model that was fitted with seasons.
            output: a file for the maps (.nc, or .tif with a band for each of them), which is written while they are
                made, in constant memory; it is then opened and returned.
            progress: show a progress bar when standard error is a terminal.

        Returns:
            Maps `suitability`, `lower` and `upper` on (species, y, x) and `extrapolation` (the MESS, below 0 for
            environments beyond the background's) on (y, x); or the table with these columns, those of several species
            after their names.

        Raises:
            DataError: not fitted, variables missing, a class that was not there, a season without a month.
        """
        if not hasattr(self, "_context"):
            raise DataError("a model is fitted before it predicts; call fit(occurrences, environment) first")
        self.require_month(month)
        surroundings = as_environment(environment)
        if isinstance(surroundings, Environment):
            return map_environment(self, surroundings, month, output, progress)
        return self._table(surroundings, month)

    def require_month(self, month: int | None) -> None:
        """Refuse a season that is lacking, or one that the model does not know.

        Raises:
            DataError: a model with seasons and no month, or the other way round.
        """
        if self.season != (month is not None) or (month is not None and not 1 <= month <= 12):
            raise DataError(
                f"a model with seasons is asked for a month from 1 to 12, one without for none, got {month}"
            )

    def answer(self, table: pd.DataFrame, month: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Logits and their standard deviations at points, (species, points); NaN where a variable is missing."""
        values = self._numbers(table)
        whole = np.isfinite(values).all(1)
        found = np.full((2, len(self.species_), len(values)), np.nan, np.float32)
        if whole.any():
            found[:, :, whole] = self._ask(torch.as_tensor(values[whole], dtype=torch.float32), month)
        return found[0], found[1]

    def _ask(self, values: torch.Tensor, month: int | None) -> np.ndarray:
        head, frame, niches, parts = self._head, self._context.coordinates.frame, self._niches(month), []
        size = max(256, COMPARED // (MOST * len(self.species_)))
        with torch.inference_mode():
            for part in values.split(size):
                says = head.answer(niches, frame(part[None]))
                parts.append(torch.stack([says.logit[0], says.deviation[0]]))
        return torch.cat(parts, dim=-1).numpy()

    @property
    def _head(self) -> ResponseHead:
        head = self._network.head
        assert isinstance(head, ResponseHead)
        return head

    def _niches(self, month: int | None) -> Niches:
        """What the species answer to in a month, read once."""
        if month not in self._told:
            context = self._context
            if month is not None:
                near = [closeness(months, month) for months in self._months]
                season = filled(near, context.presence_weight.shape[-1])
                context = dataclasses.replace(context, season=season[None])
            with torch.inference_mode():
                self._told[month] = self._head.niches(self._network.encode(context), context)
        return self._told[month]

    def _numbers(self, table: pd.DataFrame) -> np.ndarray:
        extra = [c for c in self.columns_ if c not in self.variables_.names]
        parts = [self.variables_(table)]
        if extra:
            parts.append(Variables(tuple(extra))(table))
        return np.concatenate(parts, axis=1)

    def _table(self, table: pd.DataFrame, month: int | None) -> pd.DataFrame:
        logit, deviation = self.answer(table, month)
        found = table.copy()
        for number, name in enumerate(self.species_):
            before = "" if len(self.species_) == 1 else f"{name} "
            for column, value in interval(logit[number], deviation[number]).items():
                found[before + column] = value
        names = list(self.variables_.names)
        found["extrapolation"] = mess(self.background_[names].to_numpy(float), table[names].to_numpy(float))[0]
        return found

    def _background(self, environment: Environment, number: int) -> pd.DataFrame:
        return sample_background(environment, min(number, int(environment.valid().sum())), seed=self.seed)

    def _read(
        self, random: np.random.Generator, records: pd.DataFrame, around: pd.DataFrame, background: Any
    ) -> SpeciesBatch:
        """The context of all predictions."""
        by_species = [records[records[SPECIES] == name] for name in self.species_]
        presences = [_some(random, part[part["present"]]) for part in by_species]
        points, weight, kind = self._contrast(random, records, by_species, around, background)
        known = _some(random, around)
        parts = [known, *presences, points]
        values = np.concatenate([self._numbers(part) for part in parts])
        rows = np.split(np.arange(len(values)), np.cumsum([len(part) for part in parts])[:-1])
        kinds = np.full(values.shape[1], ENVIRONMENT)
        if self.place:
            kinds[-len(PLACES) :] = PLACE
        self._months = [part[MONTH].to_numpy(float) for part in presences] if self.season else []
        return points_to_batch(values, kinds, rows[0], rows[1:-1], rows[-1], weight, kind, rows[0][:1])

    def _contrast(
        self,
        random: np.random.Generator,
        records: pd.DataFrame,
        by_species: list[pd.DataFrame],
        around: pd.DataFrame,
        background: Any,
    ) -> tuple[pd.DataFrame, np.ndarray, int]:
        """Points, how much each counts for a species, and of what kind they are."""
        if not records["present"].all():
            absent = [_some(random, part[~part["present"]]) for part in by_species]
            weight = np.zeros((len(absent), sum(map(len, absent))))
            ends = np.cumsum([0, *map(len, absent)])
            for number in range(len(absent)):
                weight[number, ends[number] : ends[number + 1]] = 1
            return pd.concat(absent), weight, ABSENCE
        is_target_group = isinstance(background, str)
        points = records.drop_duplicates(list(self.columns_)) if is_target_group else around
        points = _some(random, points)
        return points, np.ones((len(by_species), len(points))), TARGET_GROUP if is_target_group else BACKGROUND


def as_environment(environment: Any) -> Environment | pd.DataFrame:
    """Layers, or a table of points."""
    if isinstance(environment, Environment | pd.DataFrame):
        return environment
    return open_environment(environment)


def as_network(model: Model | str | Path | None) -> Model:
    """A network of species distributions, by default the one that comes with the package.

    Raises:
        DataError: a model of something else.
    """
    if model is None or model == NANO:
        model = Path(str(resources.files("humboldt.domains.pretrained") / "biodiversity-nano"))
    if not isinstance(model, Model):
        record = read_config(Path(model))
        if "responses" not in record.get("config", {}):
            raise DataError(f"species are placed by a network with responses, got another model in {model}")
        fresh = build_species(from_dict(SpeciesConfig, record["config"]))
        model = load_strictly(fresh, read_weights(Path(model), record.get("sha256")))
    if not isinstance(model.config, SpeciesConfig):
        raise DataError(f"species are placed by a network with responses, got {model!r}")
    return model.eval()


def _some(random: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    return table if len(table) <= MOST else table.iloc[random.permutation(len(table))[:MOST]]


def interval(logit: np.ndarray, deviation: np.ndarray) -> dict[str, np.ndarray]:
    """Suitability, and the bounds between which it lies with 95 %."""
    from scipy.special import expit

    bounds = {"suitability": 0.0, "lower": -INTERVAL, "upper": INTERVAL}
    return {name: expit(logit + times * deviation) for name, times in bounds.items()}
