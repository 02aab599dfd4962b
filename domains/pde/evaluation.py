"""Forecasts of whole trajectories against what came: errors, spectra, and one example to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from humboldt.foundations import Model, evaluating

from .batch import FieldBatch, FieldPrediction
from .config import PDEConfig
from .metrics import energy_spectrum, persistence, relative_errors, spectral_errors
from .rollout import rollout

Forecaster = Callable[[FieldBatch, Sequence[float]], Iterator[FieldPrediction]]
ERRORS = {
    "relative_l1": "sum of absolute errors over sum of absolute values",
    "relative_l2": "root of sum of squared errors over sum of squares",
    "spectral_error": "mean absolute difference of the decimal logarithms of the energy spectra",
}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        scores: the errors, dims (forecast, lead_time, group, sample).
        spectra: mean energy spectra, dims (forecast, lead_time, group, wavenumber); forecast `truth` among them.
        example: fields of the first trajectory, dims (forecast, lead_time, *space); forecast `truth` among them.
    """

    scores: xr.Dataset
    spectra: xr.Dataset
    example: xr.Dataset

    def datasets(self) -> dict[str, xr.Dataset]:
        """Scores and spectra."""
        return {"scores": self.scores, "spectra": self.spectra}

    def text(self) -> str:
        """Medians of the relative L1 over the samples, a row a group and forecast, a column a lead time."""
        return table(self.scores)

    def rows(self) -> list[dict[str, Any]]:
        """Medians over the samples: a row a forecast, group and lead time."""
        medians = self.scores.median("sample").transpose("forecast", "group", "lead_time")
        tidy = medians.to_dataframe().reset_index().to_dict("records")
        return [{str(k): None if v != v else v for k, v in row.items()} for row in tidy]


