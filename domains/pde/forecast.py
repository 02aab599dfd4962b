"""Forecasts of labelled states: xarray in, xarray out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.foundations import Model, Pieces, choose, step_of

from .batch import FieldBatch
from .evaluation import model_forecaster
from .resolution import at_their_resolution
from .rollout import check_lead_times
from .states import closed_axes, from_forecast, oriented, state_fields, state_variables
from .tasks import finer_state

log = logging.getLogger(__name__)


def predict_states(
    model: Model,
    state: Any,
    lead_times: float | Iterable[float],
    rollout: str = "direct",
    *,
    step: float | int | None = None,
    dims: Mapping[str, str] | None = None,
    periodic: bool | Sequence[bool] | None = None,
    absent: Sequence[str] | None = None,
    missing: str = "error",
    finer: int = 1,
    resolution: int | None = None,
    batch_size: int = 16,
) -> xr.Dataset:
    """The state after each of `lead_times`.

    Args:
        model: a forecaster.
        state: a Dataset with one variable per channel of the model, by name, with dims (..., *space); leading dims such
            as sample or time are kept. A variable with a dimension `component` holds several, as when it was trained
            on (velocity: velocity_x, velocity_y), and so does a DataArray with a dimension `channel`. A parameter of
            the equation, or a mask, may lack dims that the other variables have. One lead time of a forecast is a state
            of the time that it was forecast for: lead times count from there.
        lead_times: positive and rising, in the model's time units; any real numbers. 0, at once, is what the model has
            learned to say of a state itself (see `inversion`, `super_resolution`).
        rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps of `step`.
        step: length of a step in the model's time units; the shortest lead time by default.
        dims: {axis: dimension of the state} where names do not tell which axis is x, y or z; by default as the data
            were opened that the model was tuned on. Axes may come in any order, and come back in theirs.
        periodic: which space axes close on themselves; by default what the state says in its attribute `periodic`
            (names of the periodic dimensions), else as the data did that the model was tuned on, else none.
        absent: input channels that the state lacks; they enter as the model's mean and are not returned. By default
            those that the data which the model was tuned on lacked too.
        missing: NaN is an error, or a place outside of the domain (`mask`): it enters as the model's mean, and is NaN
            in what is predicted.
        finer: the forecast has so many times the state's points along each axis, see `finer_state`.
        resolution: points along each axis of the grid that the model works on, for states of the domain that it was
            tuned on which are on another grid, see `at_resolution`.
        batch_size: states at a time.

    Returns:
        The predicted variables with dims (..., lead_time, *space); coordinates and attributes of the state are kept,
        `lead_time` has the model's time units, and `valid_time` is added where the state has a time coordinate.

    Raises:
        ValueError: missing variables, other units, other dimensions, values that are not finite, bad lead times.
    """
    times = [float(t) for t in np.atleast_1d(np.asarray(lead_times, dtype=float))]
    check_lead_times(times, at_once=rollout == "direct")
    if missing not in ("error", "mask"):
        raise ValueError(f"missing values are an 'error' or a 'mask', got {missing!r}; choose one of them")
    length = step_of(rollout, step, times[0])
    absent = untaught(model) if absent is None else absent
    state, axes = oriented(from_forecast(state), model, dims)
    if finer != 1:
        state = finer_state(state, finer, axes=model.config.core.axes)
    fields, given = state_fields(state, model, absent, missing)
    model = at_their_resolution(model, fields.shape[2:], resolution)
    space = [str(dim) for dim in given.dims[given.ndim - model.config.core.axes :]]
    closed = closed_axes(state, space, periodic, model, axes)
    _say_far(times if length is None else [length], model)
    forecaster = model_forecaster(model, length)
    chunks = []
    for first in range(0, len(fields), batch_size):
        chunk = torch.from_numpy(fields[first : first + batch_size])
        batch = FieldBatch(chunk, torch.zeros(len(chunk)), periodic=closed)
        chunks.append(torch.stack([p.fields for p in forecaster(batch, times)], dim=1))
    made = torch.cat(chunks).numpy()
    if missing == "mask":
        made = np.where(_outside(fields, model), np.float32(np.nan), made)
    return axes.restored(_labelled(made, state, given, model, times, set(space), absent))


def _say_far(steps: Sequence[float], model: Model) -> None:
    """Warn of steps that are longer than those of the data which a model was tuned on."""
    taught = model.provenance.get("data", {}).get("train", {}).get("times") or [0.0]
    if taught[-1] and max(steps) > 1.001 * taught[-1]:
        log.warning(
            "the model has learned lead times up to %g %s, got %g: what it says of longer ones is a guess; go there in "
            "steps (rollout='autoregressive')",
            taught[-1], model.config.time_units, max(steps),
        )  # fmt: skip


def state_pieces(
    model: Model, state: Any, lead_times: Iterable[float], along: str, *, batch_size: int = 16, **choices: Any
) -> Pieces:
    """The forecast of `predict_states`, cut along a dimension of the state; a piece is a batch.

    Raises:
        ValueError: no such dimension, or one of space.
    """
    choose(predict_states, choices)
    known, _ = oriented(state, model, choices.get("dims"))  # its space axes are the last ones
    variables, axes = state_variables(known), model.config.core.axes
    whole = max(variables.data_vars.values(), key=lambda v: v.ndim)  # others may lack some of its dims
    leading = [str(dim) for dim in whole.dims[:-axes]]
    if along not in leading:
        raise ValueError(
            f"a forecast in pieces is cut along a dimension of independent states, one of {leading}, got {along!r}; "
            "name it with along"
        )
    times = [float(t) for t in np.atleast_1d(np.asarray(lead_times, dtype=float))]

    def make(first: int, end: int) -> xr.Dataset:
        part = state.isel({along: slice(first, end)}).load()
        return predict_states(model, part, times, batch_size=batch_size, **choices)

    return Pieces(variables.sizes[along], batch_size, along, make)


def untaught(model: Model) -> list[str]:
    """Input channels of a tuned model that its training data did not have, so that they carry nothing."""
    taught = model.provenance.get("data", {}).get("train", {}).get("variables")
    return [] if taught is None else [c.name for c in model.config.inputs if c.name not in taught]


def _outside(fields: np.ndarray, model: Model) -> np.ndarray:
    """Where a prediction is not asked for, (state, 1, output, *space): a channel is NaN, or, of one that is not among
    the inputs, all that came in."""
    lost, names = np.isnan(fields), [c.name for c in model.config.inputs]
    nowhere = lost.all(axis=1)
    columns = [lost[:, names.index(c.name)] if c.name in names else nowhere for c in model.config.outputs]
    return np.stack(columns, axis=1)[:, None]


def _labelled(
    made: np.ndarray,
    state: xr.Dataset | xr.DataArray,
    given: xr.DataArray,
    model: Model,
    times: list[float],
    space: set[str],
    absent: Sequence[str],
) -> xr.Dataset:
    """From (state, lead time, channel, *space) to named variables with the state's labels."""
    leading = [d for d in given.dims if d not in space]
    dims = (*leading, "lead_time", *given.dims[len(leading) :])
    variables = state_variables(state)
    columns = {}
    for index, channel in enumerate(model.config.outputs):
        if channel.name in absent:
            continue
        kept = variables[channel.name].attrs if channel.name in variables else {}
        values = made[:, :, index].reshape(*given.shape[: len(leading)], len(times), *made.shape[3:])
        columns[channel.name] = (dims, values, {**kept, "units": channel.units})
    units = model.config.time_units
    described = {"units": units, "standard_name": "forecast_period", "long_name": "lead time"}
    writable = {name: value for name, value in state.attrs.items() if not isinstance(value, dict)}
    out = xr.Dataset(columns, attrs={**writable, "source": repr(model)})
    out = out.assign_coords({k: v for k, v in given.coords.items() if k != "channel"})
    out = out.assign_coords(lead_time=("lead_time", times, described))
    valid = _valid_time(out, units)
    return out if valid is None else out.assign_coords(valid_time=valid)


