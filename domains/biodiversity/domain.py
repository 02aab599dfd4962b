"""Binds the biodiversity parts to the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from humboldt.foundations import Core, LabelledScores, Model, Pieces, Program, Score, TimeNorm, from_dict, to_dict

from .adapt import with_statistics
from .adapters import Step, adapt
from .batch import GridBatch, GridPrediction
from .config import GridConfig
from .embed import GridEmbed
from .heads import MonthHead
from .month_files import opened_months
from .mvit import MViT
from .subjects import SUBJECTS, Ecosystems, subject


class Biodiversity:
    """The science of where species live and how many there are, as the door and the methods reach it."""

    name = "biodiversity"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """Months of gridded variables from a path or xarray object, the records in a folder of species, a surveyed
        region in a folder, or a table of counts; `split` is a part, or says how the parts of months or counts are made.

        See `open_months` and `open_counts` for the other choices, `open_species` and `open_region` for the folders.
        """
        return next(one for one in SUBJECTS if one.is_source(source)).open(source, split, **choices)

    def build(self, config: Any) -> Model:
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
        """The model; of gridded ecosystems with the statistics of the data where theirs differ much.

        Raises:
            ValueError: another task than `forecast`.
        """
        if task != "forecast":
            raise ValueError(f"biodiversity models have the task 'forecast', got {task!r}; use task='forecast'")
        return subject(model).fitted(model, data)

    def arranged(self, data: Any, model: Model) -> Any:
        """The samples as a model takes them: months with its channels, in its order.

        Raises:
            ValueError: data that the model cannot read.
        """
        return subject(model).arranged(data, model)

    def with_statistics(self, model: Model, statistics: Sequence[Any]) -> Model:
        """The model with the statistics of several training parts."""
        return with_statistics(model, statistics)

    def evaluate(self, models: Mapping[str, Model], data: Any, *, batch_size: int = 4) -> LabelledScores:
        """Errors of months ahead by channel (`evaluate_months`), the area under the ROC curve of every species
        (`evaluate_species`), or errors of counts by years ahead (`evaluate_counts`): what the models are of."""
        first = next(iter(models.values()))
        return subject(first).evaluate(models, self.arranged(data, first), batch_size)

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """Of species on the surveys of a region one less the area under the ROC curve, mean over species; of counts
        the error of their logarithm, mean over populations."""
        return subject(model).measure(model, data)

    def read(self, path: str, select: Mapping[str, int]) -> Any:
        """The path, which is opened where it is needed; at chosen places along dimensions the gridded months."""
        return opened_months(path).isel(select) if select else path

    def predict(self, model: Model, source: Any, lead_times: Any = (), **choices: Any) -> Any:
        """The months that follow (`predict_months`), maps of species from layers and records (`predict_species`), or
        the counts of years ahead (`predict_counts`): what the model is of."""
        return subject(model).predict(model, source, lead_times, **choices)

    def pieces(
        self, model: Model, source: Any, lead_times: Any = (), *, along: str | None = None, **choices: Any
    ) -> Pieces | None:
        """Maps by rows (`map_pieces`), months after every month of the data (`along="time"`, `month_pieces`).

        Raises:
            ValueError: a dimension to cut maps or counts along.
        """
        return subject(model).pieces(model, source, lead_times, along, **choices)

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

    def program(self, model: Model) -> type[Program]:
        """What a model is as a function of tensors.

        Raises:
            ValueError: a model of gridded ecosystems.
        """
        return subject(model).program()


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


def build(config: Any) -> Model:
    """A model with fresh weights from the configuration of a subject (or the dictionary that a checkpoint holds)."""
    if isinstance(config, Mapping):
        kind = next((one.config for one in SUBJECTS if one.told_by in config), Ecosystems.config)
        config = from_dict(kind, dict(config))
    return next(one for one in SUBJECTS if isinstance(config, one.config)).build(config)


def build_grid(config: GridConfig) -> Model:
    """A model of gridded ecosystems with fresh weights."""
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
