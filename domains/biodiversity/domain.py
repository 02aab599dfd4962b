"""Binds the biodiversity parts to the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from humboldt.foundations import (
    Core,
    LabelledScores,
    Model,
    Pieces,
    SampleScores,
    Score,
    TimeNorm,
    choose,
    from_dict,
    to_dict,
)

from .adapt import arranged, fit_to_data, is_gridded, with_statistics
from .adapters import Step, adapt
from .batch import GridBatch, GridPrediction
from .config import GridConfig
from .distribution import (
    SpeciesConfig,
    SpeciesProgram,
    build_species,
    evaluate_species,
    is_region_folder,
    map_pieces,
    open_region,
    predict_species,
)
from .embed import GridEmbed
from .forecast import evaluate_months, month_pieces, predict_months
from .heads import MonthHead
from .month_files import opened_months
from .mvit import MViT
from .populations import CountProgram, PopulationConfig, build_populations, predict_counts


class Biodiversity:
    """The science of where species live and how many there are, as the door and the methods reach it."""

    name = "biodiversity"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """Months of gridded variables from a path or xarray object, the records in a folder of species, or a surveyed
        region in a folder; `split` is a part, or says how the parts of months are made.

        See `open_months` for the other choices, `open_species` and `open_region` for the folders.
        """
        from .data import open_months
        from .species_records import is_species_folder, open_species

        if is_species_folder(source) or is_region_folder(source):
            folder = open_species if is_species_folder(source) else open_region
            choose(folder, choices)
            records: Any = folder(source, **choices)
            return records.split(split) if isinstance(split, str) else records
        choose(open_months, choices)
        if not isinstance(split, str):
            return open_months(source, split=split, **choices)
        return open_months(source, **choices).split(split)

    def build(self, config: GridConfig | SpeciesConfig | PopulationConfig | Mapping[str, Any]) -> Model:
        """A model with fresh weights."""
        return build(config)

    def head(self, task: str, model: Model, **choices: Any) -> MonthHead:
        """A fresh head for the task `forecast`, with the model's normalisation; `choices` change the configuration."""
        if task != "forecast":
            raise ValueError(f"gridded ecosystems have the task 'forecast', got {task!r}; use task='forecast'")
        head = MonthHead(from_dict(GridConfig, {**to_dict(model.config), **choices}))
        initialise(head)
        head.normaliser.load_state_dict(model.head.get_submodule("normaliser").state_dict())
        return head

    def fitted(self, model: Model, data: Any, task: str, *, seed: int = 0) -> Model:
        """The model, with the statistics of the data where theirs differ much (`adapt.fit_to_data`).

        Raises:
            ValueError: another task than `forecast`, or channels that the model does not have.
        """
        if task != "forecast":
            raise ValueError(f"biodiversity models have the task 'forecast', got {task!r}; use task='forecast'")
        return fit_to_data(model, data) if is_gridded(model) else model

    def arranged(self, data: Any, model: Model) -> Any:
        """The samples with the channels of a model, in its order."""
        return arranged(data, model)

    def with_statistics(self, model: Model, statistics: Sequence[Any]) -> Model:
        """The model with the statistics of several training parts."""
        return with_statistics(model, statistics)

    def evaluate(self, models: Mapping[str, Model], data: Any, *, batch_size: int = 4) -> LabelledScores:
        """Errors of the next month (or months) by channel, see `evaluate_months`; of models of species distributions
        the area under the ROC curve of every species, see `evaluate_species`."""
        if isinstance(next(iter(models.values())).config, SpeciesConfig):
            found = evaluate_species(models, data, batch_size=batch_size)
            return LabelledScores(found, "auc", "species", "species of the test part")
        part = self.arranged(data, next(iter(models.values())))
        return LabelledScores(evaluate_months(models, part, batch_size=batch_size), "rmse", "forecast", "forecasts")

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """Of species on the surveys of a region: one less the area under the ROC curve, mean over species."""
        if not isinstance(model.config, SpeciesConfig) or getattr(data, "part", "") != "test":
            return None
        scores = self.evaluate({"model": model}, data).scores.sel(forecast="model")
        each = 1 - scores["auc"]
        samples = SampleScores.of(
            "1 - area under the ROC curve of a species", each["species"].values, {"surveyed sites": each.values}
        )
        value = 1 - float(scores["auc"].mean())
        return Score(value, "1 - area under the ROC curve, mean over species", samples=samples)

    def read(self, path: str, select: Mapping[str, int]) -> Any:
        """The path, which is opened where it is needed; at chosen places along dimensions the gridded months."""
        return opened_months(path).isel(select) if select else path

    def predict(self, model: Model, source: Any, lead_times: Any = (), **choices: Any) -> Any:
        """The months that follow (`predict_months`), maps of species from layers and records (`predict_species`), or
        the counts of years ahead (`predict_counts`): what the model is of."""
        if isinstance(model.config, SpeciesConfig):
            return predict_species(model, source, **choices)
        if isinstance(model.config, PopulationConfig):
            return predict_counts(model, source, lead_times, **choices)
        return predict_months(model, source, lead_times, **choices)

    def pieces(
        self, model: Model, source: Any, lead_times: Any = (), *, along: str | None = None, **choices: Any
    ) -> Pieces | None:
        """Maps by rows (`map_pieces`), months after every month of the data (`along="time"`, `month_pieces`).

        Raises:
            ValueError: a dimension to cut maps or counts along.
        """
        if isinstance(model.config, GridConfig):
            return None if along is None else month_pieces(model, source, lead_times, along, **choices)
        if along is not None:
            raise ValueError(f"maps are cut into rows and counts are not cut, got along={along!r}; leave it out")
        return map_pieces(model, source, **choices) if isinstance(model.config, SpeciesConfig) else None

    def metrics(self, model: Model | None = None) -> dict[str, AbsoluteError]:
        """Mean absolute error: of a model's groups in its normalised units, else of channels as they are."""
        return {"mean_absolute_error": AbsoluteError(model)}

    def to_xarray(self, prediction: GridPrediction, batch: GridBatch, config: GridConfig) -> xr.Dataset:
        """A variable per group and name (`surface_t2m`), dims (sample, [level,] latitude, longitude)."""
        fields, columns, slices = prediction.fields.detach().cpu().numpy(), {}, config.slices()
        coords: dict[str, Any] = {
            "latitude": ("latitude", batch.latitude.cpu().numpy(), {"units": "degrees_north"}),
            "longitude": ("longitude", batch.longitude.cpu().numpy(), {"units": "degrees_east"}),
        }
        for group in config.groups:
            part, dims = fields[:, slices[group.name]], ["sample", "latitude", "longitude"]
            if group.levels:
                part = part.reshape(len(part), len(group.variables), group.tokens, *part.shape[2:])
                dims = ["sample", "level", "latitude", "longitude"]
                coords["level"] = ("level", list(group.levels), {"units": "hPa"})
            for i, name in enumerate(group.variables):
                units = {"units": group.units[i]} if group.units else {}
                columns[f"{group.name}_{name}"] = (dims, part[:, i], units)
        return xr.Dataset(columns, coords)

    def program(self, model: Model) -> type[SpeciesProgram] | type[CountProgram]:
        """What a model is as a function of tensors.

        Raises:
            ValueError: a model of gridded ecosystems.
        """
        if isinstance(model.config, PopulationConfig):
            return CountProgram
        if not isinstance(model.config, SpeciesConfig):
            raise ValueError("programs are made of models of species or populations, got one of gridded ecosystems")
        return SpeciesProgram


