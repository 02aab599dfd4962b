"""How wrong forecasts of counts are, beside the last count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from humboldt.foundations import Model, SampleScores, Score

from .batch import CountBatch
from .surveys import CountSurveys

METRIC = "root mean square error of ln(1 + count)"


def evaluate_counts(models: Mapping[str, Model], data: CountSurveys, *, batch_size: int = 32) -> xr.Dataset:
    """Errors by years ahead, over sites that had the species before: `rmse_log` of ln(1 + count), `mae` of counts.

    `persistence` is what was counted last at the site.
    """
    found = _forecasts(models, data, batch_size)
    ahead = np.array([ahead for *_, ahead in data.samples])
    times = sorted(set(ahead.tolist()))
    squares = [[_mean(found.logs(name)[ahead == time] ** 2) for time in times] for name in found.means]
    errors = [[_mean(np.abs(found.errors(name)[ahead == time])) for time in times] for name in found.means]
    dims = ("forecast", "lead_time")
    return xr.Dataset(
        {"rmse_log": (dims, np.sqrt(squares)), "mae": (dims, np.array(errors), {"units": "1"})},
        {"forecast": list(found.means), "lead_time": ("lead_time", times, {"units": "years"})},
    )


def measure_counts(model: Model, data: CountSurveys, *, batch_size: int = 32) -> Score:
    """`rmse_log` of every population over its sites, years and lead times; the mean over populations."""
    squares = _forecasts({"model": model}, data, batch_size).logs("model") ** 2
    number = np.array([population for population, *_ in data.samples])
    each = [float(np.sqrt(_mean(squares[number == population]))) for population in data.numbers]
    samples = SampleScores.of(METRIC, [data.names[p] for p in data.numbers], {"all lead times": each})
    return Score(float(np.nanmean(each)), f"{METRIC}, mean over populations", samples=samples)


@dataclass(frozen=True)
class Forecasts:
    """Mean counts [sample, site] by forecast, and what was counted; NaN at sites that are not scored."""

    means: Mapping[str, np.ndarray]
    truth: np.ndarray

    def errors(self, name: str) -> np.ndarray:
        """Forecast less truth."""
        return self.means[name] - self.truth

    def logs(self, name: str) -> np.ndarray:
        """Forecast less truth of ln(1 + count)."""
        return np.log1p(self.means[name]) - np.log1p(self.truth)


@torch.no_grad()
def _forecasts(models: Mapping[str, Model], data: CountSurveys, batch_size: int) -> Forecasts:
    states = {name: model.training for name, model in models.items()}
    means: dict[str, list[np.ndarray]] = {name: [] for name in ("persistence", *models)}
    truth: list[np.ndarray] = []
    for first in range(0, len(data), batch_size):
        batch = data.batch(range(first, min(first + batch_size, len(data))))
        assert batch.target is not None
        had = (batch.seen > 0).any(-1)
        truth.append(torch.where(had, batch.target, torch.nan).double().numpy())
        means["persistence"].append(last_counts(batch).double().numpy())
        for name, model in models.items():
            means[name].append(model.eval()(batch).mean.double().numpy())
    for name, model in models.items():
        model.train(states[name])
    return Forecasts({name: np.concatenate(parts) for name, parts in means.items()}, np.concatenate(truth))


def last_counts(batch: CountBatch) -> torch.Tensor:
    """What was counted last at every site, shape (b, s); 0 where nothing was."""
    year = torch.arange(batch.counts.shape[-1], device=batch.counts.device).expand_as(batch.counts)
    last = torch.where(batch.counted, year, -1).amax(-1, keepdim=True).clamp(min=0)
    return batch.seen.gather(-1, last).squeeze(-1)


def _mean(values: np.ndarray) -> float:
    """Of those that are numbers; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
