"""Scores of models on held-out samples, with persistence and climatology beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import LabelledScores, Model, SampleScores, evaluating

from . import metrics
from .batch import WeatherBatch, WeatherPrediction
from .dataset import WeatherDataset
from .forecast import told
from .rollout import rollout
from .samples import Sample

Forecaster = Callable[[WeatherBatch], Tensor]
LONG = {
    "rmse": "root of the mean squared error over area and samples",
    "mae": "mean absolute error",
    "bias": "mean of forecast less truth",
    "acc": "mean correlation of anomalies from the climatology",
}
SAMPLE_SCORES = ("squared_error", "mae", "bias", "acc")
"""What is averaged over samples, in the order of `LONG`."""

REFERENCES = ("persistence", "climatology")


def evaluate(
    models: Mapping[str, Model | Forecaster],
    data: WeatherDataset,
    *,
    step: float | int | None = None,
    batch_size: int = 4,
    weights: str = "area",
) -> xr.Dataset:
    """RMSE, MAE, bias and, with a climatology, ACC by forecast, lead time and channel, in the channels' units.

    Persistence, and the climatology where there is one, are scored on the same samples; `skill_over_persistence` and
    `skill_over_climatology` are 1 - RMSE / that of the reference.

    Args:
        models: by name, or any functions of a batch to a state; all take and predict the channels of the data.
        data: samples with targets.
        step: hours of the steps in which models go to each lead time; None predicts each at once.
        batch_size: samples at a time, with a step initial states.
        weights: of the rows, `area` (WeatherBench 2) or `cosine`.

    Raises:
        DataError: no targets, or lead times that are no multiples of the step.
    """
    return averaged(sample_errors(models, data, step=step, batch_size=batch_size, weights=weights), data)


@torch.no_grad()
def sample_errors(
    models: Mapping[str, Model | Forecaster],
    data: WeatherDataset,
    *,
    step: float | int | None = None,
    batch_size: int = 4,
    weights: str = "area",
) -> xr.Dataset:
    """Scores of every sample over its area, dims (forecast, sample, channel): `squared_error`, `mae`, `bias`, `acc`.

    Coordinates of `sample` are its `lead_time` and its `start`. Args as in `evaluate`.
    """
    samples = [s for s in data.samples if s.target is not None]
    if not samples:
        raise DataError("scores need targets, but no sample has one; open the data with targets=True")
    if step is not None:
        _check_step(step, samples)
    rows = torch.from_numpy(data.grid.area_weights() if weights == "area" else data.grid.cosine_weights())
    methods: dict[str, Model | Forecaster] = {"persistence": lambda batch: batch.fields[:, -1]}
    if data.climatology is not None:
        methods["climatology"] = _expected
    methods |= models
    found: dict[str, list[Tensor]] = {name: [] for name in methods}
    for part in _parts(samples, batch_size, by_start=step is not None):
        batch = data.collate(part)
        for name, method in methods.items():
            if not isinstance(method, Model):
                made = method(batch)
            elif step is None:
                made = _direct(method, batch)
            else:
                made = _rolled(method, data, part, step)
            found[name].append(_scores(made.to(batch.fields), batch, rows))
    table = torch.stack([torch.cat(scores, 1) for scores in found.values()]).numpy()  # forecast, score, sample, channel
    coords = {
        "forecast": list(found),
        "start": ("sample", [_start(data, s) for s in samples]),
        "lead_time": ("sample", [float(s.lead_time) for s in samples], {"units": "hours"}),
        "channel": [c.name for c in data.channels],
    }
    dims = ("forecast", "sample", "channel")
    return xr.Dataset({name: (dims, table[:, number]) for number, name in enumerate(SAMPLE_SCORES)}, coords)


def by_start(errors: xr.Dataset, deviations: np.ndarray) -> SampleScores:
    """The root of the mean squared error of a forecast over the deviation of each channel, mean over channels.

    Args:
        errors: of one forecast, as `sample_errors` gives them.
        deviations: of the channels.
    """
    values = (errors["squared_error"] ** 0.5 / xr.DataArray(deviations, dims="channel")).mean("channel")
    places = {name: place for place, name in enumerate(dict.fromkeys(values["start"].values.tolist()))}
    columns = {lead: np.full(len(places), np.nan) for lead in sorted(set(values["lead_time"].values.tolist()))}
    rows = (array.values.tolist() for array in (values["start"], values["lead_time"], values))
    for start, lead, value in zip(*rows, strict=True):
        columns[lead][places[start]] = value
    named = {f"lead time {lead:g} h": column for lead, column in columns.items()}
    return SampleScores.of("RMSE over the deviation of changes, mean over channels", list(places), named)


def _start(data: WeatherDataset, sample: Sample) -> str:
    """What a sample starts from: its last state, the spacing of its states if it has several, its member."""
    spacing = f", {sample.input_time:g} h apart" if len(sample.inputs) > 1 else ""
    member = "".join(f", member {name}" for name in data.number([sample.member]))
    return f"{data.times[sample.inputs[-1]]}{spacing}{member}"


def _scores(forecast: Tensor, batch: WeatherBatch, rows: Tensor) -> Tensor:
    """(score, sample, channel) in double precision: squared error, absolute error, bias, correlation."""
    assert batch.target is not None
    f, t = forecast.double(), batch.target.double()
    made = [score(f, t, rows) for score in (metrics.squared_error, metrics.absolute_error, metrics.bias)]
    climate = None if batch.climate is None else batch.climate.double()
    correlation = torch.full_like(made[0], torch.nan)
    if climate is not None:
        correlation = metrics.anomaly_correlation(f, t, climate, rows)
    return torch.stack([*made, correlation])


def averaged(errors: xr.Dataset, data: WeatherDataset) -> xr.Dataset:
    """The scores by lead time, as `evaluate` gives them, of those of all samples."""
    found, lead_times = errors["forecast"].values.tolist(), errors["lead_time"].values
    leads = sorted(set(lead_times.tolist()))
    table = torch.from_numpy(np.stack([errors[name].values for name in SAMPLE_SCORES], axis=2))
    table = torch.stack([table[:, torch.from_numpy(lead_times == h)].nanmean(1) for h in leads], dim=1)
    values = dict(zip(LONG, table.unbind(2), strict=True))
    values["rmse"] = values["rmse"].sqrt()
    if data.climatology is None:
        values.pop("acc")
    about = dict(LONG)
    for reference in (name for name in REFERENCES if name in found):
        here = values["rmse"][found.index(reference)]
        values[f"skill_over_{reference}"] = metrics.skill(values["rmse"], here.expand_as(values["rmse"]))
        about[f"skill_over_{reference}"] = f"1 - rmse / rmse of {reference}"
    coords = {
        "forecast": found,
        "lead_time": ("lead_time", leads, {"units": "hours", "standard_name": "forecast_period"}),
        "channel": [c.name for c in data.channels],
        "units": ("channel", [c.units for c in data.channels]),
        "samples": ("lead_time", [int((lead_times == h).sum()) for h in leads]),
    }
    dims = ("forecast", "lead_time", "channel")
    return xr.Dataset({n: (dims, v.numpy(), {"long_name": about[n]}) for n, v in values.items()}, coords)


def _expected(batch: WeatherBatch) -> Tensor:
    assert batch.climate is not None
    return batch.climate


def _parts(samples: Sequence[Sample], count: int, *, by_start: bool) -> Iterator[list[Sample]]:
    """`count` samples at a time, or all samples of `count` initial states, so that a rollout serves all lead times."""
    starts: dict[object, list[Sample]] = {}
    for number, sample in enumerate(samples):
        starts.setdefault((sample.inputs, sample.member) if by_start else number, []).append(sample)
    groups = list(starts.values())
    for first in range(0, len(groups), count):
        yield [sample for group in groups[first : first + count] for sample in group]


def _check_step(step: float | int, samples: Sequence[Sample]) -> None:
    hours = sorted({s.lead_time for s in samples})
    if wrong := [h for h in hours if h <= 0 or abs(h / step - round(h / step)) > 1e-6]:
        raise DataError(
            f"lead times of a rollout are multiples of its step of {step:g} hours, got {wrong[0]:g}; open the data "
            "with other lead_times, or name another step"
        )


def _direct(model: Model, batch: WeatherBatch) -> Tensor:
    """The answer of a model, in evaluation mode."""
    weights = next(model.parameters())
    with evaluating(model):
        return model(batch.to(weights.device, weights.dtype)).fields.to(batch.fields)


def _rolled(model: Model, data: WeatherDataset, samples: Sequence[Sample], step: float | int) -> Tensor:
    """Its answers for samples by one rollout from each of their initial states."""
    weights = next(model.parameters())
    starts = {(s.inputs, s.member): s for s in samples}
    rows = {start: row for row, start in enumerate(starts)}
    begun = data.collate([dataclasses.replace(s, target=None, lead_time=float(step)) for s in starts.values()])

    def ahead(_: int, batch: WeatherBatch) -> WeatherBatch:
        return told(data, batch, step, [*starts.values()]).to(weights.device, weights.dtype)

    wanted = [round(s.lead_time / step) for s in samples]
    found: list[Tensor] = [torch.empty(0)] * len(samples)
    with evaluating(model):
        for count, prediction in enumerate(
            rollout(model, begun.to(weights.device, weights.dtype), max(wanted), ahead), 1
        ):
            for place in (place for place, steps in enumerate(wanted) if steps == count):
                found[place] = prediction.fields[rows[samples[place].inputs, samples[place].member]]
    return torch.stack(found)


class WeatherScores(LabelledScores):
    """RMSE by lead time, and the correlation of anomalies where there is a climatology."""

    def text(self) -> str:
        """A table of each."""
        scores = [name for name in ("rmse", "acc") if name in self.scores]
        return "\n\n".join(LabelledScores(self.scores, name, self.across, self.title).text() for name in scores)


class AreaScore:
    """A score of the domain: (prediction, batch) -> one value per sample and channel, area-weighted.

    Args:
        score: of `metrics`, such as `squared_error`.
    """

    def __init__(self, score: Callable[..., Tensor]) -> None:
        self.score = score

    def __call__(self, prediction: WeatherPrediction, batch: WeatherBatch) -> Tensor:
        """Shape (samples, channels)."""
        if batch.target is None:
            raise ValueError("a score needs a target, got a batch without one; open the data with targets")
        rows = None if batch.grid is None else torch.from_numpy(np.asarray(batch.grid.area_weights()))
        return self.score(prediction.fields, batch.target, rows)