def evaluate(
    forecasters: Mapping[str, Forecaster],
    data: Any,
    config: PDEConfig,
    *,
    normaliser: nn.Module | None = None,
    start: int = 0,
    lead_steps: Sequence[int] | None = None,
    batch_size: int = 8,
) -> Evaluation:
    """Score forecasts from frame `start` of every trajectory of `data`; persistence always stands beside them.

    Args:
        forecasters: by name; each yields predictions for (batch of initial states, lead times).
        data: trajectories, as `TrajectoryDataset`; pairs of a task are scored as they are (`steady`).
        config: whose channels, groups and time units the forecasts are in.
        normaliser: errors are taken of what it makes of the fields; physical units by default.
        lead_steps: frames ahead; all by default (steady data have one pair a sample, which counts as 1 ahead).
        batch_size: trajectories at a time.

    Raises:
        ValueError: lead steps beyond the trajectories, lead times in other units than the model's, unlabelled data.
    """
    steps = chosen_steps(data, start, lead_steps)
    _check_time_units(data, config)
    pairs = data.arranged(config.inputs, config.outputs)
    pairs = pairs if data.steady else pairs.frames(start, ahead=tuple(steps))
    methods: dict[str, Forecaster] = {"persistence": partial(_persist, config=config), **forecasters}
    transform = normaliser or nn.Identity()
    parts: list[_Scored] = []
    for first in range(0, len(pairs) // len(steps), batch_size):
        last = min(first + batch_size, len(pairs) // len(steps))
        batch = pairs.batch(range(first * len(steps), last * len(steps)))
        parts.append(_score(methods, batch, config, transform, len(steps), keep=first == 0))
    return _labelled(parts, [*methods], config, steps, data.space)


def model_forecaster(model: Model, step: float | None = None) -> Forecaster:
    """A model as a forecaster: direct, or autoregressive in steps of `step`; evaluation mode, no gradients."""

    def forecast(batch: FieldBatch, lead_times: Sequence[float]) -> Iterator[FieldPrediction]:
        weights = next(model.parameters())
        with evaluating(model):
            made = rollout(model, batch.to(weights.device, weights.dtype), lead_times, step)
            for _ in lead_times:
                with torch.no_grad():  # while a prediction is made, not while the caller has it
                    prediction = next(made)
                yield FieldPrediction(prediction.fields.to(batch.fields))

    return forecast


def median_table(scores: xr.Dataset, score: str = "relative_l1") -> Any:
    """Median over samples as a pandas table: a row per (group, forecast), a column per lead time.

    With several groups their mean follows as the group `mean`.
    """
    median = scores[score].median("sample")
    if median.sizes["group"] > 1:
        median = xr.concat([median, median.mean("group").expand_dims(group=["mean"])], dim="group")
    tidy = median.transpose("group", "forecast", "lead_time")
    return tidy.drop_vars("lead_step").to_series().unstack("lead_time").reindex(_rows(tidy))


def table(scores: xr.Dataset, score: str = "relative_l1") -> str:
    """`median_table` as plain text under a line that says what it is."""
    unit = scores["lead_time"].attrs.get("units", "1")
    per = "" if unit == "1" else f" / {unit}"
    head = f"median {score} of {scores.sizes['sample']} samples; columns: lead time{per}\n"
    return head + str(
        median_table(scores, score).to_string(float_format=lambda x: f"{x:.3f}" if np.isfinite(x) else "-")
    )


def _rows(median: xr.DataArray) -> list[tuple[str, str]]:
    return [(g, m) for g in median["group"].values.tolist() for m in median["forecast"].values.tolist()]


@dataclass(frozen=True)
class _Scored:
    lead_times: list[float]
    errors: Tensor  # (score, method, lead, sample, group)
    spectra: Tensor  # (method and truth, lead, sample, group, wavenumber)
    example: Tensor | None  # (method and truth, lead, channel, *space)


def _score(
    methods: Mapping[str, Forecaster],
    batch: FieldBatch,
    config: PDEConfig,
    transform: nn.Module,
    leads: int,
    keep: bool,
) -> _Scored:
    """Scores of a batch whose samples are (trajectory, lead time), lead time running faster."""
    groups = list(config.groups.values())
    initial = batch.at(batch.fields[::leads], batch.lead_time[::leads])
    lead_times = [float(t) for t in batch.lead_time[:leads]]
    target, known = batch.target, batch.known
    if target is None:
        raise ValueError("a score needs a target, got data without one; score on data that say what came")
    fields = [_forecast(name, method, initial, lead_times, target) for name, method in methods.items()]
    if known is not None:  # what is no part of the domain has no share in a spectrum
        fields = [torch.where(known, target, made) for made in fields]
    truth, seen = transform(target), [transform(made) for made in fields]
    true_spectrum = energy_spectrum(truth, groups)
    spectra = [energy_spectrum(x, groups) for x in seen]
    errors = [
        _errors(x, truth, groups, known, spectral_errors(own, true_spectrum))
        for x, own in zip(seen, spectra, strict=True)
    ]
    example = torch.stack([x[:leads] for x in (*fields, target)]) if keep else None
    if example is not None and known is not None:
        example = torch.where(known[:leads], torch.nan, example)
    return _Scored(
        lead_times,
        torch.stack(errors, dim=1).unflatten(2, (-1, leads)).transpose(2, 3),
        torch.stack([*spectra, true_spectrum]).unflatten(1, (-1, leads)).transpose(1, 2),
        example,
    )


def _forecast(
    name: str, method: Forecaster, initial: FieldBatch, lead_times: Sequence[float], target: Tensor
) -> Tensor:
    made = torch.stack([p.fields for p in method(initial, lead_times)], dim=1).flatten(0, 1)
    if made.shape != target.shape:
        raise ValueError(
            f"forecasts have the shape of the targets {tuple(target.shape)}, but {name} made {tuple(made.shape)}"
        )
    return made


def _errors(
    x: Tensor, truth: Tensor, groups: Sequence[Sequence[int]], known: Tensor | None, spectral: Tensor
) -> Tensor:
    l1, l2 = (relative_errors(x, truth, groups, order, known) for order in (1, 2))
    return torch.stack([l1, l2, torch.where(l1.isnan(), l1, spectral)])


def _labelled(
    parts: Sequence[_Scored], methods: list[str], config: PDEConfig, steps: Sequence[int], space: Sequence[str]
) -> Evaluation:
    lead = xr.Variable(
        "lead_time",
        parts[0].lead_times,
        {"units": config.time_units, "standard_name": "forecast_period", "long_name": "lead time"},
    )
    coords = {"lead_time": lead, "lead_step": ("lead_time", list(steps))}
    names, groups = [*methods, "truth"], list(config.groups)
    errors = torch.cat([p.errors for p in parts], dim=3).numpy()
    dims = ("forecast", "lead_time", "sample", "group")
    scores = xr.Dataset(
        {
            name: (dims, values, {"units": "1", "long_name": meaning})
            for (name, meaning), values in zip(ERRORS.items(), errors, strict=True)
        },
        {**coords, "forecast": methods, "group": groups, "sample": np.arange(errors.shape[3])},
    ).transpose("forecast", "lead_time", "group", "sample")
    counted = scores["relative_l1"].notnull().any(["forecast", "lead_time", "sample"])
    shells = torch.cat([p.spectra for p in parts], dim=2).mean(2).numpy()
    spectra = xr.Dataset(
        {"energy": (("forecast", "lead_time", "group", "wavenumber"), shells, {"long_name": "energy in a shell"})},
        {**coords, "forecast": names, "group": groups, "wavenumber": np.arange(shells.shape[-1])},
    )
    scored = scores["group"].values[counted.values].tolist()
    example = _example(parts[0].example, names, config, coords, space, scored)
    return Evaluation(scores=scores.sel(group=counted), spectra=spectra.sel(group=counted), example=example)


def _example(
    fields: Tensor | None,
    names: list[str],
    config: PDEConfig,
    coords: dict[str, Any],
    space: Sequence[str],
    groups: Sequence[str],
) -> xr.Dataset:
    """Fields of one trajectory, of the channels whose groups are scored."""
    assert fields is not None
    dims = ("forecast", "lead_time", *space)
    columns = {
        c.name: (dims, fields[:, :, i].numpy(), {"units": c.units})
        for i, c in enumerate(config.outputs)
        if c.error_group in groups
    }
    return xr.Dataset(columns, {**coords, "forecast": names})


def _persist(batch: FieldBatch, lead_times: Sequence[float], config: PDEConfig) -> Iterator[FieldPrediction]:
    yield from [persistence(batch, config.inputs, config.outputs)] * len(lead_times)


def chosen_steps(data: Any, start: int, steps: Sequence[int] | None) -> list[int]:
    """The lead steps asked for, all by default. Raises ValueError where they do not rise, or leave the data."""
    most = 1 if data.steady else len(data.times) - 1 - start
    chosen = list(range(1, most + 1)) if steps is None else list(steps)
    if not chosen or chosen != sorted(set(chosen)) or chosen[0] < 1 or chosen[-1] > most:
        raise ValueError(
            f"lead steps are rising frame counts from 1 to {most} (the trajectories have {len(data.times)} frames and "
            f"start at frame {start}), got {chosen}"
        )
    return chosen


def _check_time_units(data: Any, config: PDEConfig) -> None:
    if data.time_units != config.time_units and "1" not in (data.time_units, config.time_units):
        raise ValueError(
            f"the model counts lead times in {config.time_units!r}, the data in {data.time_units!r}; convert the time "
            "coordinate of the data"
        )
