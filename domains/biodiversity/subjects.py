"""What models of biodiversity are of: months of gridded ecosystems, distributions of species, or populations.

The science asks the subject of a model, which is told by its configuration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from humboldt.foundations import LabelledScores, Model, Pieces, Program, SampleScores, Score, choose

from .adapt import arranged, fit_to_data
from .config import GridConfig
from .data import MonthDataset, open_months
from .distribution import (
    RecordedSpecies,
    RegionTasks,
    SpeciesConfig,
    SpeciesProgram,
    SurveyedSpecies,
    VirtualSpecies,
    build_species,
    evaluate_species,
    is_region_folder,
    map_pieces,
    open_region,
    predict_species,
)
from .forecast import evaluate_months, month_pieces, predict_months
from .populations import (
    CountProgram,
    CountSurveys,
    PopulationConfig,
    VirtualPopulations,
    build_populations,
    evaluate_counts,
    is_count_table,
    measure_counts,
    open_counts,
    predict_counts,
)
from .species_records import SpeciesRecords, is_species_folder, open_species


class Subject(ABC):
    """One kind of model, and the data that it is of."""

    config: ClassVar[type]
    """Class of its configurations."""
    told_by: ClassVar[str]
    """A field that only these configurations have."""
    data: ClassVar[tuple[type, ...]]
    """Classes of its data."""
    reads: ClassVar[str]
    """What these data are, in words."""

    @abstractmethod
    def is_source(self, source: Any) -> bool:
        """Whether something is data of this kind, before it is opened."""

    @abstractmethod
    def opener(self, source: Any) -> Callable[..., Any]:
        """The function that opens a source."""

    def open(self, source: Any, split: Any, **choices: Any) -> Any:
        """The data: a part, or all of them with parts made as `split` says."""
        opener = self.opener(source)
        choose(opener, choices)
        if isinstance(split, str):
            return opener(source, **choices).split(split)
        return opener(source, **choices, **({} if split is None else {"split": split}))

    @abstractmethod
    def build(self, config: Any) -> Model:
        """Fresh weights."""

    def fitted(self, model: Model, data: Any) -> Model:
        """The model for a training part, which may be seen through something."""
        self.arranged(data, model)
        return model

    def arranged(self, data: Any, model: Model) -> Any:
        """A part as the model takes it.

        Raises:
            ValueError: data of another subject.
        """
        other = next((one for one in SUBJECTS if isinstance(data, one.data)), self)
        if other is not self:
            raise ValueError(f"this model reads {self.reads}, got {other.reads}; take a model of them, or other data")
        return data

    @abstractmethod
    def evaluate(self, models: Mapping[str, Model], data: Any, batch_size: int) -> LabelledScores:
        """Scores of several models on a part that is `arranged`."""

    def measure(self, model: Model, data: Any) -> Score | None:
        """One number, lower is better; None where the loss says it."""
        return None

    @abstractmethod
    def predict(self, model: Model, source: Any, lead_times: Any, **choices: Any) -> Any:
        """A labelled prediction."""

    def pieces(self, model: Model, source: Any, lead_times: Any, along: str | None, **choices: Any) -> Pieces | None:
        """The prediction in pieces; None where it is made as a whole."""
        if along is not None:
            raise ValueError(f"maps are cut into rows and counts are not cut, got along={along!r}; leave it out")
        return None

    @abstractmethod
    def program(self) -> type[Program]:
        """The model as a function of tensors."""


class Ecosystems(Subject):
    """Months of gridded variables."""

    config, told_by, data = GridConfig, "groups", (MonthDataset,)
    reads = "months of gridded variables"

    def is_source(self, source: Any) -> bool:
        """Whatever is nothing else."""
        return True

    def opener(self, source: Any) -> Callable[..., Any]:
        """See `open_months`."""
        return open_months

    def build(self, config: Any) -> Model:
        """See `domain.build_grid`."""
        from .domain import build_grid

        return build_grid(config)

    def fitted(self, model: Model, data: Any) -> Model:
        """With the statistics of the data where theirs differ much."""
        return fit_to_data(model, super().arranged(data, model))

    def arranged(self, data: Any, model: Model) -> Any:
        """With the channels of the model, in its order."""
        return arranged(super().arranged(data, model), model)

    def evaluate(self, models: Mapping[str, Model], data: Any, batch_size: int) -> LabelledScores:
        """See `evaluate_months`."""
        return LabelledScores(evaluate_months(models, data, batch_size=batch_size), "rmse", "forecast", "forecasts")

    def predict(self, model: Model, source: Any, lead_times: Any, **choices: Any) -> Any:
        """See `predict_months`."""
        return predict_months(model, source, lead_times, **choices)

    def pieces(self, model: Model, source: Any, lead_times: Any, along: str | None, **choices: Any) -> Pieces | None:
        """See `month_pieces`."""
        return None if along is None else month_pieces(model, source, lead_times, along, **choices)

    def program(self) -> type[Program]:
        """None is written.

        Raises:
            ValueError: always.
        """
        raise ValueError("programs are made of models of species or populations, got one of gridded ecosystems")


class Distributions(Subject):
    """Where species live."""

    config, told_by = SpeciesConfig, "responses"
    data = (RegionTasks, SurveyedSpecies, RecordedSpecies, VirtualSpecies, SpeciesRecords)
    reads = "regions with records of species"

    def is_source(self, source: Any) -> bool:
        """A folder of species, or of a surveyed region."""
        return is_species_folder(source) or is_region_folder(source)

    def opener(self, source: Any) -> Callable[..., Any]:
        """See `open_species` and `open_region`."""
        return open_species if is_species_folder(source) else open_region

    def open(self, source: Any, split: Any, **choices: Any) -> Any:
        """Their parts are what was recorded and what was surveyed: nothing is there to be said of them."""
        return super().open(source, split if isinstance(split, str) else None, **choices)

    def build(self, config: Any) -> Model:
        """See `build_species`."""
        return build_species(config)

    def evaluate(self, models: Mapping[str, Model], data: Any, batch_size: int) -> LabelledScores:
        """See `evaluate_species`."""
        found = evaluate_species(models, data, batch_size=batch_size)
        return LabelledScores(found, "auc", "species", "species of the test part")

    def measure(self, model: Model, data: Any) -> Score | None:
        """One less the area under the ROC curve on surveys."""
        if getattr(data, "part", "") != "test":
            return None
        each = 1 - evaluate_species({"model": model}, data).sel(forecast="model")["auc"]
        name = "1 - area under the ROC curve"
        samples = SampleScores.of(f"{name} of a species", each["species"].values, {"surveyed sites": each.values})
        return Score(float(each.mean()), f"{name}, mean over species", samples=samples)

    def predict(self, model: Model, source: Any, lead_times: Any, **choices: Any) -> Any:
        """See `predict_species`."""
        return predict_species(model, source, **choices)

    def pieces(self, model: Model, source: Any, lead_times: Any, along: str | None, **choices: Any) -> Pieces | None:
        """See `map_pieces`."""
        super().pieces(model, source, lead_times, along)
        return map_pieces(model, source, **choices)

    def program(self) -> type[Program]:
        """See `SpeciesProgram`."""
        return SpeciesProgram


class Populations(Subject):
    """How many there will be."""

    config, told_by, data = PopulationConfig, "largest_change", (CountSurveys, VirtualPopulations)
    reads = "counts by site and year"

    def is_source(self, source: Any) -> bool:
        """A table, or a file of one."""
        return is_count_table(source)

    def opener(self, source: Any) -> Callable[..., Any]:
        """See `open_counts`."""
        return open_counts

    def build(self, config: Any) -> Model:
        """See `build_populations`."""
        return build_populations(config)

    def evaluate(self, models: Mapping[str, Model], data: Any, batch_size: int) -> LabelledScores:
        """See `evaluate_counts`."""
        found = evaluate_counts(models, data, batch_size=batch_size)
        return LabelledScores(found, "rmse_log", "lead_time", "years ahead")

    def measure(self, model: Model, data: Any) -> Score | None:
        """See `measure_counts`."""
        return measure_counts(model, data) if isinstance(data, CountSurveys) else None

    def predict(self, model: Model, source: Any, lead_times: Any, **choices: Any) -> Any:
        """See `predict_counts`."""
        return predict_counts(model, source, lead_times, **choices)

    def program(self) -> type[Program]:
        """See `CountProgram`."""
        return CountProgram


SUBJECTS: Sequence[Subject] = (Distributions(), Populations(), Ecosystems())
"""In the order in which they are asked whether a source is theirs."""


def subject(model: Model) -> Subject:
    """What a model is of."""
    return next(one for one in SUBJECTS if isinstance(model.config, one.config))