class AbsoluteError:
    """mean |p - t|: (prediction, batch) -> one value per sample and group of a model (normalised), or channel."""

    def __init__(self, model: Model | None = None) -> None:
        self.normalise = nn.Identity() if model is None else model.head.get_submodule("normaliser")
        self.groups = None if model is None else list(model.config.slices().values())

    def __call__(self, prediction: GridPrediction, batch: GridBatch) -> Tensor:
        """Shape (samples, groups); NaN where a group has no target."""
        if batch.target is None:
            raise ValueError("a score needs a target, got a batch without one; open the data with targets")
        error = (self.normalise(prediction.fields) - self.normalise(batch.target)).abs().flatten(2)
        groups = self.groups or [slice(c, c + 1) for c in range(error.shape[1])]
        return torch.stack([error[:, place].flatten(1).nanmean(1) for place in groups], dim=1)


def build(config: GridConfig | SpeciesConfig | PopulationConfig | Mapping[str, Any]) -> Model:
    """A model with fresh weights from its configuration (or the dictionary that a checkpoint holds).

    A configuration with `responses` is one of species distributions, one with `largest_change` one of populations,
    another one of gridded ecosystems.
    """
    if isinstance(config, PopulationConfig) or (isinstance(config, Mapping) and "largest_change" in config):
        return build_populations(
            config if isinstance(config, PopulationConfig) else from_dict(PopulationConfig, dict(config))
        )
    if isinstance(config, SpeciesConfig) or (isinstance(config, Mapping) and "responses" in config):
        return build_species(config if isinstance(config, SpeciesConfig) else from_dict(SpeciesConfig, dict(config)))
    if not isinstance(config, GridConfig):
        config = from_dict(GridConfig, dict(config))
    step = Step()
    core = MViT(config.core, config.tokens) if config.backbone == "mvit" else Core(config.core)
    model = Model(GridEmbed(config, step), core, MonthHead(config), domain="biodiversity", config=config)
    initialise(model)
    if config.adapter is not None:
        adapt(model.core, config.adapter, step)
    return model


def initialise(module: nn.Module) -> None:
    """Fresh weights: truncated normal of deviation 0.02 in linear maps, norms plain, biases zero."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, TimeNorm):
            part.reset_parameters()
