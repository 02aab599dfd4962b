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
from humboldt.foundations import Model, Pieces, choose, evaluating

from .adapt import with_channels
from .batch import GridBatch, GridPrediction
from .data import MonthDataset, open_months
from .month_files import opened_months, require_consecutive
from .rollout import rollout

Forecaster = Callable[[GridBatch, int], list[Tensor]]
"""A batch, and how many months ahead, to the fields of each."""
LONG = {"rmse": "root of the mean squared error over the grid and the samples", "mae": "mean absolute error"}


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
    wanted, data = _asked(model, source, lead_times, choices)
    return _from_windows(model, data, range(len(data) - 1, len(data)), wanted).isel(init_time=0, drop=True)


def month_pieces(
    model: Model, source: Any, lead_times: Sequence[float], along: str, *, batch_size: int = 4, **choices: Any
) -> Pieces:
    """The same after every month that has the months before it, `batch_size` of them a piece.

    Args:
        along: `time`, the only dimension that months are cut along; of the forecast it is `init_time`, the last month
            that is known.

    Raises:
        ValueError: another dimension, and as of `predict_months`.
    """
    if along != "time":
        raise ValueError(f"months are cut into pieces along 'time', got {along!r}; name it with along")
    wanted, data = _asked(model, source, lead_times, choices)

    def make(first: int, end: int) -> xr.Dataset:
        return _from_windows(model, data, range(first, end), wanted)

    return Pieces(len(data), batch_size, "init_time", make)


def _asked(
    model: Model, source: Any, lead_times: Sequence[float], choices: Mapping[str, Any]
) -> tuple[list[float], MonthDataset]:
    """Lead times, and windows of months of which the last one ends where the data end."""
    choose(open_months, choices)
    wanted = [float(t) for t in lead_times] or [1.0]
    if any(t != round(t) or t < 1 for t in wanted) or wanted != sorted(set(wanted)):
        raise ValueError(f"lead times of gridded ecosystems are whole months from 1 on, got {wanted}; round them")
    if not isinstance(source, MonthDataset):
        known = {"times": model.config.times, "groups": [group.name for group in model.config.groups]}
        source = open_months(_with_next(source), **{**known, **choices, "steps": 1})
    return wanted, with_channels(source, model.config.groups)


@torch.no_grad()
def _from_windows(model: Model, data: MonthDataset, windows: range, wanted: Sequence[float]) -> xr.Dataset:
    """Months ahead of some windows, dims (lead_time, init_time, [level,] latitude, longitude)."""
    batch, steps = data.batch(windows), {}
    for step, prediction in enumerate(rollout(model.eval(), batch, round(wanted[-1])), 1):
        if step in wanted:
            steps[step] = prediction
    ends = [data.windows[window] + data.times - 1 for window in windows]
    return _labelled(steps, batch, model, pd.DatetimeIndex(data.data["time"].values[ends]))


def _with_next(source: Any) -> xr.Dataset:
    """Months with an empty one after them, so that the last window ends where the data end; read when asked for."""
    data = opened_months(source)
    require_consecutive(data)
    data = data.chunk({"time": 1})
    after = pd.Timestamp(data["time"].values[-1]) + pd.DateOffset(months=1)
    return data.reindex(time=[*data["time"].values, np.datetime64(after)])


def _labelled(
    steps: Mapping[int, GridPrediction], batch: GridBatch, model: Model, last: pd.DatetimeIndex
) -> xr.Dataset:
    from .domain import Biodiversity

    science = Biodiversity()
    found = [science.to_xarray(p, batch, model.config).rename(sample="init_time") for p in steps.values()]
    units = {"units": "months", "standard_name": "forecast_period", "long_name": "lead time"}
    made = xr.concat(found, dim=xr.Variable("lead_time", [float(step) for step in steps], units))
    valid = np.stack([(last + pd.DateOffset(months=step)).to_numpy("datetime64[ns]") for step in steps])
    about = {"standard_name": "forecast_reference_time", "long_name": "last month that is known"}
    return made.assign_coords(
        init_time=("init_time", last.to_numpy("datetime64[ns]"), about),
        valid_time=(("lead_time", "init_time"), valid),
    ).assign_attrs(source=repr(model))


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
        weights = next(model.parameters())
        with evaluating(model):
            months = rollout(model, batch.to(weights.device, weights.dtype), steps)
            return [prediction.fields.to(batch.fields) for prediction in months]

    return forecast
