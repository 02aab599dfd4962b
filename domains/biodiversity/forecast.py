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

from .adapt import require_channels
from .batch import GridBatch, GridPrediction
from .data import MonthDataset, open_months
from .rollout import rollout

LONG = {"rmse": "root of the mean squared error over the grid and the samples", "mae": "mean absolute error"}


@torch.no_grad()
def predict_months(model: Model, source: Any, lead_times: Sequence[float] = (), **choices: Any) -> xr.Dataset:
    """The months after the last ones of the source, as a Dataset with dims (lead_time, [level,] latitude, longitude).

    Args:
        model: of gridded ecosystems.
        source: months, or what `open_months` takes; the last `times` months are the state.
        lead_times: whole months ahead, rising; the next month by default. The model is fed its own predictions.
        choices: of `open_months`.

    Raises:
        DataError: other channels than the model's, or too few months.
        ValueError: lead times that are not rising whole months.
    """
    wanted = [float(t) for t in lead_times] or [1.0]
    if any(t != round(t) or t < 1 for t in wanted) or wanted != sorted(set(wanted)):
        raise ValueError(
            f"lead times of gridded ecosystems are whole months from 1 on, got {wanted}; round them"
        )
    data = source if isinstance(source, MonthDataset) else open_months(_with_next(source), **choices)
    require_channels(model.config.groups, data.groups)
    batch = data.batch([len(data) - 1])
    steps = {}
    for step, prediction in enumerate(rollout(model.eval(), batch, round(wanted[-1])), 1):
        if step in wanted:
            steps[float(step)] = prediction
    last = pd.Timestamp(data.data["time"].values[data.windows[-1] + data.times - 1])
    return _labelled(steps, batch, model, last)


def _with_next(source: Any) -> Any:
    """Months with an empty one after them, so that the last window ends where the data end."""
    from .data import opened_months

    data = opened_months(source)
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
    """RMSE and MAE of the next month by forecast and channel, in the channels' units, persistence beside them."""
    if not len(data):
        raise DataError("scores need samples, got an empty part; choose another split")
    forecasters: dict[str, Callable[[GridBatch], Tensor]] = {"persistence": lambda batch: batch.fields[:, :, -1]}
    forecasters |= {name: _of(model) for name, model in models.items()}
    found: dict[str, list[Tensor]] = {name: [] for name in forecasters}
    for first in range(0, len(data), batch_size):
        batch = data.batch(range(first, min(first + batch_size, len(data))))
        assert batch.target is not None
        for name, forecaster in forecasters.items():
            error = (forecaster(batch) - batch.target).double().flatten(2)
            found[name].append(torch.stack([error.square().nanmean(2), error.abs().nanmean(2)]))
    table = torch.stack([torch.cat(errors, 1).nanmean(1) for errors in found.values()], 1)
    values = dict(zip(LONG, (table[0].sqrt(), table[1]), strict=True))
    units = [unit for g in data.groups for unit in g.units or ("",) * len(g.variables) for _ in range(g.tokens)]
    coords = {"forecast": list(found), "channel": list(data.names), "units": ("channel", units)}
    dims = ("forecast", "channel")
    return xr.Dataset({n: (dims, v.numpy(), {"long_name": LONG[n]}) for n, v in values.items()}, coords)


def _of(model: Model) -> Callable[[GridBatch], Tensor]:
    def forecast(batch: GridBatch) -> Tensor:
        weights, training = next(model.parameters()), model.training
        model.eval()
        try:
            fields: Tensor = model(batch.to(weights.device, weights.dtype)).fields
            return fields.to(batch.fields)
        finally:
            model.train(training)

    return forecast
