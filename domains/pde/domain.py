"""Binds the PDE parts to the contract."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr
from torch import nn

from humboldt.data_catalog import at_places, read_states
from humboldt.foundations import (
    Core,
    Model,
    Pieces,
    SampleScores,
    Score,
    TimeNorm,
    choose,
    from_dict,
    refuse_rollout,
    step_of,
    to_dict,
)

from .batch import FieldBatch, FieldPrediction
from .config import Channel, PDEConfig
from .embed import FieldEmbed
from .evaluation import Evaluation, evaluate, model_forecaster
from .heads import ErrorHead, ForecastHead
from .indicators import Indication, evaluate_indicators
from .metrics import RelativeError
from .program import FieldProgram
from .resolution import at_their_resolution
from .states import require_taught_order, say_other_topology

TASKS = ("forecast", "error")


class PDE:
    """The science of solution operators, as the door and the methods reach it."""

    name = "pde"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """Trajectories from a path or xarray object; `split` names a part, or says how the parts are made.

        See `open_trajectories` for the other choices.
        """
        from .data import open_trajectories

        choose(open_trajectories, choices)
        if not isinstance(split, str):
            return open_trajectories(source, split=split, **choices)
        return open_trajectories(source, **choices).split(split)

    def build(self, config: PDEConfig | Mapping[str, Any]) -> Model:
        """A model with fresh weights."""
        return build(config)

    def head(self, task: str, model: Model, **choices: Any) -> ForecastHead | ErrorHead:
        """A fresh head for the task `forecast`, with the model's normalisation; `choices` change the configuration.

        The task `error` has a head that predicts how wrong the present head's forecast is, see `ErrorHead`.
        """
        if task not in TASKS:
            raise ValueError(f"the pde domain has the tasks {' and '.join(TASKS)}, got {task!r}; use task='forecast'")
        if task == "error":
            return ErrorHead.of(model)
        if isinstance(model.head, ErrorHead):
            return model.head.forecast
        config = from_dict(PDEConfig, {**to_dict(model.config), **choices})
        head = ForecastHead(config)
        if config.outputs == model.config.outputs:
            head.normaliser.load_state_dict(model.head.get_submodule("normaliser").state_dict())
        return head

    def metrics(self, model: Model | None = None) -> dict[str, RelativeError]:
        """Errors per sample and group: of a model's groups in its normalised fields, else of channels as they are."""
        groups = None if model is None else model.config.groups
        normaliser = None if model is None else model.head.get_submodule("normaliser")
        return {
            "relative_l1": RelativeError(groups, 1, normaliser),
            "relative_l2": RelativeError(groups, 2, normaliser),
        }

    def fitted(self, model: Model, data: Any, task: str, *, seed: int = 0) -> Model:
        """The model for the channels, scale and lead times of the data (`fit_to_data`), with the head of the task."""
        from .adapt import fit_to_data

        model = fit_to_data(model, data, seed=seed)
        if task == model.config.task:
            return model
        other = model.with_head(self.head(task, model))
        other.config = replace(model.config, task=task)
        return other

    def arranged(self, data: Any, model: Model) -> Any:
        """Samples in the model's order of channels; those that the data lack are masked."""
        return data.arranged(model.config.inputs, model.config.outputs)

    def with_statistics(self, model: Model, statistics: Sequence[Any]) -> Model:
        """The model with the means and deviations of several training parts."""
        from .adapt import set_statistics

        return set_statistics(model, statistics)

    def evaluate(
        self,
        models: Mapping[str, Model],
        data: Any,
        *,
        rollout: str = "direct",
        step: float | int | None = None,
        physical: bool = False,
        resolution: int | None = None,
        lead_steps: Sequence[int] | None = None,
        batch_size: int = 8,
    ) -> Evaluation | Indication:
        """Errors of models that predict the same channels, in the first one's normalised fields, and persistence.

        Models of the task `error` are scored by `evaluate_indicators`, at once.

        Args:
            rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps.
            step: length of an autoregressive step in the model's time units; the spacing of the frames by default.
            physical: errors of fields in physical units instead of normalised ones (the published convention).
            resolution: points along each axis of the grid that the models work on, see `at_resolution`.
            lead_steps: how many frames ahead to look; all by default.
            batch_size: trajectories at a time.
        """
        for model in models.values():
            require_taught_order(model, data.space)
        models = {name: at_their_resolution(model, data.grid, resolution) for name, model in models.items()}
        first = next(iter(models.values()))
        if any(model.config.task == "error" for model in models.values()):
            refuse_rollout("estimates of errors", rollout, step)
            return evaluate_indicators(models, data, lead_steps=lead_steps, batch_size=batch_size)
        say_other_topology(first, data.periodic)
        length = step_of(rollout, step, float(data.times[1] - data.times[0]) if len(data.times) > 1 else None)
        forecasters = {name: model_forecaster(model, length) for name, model in models.items()}
        normaliser = None if physical else copy.deepcopy(first.head.get_submodule("normaliser")).cpu()
        found = evaluate(
            forecasters, data, first.config, normaliser=normaliser, lead_steps=lead_steps, batch_size=batch_size
        )
        found.scores.attrs.update(
            rollout=rollout, step=str(step), physical=str(physical), statistic="median over samples",
            samples=found.scores.sizes["sample"], lead_time_units=first.config.time_units,
        )  # fmt: skip
        return found

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """The median relative L1 over trajectories, mean over lead steps (all by default) and groups of channels."""
        found = self.evaluate({"model": model}, data, lead_steps=lead_steps).scores["relative_l1"].sel(forecast="model")
        value = float(found.median("sample").mean())
        columns = {f"lead step {column['lead_step'].item()}": column.values for column in found.mean("group")}
        several = found.sizes["sample"] // len(data.samples)  # pairs of a trajectory that are scored as they are
        names = data.samples if several == 1 else [f"{s}, pair {p}" for s in data.samples for p in range(several)]
        samples = SampleScores.of("relative L1, mean over groups", names, columns)
        return Score(value, "median relative L1, mean over lead steps and groups", samples=samples)

    def read(self, path: str, select: Mapping[str, int]) -> xr.Dataset:
        """Labelled states from a NetCDF file or a Zarr store (`read_states`), or from a file of a published collection
        as it is opened to learn from."""
        from .layouts import labelled, read_layout
        from .pdegym import read_published

        published = read_published(path)
        if published is None:
            return read_states(path, select)
        layout = read_layout(path)
        states = labelled(published, layout)
        if "periodic" not in layout.attributes:
            del states.attrs["periodic"]
        return at_places(states, select)

    def predict(self, model: Model, source: Any, lead_times: Any = (), *words: Any, **choices: Any) -> xr.Dataset:
        """The state after each lead time, see `predict_states`."""
        from .forecast import predict_states

        return predict_states(model, source, lead_times, *words, **choices)

    def pieces(
        self, model: Model, source: Any, lead_times: Any = (), *, along: str | None = None, **choices: Any
    ) -> Pieces | None:
        """A forecast cut along a dimension of independent states, see `state_pieces`."""
        from .forecast import state_pieces

        return None if along is None else state_pieces(model, source, lead_times, along, **choices)

    def to_xarray(
        self, prediction: FieldPrediction, batch: FieldBatch, channels: tuple[Channel, ...] | None = None
    ) -> xr.Dataset:
        """A variable per channel, dims (sample, *space), with each sample's lead time."""
        fields = prediction.fields.detach().cpu().numpy()
        named = channels or tuple(Channel(name=f"channel_{i}") for i in range(fields.shape[1]))
        dims = ("sample", *("x", "y", "z")[: fields.ndim - 2])
        columns = {c.name: (dims, fields[:, i], {"units": c.units}) for i, c in enumerate(named)}
        lead_time = ("sample", batch.lead_time.cpu().numpy(), {"standard_name": "forecast_period"})
        return xr.Dataset(columns, {"lead_time": lead_time})

    def program(self, model: Model) -> type[FieldProgram]:
        """What a model is as a function of tensors."""
        return FieldProgram


def build(config: PDEConfig | Mapping[str, Any]) -> Model:
    """A model with fresh weights from its configuration (or the dictionary that a checkpoint holds)."""
    if not isinstance(config, PDEConfig):
        config = from_dict(PDEConfig, dict(config))
    head = ForecastHead(config) if config.task == "forecast" else ErrorHead(config)
    model = Model(FieldEmbed(config), Core(config.core), head, domain="pde", config=config)
    initialise(model)
    return model


def initialise(model: Model) -> None:
    """Fresh weights: truncated normal of deviation 0.02 in linear maps, norms plain, biases zero, skips open."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, TimeNorm):
            module.reset_parameters()
