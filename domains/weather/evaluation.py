"""Scores of models on held-out samples, with persistence and climatology beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import LabelledScores, Model

from . import metrics
from .batch import WeatherBatch, WeatherPrediction
from .dataset import WeatherDataset

Forecaster = Callable[[WeatherBatch], Tensor]
LONG = {
    "rmse": "root of the mean squared error over area and samples",
    "mae": "mean absolute error",
    "bias": "mean of forecast less truth",
    "acc": "mean correlation of anomalies from the climatology",
}
REFERENCES = ("persistence", "climatology")


@torch.no_grad()
def evaluate(
    models: Mapping[str, Model | Forecaster], data: WeatherDataset, *, batch_size: int = 4, weights: str = "area"
) -> xr.Dataset:
    """RMSE, MAE, bias and, with a climatology, ACC by forecast, lead time and channel, in the channels' units.

    Persistence, and the climatology where there is one, are scored on the same samples; `skill_over_persistence` and
    `skill_over_climatology` are 1 - RMSE / that of the reference.

    Args:
        models: by name, or any functions of a batch to a state; all take and predict the channels of the data.
        data: samples with targets.
        batch_size: samples at a time.
        weights: of the rows, `area` (WeatherBench 2) or `cosine`.
    """
    samples = [i for i, s in enumerate(data.samples) if s.target is not None]
    if not samples:
        raise DataError("scores need targets, but no sample has one; open the data with targets=True")
    rows = torch.from_numpy(data.grid.area_weights() if weights == "area" else data.grid.cosine_weights())
    forecasters: dict[str, Forecaster] = {"persistence": lambda batch: batch.fields[:, -1]}
    if data.climatology is not None:
        forecasters["climatology"] = _expected
    forecasters |= {name: _of(model) if isinstance(model, Model) else model for name, model in models.items()}
    found: dict[str, dict[float, list[Tensor]]] = {name: {} for name in forecasters}
    for first in range(0, len(samples), batch_size):
        batch = data.batch(samples[first : first + batch_size])
        for name, forecaster in forecasters.items():
            scores = _scores(forecaster(batch).to(batch.fields), batch, rows)
            for lead, score in zip(batch.lead_time.tolist(), scores.unbind(1), strict=True):
                found[name].setdefault(lead, []).append(score)
    return _labelled(found, data)


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


def _labelled(found: Mapping[str, Mapping[float, list[Tensor]]], data: WeatherDataset) -> xr.Dataset:
    leads = sorted(next(iter(found.values())))
    table = torch.stack([torch.stack([torch.stack(of[h]).nanmean(0) for h in leads]) for of in found.values()])
    values = dict(zip(LONG, table.unbind(2), strict=True))
    values["rmse"] = values["rmse"].sqrt()
    if data.climatology is None:
        values.pop("acc")
    about = dict(LONG)
    for reference in (name for name in REFERENCES if name in found):
        here = values["rmse"][list(found).index(reference)]
        values[f"skill_over_{reference}"] = metrics.skill(values["rmse"], here.expand_as(values["rmse"]))
        about[f"skill_over_{reference}"] = f"1 - rmse / rmse of {reference}"
    coords = {
        "forecast": list(found),
        "lead_time": ("lead_time", leads, {"units": "hours", "standard_name": "forecast_period"}),
        "channel": [c.name for c in data.channels],
        "units": ("channel", [c.units for c in data.channels]),
        "samples": ("lead_time", [len(next(iter(found.values()))[h]) for h in leads]),
    }
    dims = ("forecast", "lead_time", "channel")
    return xr.Dataset({n: (dims, v.numpy(), {"long_name": about[n]}) for n, v in values.items()}, coords)


def _expected(batch: WeatherBatch) -> Tensor:
    assert batch.climate is not None
    return batch.climate


def _of(model: Model) -> Forecaster:
    def forecast(batch: WeatherBatch) -> Tensor:
        weights, training = next(model.parameters()), model.training
        model.eval()
        try:
            return model(batch.to(weights.device, weights.dtype)).fields.to(batch.fields)
        finally:
            model.train(training)

    return forecast


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
