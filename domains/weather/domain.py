"""Binds the weather parts to the contract, and holds the configurations of the released models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from humboldt.data_catalog import read_states
from humboldt.foundations import (
    Core,
    Head,
    Model,
    Pieces,
    Score,
    Scores,
    TimeNorm,
    choose,
    from_dict,
    refuse_rollout,
    step_of,
    to_dict,
)

from .config import TaskConfig, WeatherConfig
from .downscaling import DownscalingHead
from .embed import WeatherEmbed
from .flux import FluxHead
from .heads import StateHead
from .program import StateProgram

HEADS: dict[str, type[Head]] = {"reconstruction": StateHead, "downscaling": DownscalingHead, "flux": FluxHead}


class Weather:
    """The science of the atmosphere, as the door and the methods reach it."""

    name = "weather"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """States from files, a store or an xarray object; `split` names a part, or gives the period of every part.

        See `open_weather` for the other choices.
        """
        from .data import open_weather

        choose(open_weather, choices)
        if not isinstance(split, str):
            return open_weather(source, split=split, **choices)
        return open_weather(source, **choices).split(split)

    def build(self, config: WeatherConfig | Mapping[str, Any]) -> Model:
        """A model with fresh weights."""
        return build(config)

    def head(self, task: str, model: Model, **choices: Any) -> StateHead:
        """A fresh head for the task `forecast` (or `reconstruction`, the same head at lead time 0).

        Heads of the other tasks are fitted to their data: see `for_task`.
        """
        if task not in ("forecast", "reconstruction"):
            raise ValueError(f"the weather domain has the tasks 'forecast' and 'reconstruction', got {task!r}")
        config = from_dict(WeatherConfig, {**to_dict(model.config), **choices})
        head = StateHead(config)
        if config.channels == model.config.channels:
            head.normaliser.load_state_dict(model.head.get_submodule("normaliser").state_dict())
        return head

    def metrics(self) -> dict[str, Any]:
        """Area-weighted scores per sample and channel."""
        from . import metrics
        from .evaluation import AreaScore

        named = {"mse": metrics.squared_error, "mae": metrics.absolute_error, "bias": metrics.bias}
        return {name: AreaScore(score) for name, score in named.items()}

    def fitted(self, model: Model, data: Any, task: str, *, seed: int = 0) -> Model:
        """The model with the channels of the data (`fit_to_data`) and the head of the task (`for_task`)."""
        from .adapt import fit_to_data

        made = fit_to_data(model, data, seed=seed)
        return for_task(made, self.arranged(data, made) if hasattr(data, "task") else data, task, seed=seed)

    def arranged(self, data: Any, model: Model) -> Any:
        """Samples with the channels and the static channels of the model, see `adapt.arranged`."""
        from .adapt import arranged

        return arranged(data, model)

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
        batch_size: int = 4,
        weights: str = "area",
    ) -> Scores:
        """Scores by forecast, channel and the lead times that the data were opened with, see `evaluation.evaluate`; on
        data of a task (`Downscaling`, `SubgridFluxes`) those of its answers, see `task_scores`.

        Args:
            rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps.
            step: hours of an autoregressive step; the shortest lead time by default.
            batch_size: samples at a time; initial states of an autoregressive rollout.
            weights: of the rows, `area` (WeatherBench 2) or `cosine`.
        """
        from .evaluation import WeatherScores, averaged, sample_errors
        from .task_scores import has_answers, task_scores

        if hasattr(data, "task") or any(map(has_answers, models.values())):
            refuse_rollout("answers of a task", rollout, step)
            return task_scores(models, data, batch_size)
        part = self.arranged(data, next(iter(models.values())))
        hours = step_of(rollout, step, min((s.lead_time for s in part.samples), default=None))
        errors = sample_errors(models, part, step=hours, batch_size=batch_size, weights=weights)
        scores = averaged(errors, part).assign_attrs(rollout=rollout, step=str(hours))
        return WeatherScores(scores, "rmse", "lead_time", "lead time / hours", samples=errors)

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """Of forecasts: RMSE over the deviation of changes in the model's own statistics, mean over lead times and
        channels."""
        if not hasattr(data, "grid") or getattr(model.config, "task", None) is not None:
            return None
        scores: Any = self.evaluate({"model": model}, data)
        errors = scores.scores["rmse"].sel(forecast="model").transpose(..., "channel").values
        deviations = model.head.get_submodule("normaliser").get_buffer("std").flatten().double().cpu().numpy()
        value = float((errors / deviations).mean())
        from .evaluation import by_start

        metric = "RMSE over the deviation of changes, mean over lead times and channels"
        return Score(value, metric, samples=by_start(scores.samples.sel(forecast="model"), deviations))

    def read(self, path: str, select: Mapping[str, int]) -> Any:
        """The path, which `open_weather` opens in its own way; at chosen places the labelled states (`read_states`)."""
        return read_states(path, select) if select else path

    def predict(
        self,
        model: Model,
        state: Any,
        lead_times: Any = (),
        rollout: str = "direct",
        *,
        step: float | int | None = None,
        output: Any = None,
        overwrite: bool = False,
        **choices: Any,
    ) -> Any:
        """A forecast as one Dataset, or written to `output` step by step (see `forecast`); of a model of another task
        its answer for every time of the data (see `task_predictions`).

        Args:
            lead_times: in hours; none for the answer of a model of a task.
            rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps.
            step: hours of an autoregressive step; the shortest lead time by default.
            output: a NetCDF file, or a Zarr store (`.zarr`), to which every lead time is written when it is made.
            overwrite: replace what is there.
            choices: of `forecast` and `open_weather`, such as `climatology`.
        """
        import xarray as xr

        from .forecast import forecast, write_forecast

        if _answers(model, lead_times):
            refuse_rollout("answers of a task", rollout, step)
            from .task_predictions import answered

            return answered(model, state, lead_times, output=output, overwrite=overwrite, **choices)
        ahead = step_of(rollout, step, next(iter(lead_times), None))
        steps = forecast(model, state, lead_times, step=ahead, **choices)
        if output is None:
            return xr.concat(list(steps), dim="lead_time", data_vars="minimal")
        path = write_forecast(steps, output, overwrite)
        if path.suffix == ".zarr":
            return xr.open_zarr(path, consolidated=False, decode_timedelta=False)
        return xr.open_dataset(path, decode_timedelta=False)

    def of_the_same_time(self, model: Model) -> bool:
        """Whether a model answers at the times of its data, and not ahead of them."""
        return model.config.task is not None

    def pieces(
        self, model: Model, source: Any, lead_times: Any = (), *, along: str | None = None, **choices: Any
    ) -> Pieces | None:
        """Forecasts from every time of the data (`along="time"`), see `forecast_pieces`; of a model of another task its
        answers, see `task_pieces`."""
        from .forecast import forecast_pieces
        from .task_predictions import task_pieces

        made = task_pieces if _answers(model, lead_times) else forecast_pieces
        return None if along is None else made(model, source, lead_times, along, **choices)

    def to_xarray(self, prediction: Any, batch: Any) -> Any:
        """One lead time as the CF conventions have it."""
        from .labelled import forecast_to_xarray

        return forecast_to_xarray(prediction, batch.time, {})

    def program(self, model: Model) -> type[StateProgram]:
        """What a model is as a function of tensors."""
        return StateProgram


def _answers(model: Model, lead_times: Any) -> bool:
    """Whether a prediction is of the times of the data; a model of reconstruction also forecasts where it is asked."""
    task = model.config.task
    return task is not None and not (task.kind == "reconstruction" and list(lead_times))


def build(config: WeatherConfig | Mapping[str, Any]) -> Model:
    """A model with fresh weights from its configuration (or the dictionary that a checkpoint holds)."""
    if not isinstance(config, WeatherConfig):
        config = from_dict(WeatherConfig, dict(config))
    head = HEADS[config.task.kind] if config.task else StateHead
    model = Model(WeatherEmbed(config), Core(config.core), head(config), domain="weather", config=config)
    initialise(model)
    return model


def for_task(model: Model, data: Any, task: str, seed: int = 0) -> Model:
    """The model with the head of a task, fresh but for what both heads have (decoder, mask token).

    Args:
        model: fitted to the data.
        data: for `downscaling` and `flux` a dataset of the task (see `tasks`), which says what is predicted.
        seed: of fresh weights.

    Raises:
        ValueError: another task, or data that are not of the task.
    """
    if task == "forecast":
        return model
    if task not in HEADS:
        raise ValueError(f"the weather domain has the tasks {['forecast', *HEADS]}, got {task!r}")
    wanted = getattr(data, "task", TaskConfig(kind="reconstruction") if task == "reconstruction" else None)
    if wanted is None or wanted.kind != task:
        raise ValueError(
            f"the task {task!r} learns from a dataset of its own, got {type(data).__name__}; wrap the states in "
            f"{'Downscaling' if task == 'downscaling' else 'SubgridFluxes'}(...)"
        )
    config = dataclasses.replace(model.config, task=wanted)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(config)
    shared = {k: v for k, v in model.state_dict().items() if k in made.state_dict()}
    made.load_state_dict(shared, strict=False)
    made.provenance = dict(model.provenance)
    if task == "reconstruction" and config.residual == "temporal":  # it begins with smooth values from around
        nn.init.zeros_(made.head.get_parameter("unembed.weight"))
        nn.init.zeros_(made.head.get_parameter("unembed.bias"))
    if isinstance(made.head, FluxHead):
        made.head.column.load_state_dict(made.embed.get_submodule("normaliser").state_dict())
    if hasattr(data, "output_statistics"):
        mean, std = data.output_statistics()
        made.head.get_buffer("outputs.mean").copy_(torch.from_numpy(mean))
        made.head.get_buffer("outputs.std").copy_(torch.from_numpy(std))
    return made


def initialise(model: Model) -> None:
    """Fresh weights: truncated normal of deviation 0.02 in linear maps, norms plain, biases zero."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, TimeNorm):
            module.reset_parameters()
    if hasattr(model.head, "mask_token"):
        nn.init.trunc_normal_(model.head.get_parameter("mask_token"), std=0.02)
    if hasattr(model.head, "reset_parameters"):
        model.head.reset_parameters()  # type: ignore[operator]
    for encoding, fastest in (("time", 0.5), ("condition", 0.05)):  # radians per hour
        for name in ("input_time", "lead_time") if getattr(model.embed, encoding) is not None else ():
            nn.init.uniform_(model.embed.get_parameter(f"{encoding}.{name}.weight"), 0, fastest)