def _valid_time(out: xr.Dataset, units: str) -> xr.DataArray | None:
    """time + lead_time, where both are known to count in the same way."""
    if "time" not in out.coords:
        return None
    time = out["time"]
    if time.dtype.kind in "mMO":  # dates of other calendars are objects
        seconds = _SECONDS.get(units)
        if seconds is None:
            return None
        ahead = (out["lead_time"] * seconds * 1e9).round().astype("timedelta64[ns]")
        if time.dtype.kind == "O":
            spans = np.asarray(pd.to_timedelta(ahead.values).to_pytimedelta(), dtype=object)
            valid = xr.DataArray(np.add.outer(time.values, spans), dims=(*time.dims, "lead_time"))
        else:
            valid = time + ahead
    elif np.issubdtype(time.dtype, np.number) and time.attrs.get("units", "1") == units:
        valid = time + out["lead_time"]
    else:
        return None
    valid.attrs = {**({"units": units} if valid.dtype.kind == "f" else {}), "long_name": "time that is forecast"}
    return valid


_SECONDS = {
    **dict.fromkeys(("s", "seconds"), 1.0),
    **dict.fromkeys(("min", "minutes"), 60.0),
    **dict.fromkeys(("h", "hours"), 3600.0),
    **dict.fromkeys(("d", "days"), 86400.0),
}
