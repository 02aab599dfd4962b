"""Months ahead from labelled months, and how far off they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import Model

from .adapt import with_channels
from .batch import GridBatch, GridPrediction
from .data import MonthDataset, open_months
from .month_files import opened_months
from .rollout import rollout

Forecaster = Callable[[GridBatch, int], list[Tensor]]
"""A batch, and how many months ahead, to the fields of each."""
LONG = {"rmse": "root of the mean squared error over the grid and the samples", "mae": "mean absolute error"}


@torch.no_grad()
def predict_months(model: Model, source: Any, lead_times: Sequence[float] = (), **choices: Any) -> xr.Dataset:
    """The months after the last ones of the source, as a Dataset with dims (lead_time, [level,] latitude, longitude).

    Args:
        model: of gridded ecosystems.
        source: months, or what `open_months` takes; the last `times` months are the state.
        lead_times: whole months ahead, rising; the next month by default. The model is fed its own predictions.
        choices: of `open_months`; groups and months in are the model's.

    Raises:
        DataError: other channels than the model's, or too few months.
        ValueError: lead times that are not rising whole months.
    """
    wanted = [float(t) for t in lead_times] or [1.0]
    if any(t != round(t) or t < 1 for t in wanted) or wanted != sorted(set(wanted)):
        raise ValueError(f"lead times of gridded ecosystems are whole months from 1 on, got {wanted}; round them")
    if not isinstance(source, MonthDataset):
        known = {"times": model.config.times, "groups": [group.name for group in model.config.groups]}
        choices = {**known, **choices, "steps": 1}
        source = open_months(_with_next(source, choices["times"]), **choices)
    data = with_channels(source, model.config.groups)
    batch = data.batch([len(data) - 1])
    steps = {}
    for step, prediction in enumerate(rollout(model.eval(), batch, round(wanted[-1])), 1):
        if step in wanted:
            steps[float(step)] = prediction
    last = pd.Timestamp(data.data["time"].values[data.windows[-1] + data.times - 1])
    return _labelled(steps, batch, model, last)


def _with_next(source: Any, times: int) -> xr.Dataset:
    """The last months with an empty one after them, so that the window ends where the data end."""
    data = opened_months(source)
    data = data.isel(time=slice(-times, None))
    after = pd.Timestamp(data["time"].values[-1]) + pd.DateOffset(months=1)
    return data.reindex(time=[*data["time"].values, np.datetime64(after)])


def _labelled(steps: Mapping[float, GridPrediction], batch: GridBatch, model: Model, last: pd.Timestamp) -> xr.Dataset:
    from .domain import Biodiversity

    science = Biodiversity()
    found = [science.to_xarray(p, batch, model.config).isel(sample=0) for p in steps.values()]
    units = {"units": "months", "standard_name": "forecast_period", "long_name": "lead time"}
    made = xr.concat(found, dim=xr.Variable("lead_time", list(steps), units))
    valid = [np.datetime64(last + pd.DateOffset(months=round(step)), "ns") for step in steps]
    return made.assign_coords(valid_time=("lead_time", valid)).assign_attrs(source=repr(model))


@torch.no_grad()
def evaluate_months(models: Mapping[str, Model], data: MonthDataset, *, batch_size: int = 4) -> xr.Dataset:
    """RMSE and MAE by forecast, month ahead (where the data bring several) and channel, in the channels' units,
    persistence beside them."""
    if not len(data):
        raise DataError("scores need samples, got an empty part; choose another split")
    forecasters: dict[str, Forecaster] = {"persistence": _persistence}
    forecasters |= {name: _of(model) for name, model in models.items()}
    found: dict[str, list[Tensor]] = {name: [] for name in forecasters}
    for first in range(0, len(data), batch_size):
        batch = data.batch(range(first, min(first + batch_size, len(data))))
        assert batch.target is not None
        truth = [batch.target, *([] if batch.later is None else batch.later.unbind(2))]
        for name, forecaster in forecasters.items():
            errors = [(p - t).double().flatten(2) for p, t in zip(forecaster(batch, len(truth)), truth, strict=True)]
            found[name].append(torch.stack([torch.stack([e.square().nanmean(2), e.abs().nanmean(2)]) for e in errors]))
    table = torch.stack(
        [torch.cat(errors, 2).nanmean(2) for errors in found.values()]
    )  # forecast, month, score, channel
    values = dict(zip(LONG, (table[:, :, 0].sqrt(), table[:, :, 1]), strict=True))
    units = [unit for g in data.groups for unit in g.units or ("",) * len(g.variables) for _ in range(g.tokens)]
    ahead = ("lead_time", np.arange(1, data.steps + 1), {"units": "months", "standard_name": "forecast_period"})
    coords = {"forecast": list(found), "lead_time": ahead, "channel": list(data.names), "units": ("channel", units)}
    dims = ("forecast", "lead_time", "channel")
    scores = xr.Dataset({n: (dims, v.numpy(), {"long_name": LONG[n]}) for n, v in values.items()}, coords)
    return scores if data.steps > 1 else scores.isel(lead_time=0, drop=True)


def _persistence(batch: GridBatch, steps: int) -> list[Tensor]:
    return [batch.fields[:, :, -1]] * steps


def _of(model: Model) -> Forecaster:
    def forecast(batch: GridBatch, steps: int) -> list[Tensor]:
        weights, training = next(model.parameters()), model.training
        model.eval()
        try:
            months = rollout(model, batch.to(weights.device, weights.dtype), steps)
            return [prediction.fields.to(batch.fields) for prediction in months]
        finally:
            model.train(training)

    return forecast
