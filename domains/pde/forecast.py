"""Forecasts of labelled states: xarray in, xarray out."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.foundations import Model, Pieces, choose

from .batch import FieldBatch
from .config import Channel
from .evaluation import model_forecaster
from .layouts import split_components
from .resolution import at_their_resolution
from .rollout import check_lead_times
from .tasks import finer_state

log = logging.getLogger(__name__)


def predict_states(
    model: Model,
    state: Any,
    lead_times: float | Iterable[float],
    rollout: str = "direct",
    *,
    step: float | None = None,
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
            the equation, or a mask, may lack dims that the other variables have.
        lead_times: positive and rising, in the model's time units; any real numbers. 0, at once, is what the model has
            learned to say of a state itself (see `inversion`, `super_resolution`).
        rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps of `step`.
        step: length of a step in the model's time units; the shortest lead time by default.
        periodic: which space axes close on themselves; by default what the state says in its attribute `periodic`
            (names of the periodic dimensions), else none.
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
    if rollout not in ("direct", "autoregressive"):
        raise ValueError(f"a rollout is 'direct' or 'autoregressive', got {rollout!r}")
    absent = untaught(model) if absent is None else absent
    if finer != 1:
        state = finer_state(state, finer, axes=model.config.core.axes)
    fields, given = _fields(state, model, absent, missing)
    model = at_their_resolution(model, fields.shape[2:], resolution)
    space = given.dims[given.ndim - model.config.core.axes :]
    closed = _periodic(state, [str(d) for d in space], periodic)
    forecaster = model_forecaster(model, None if rollout == "direct" else step or times[0])
    chunks = []
    for first in range(0, len(fields), batch_size):
        chunk = torch.from_numpy(fields[first : first + batch_size])
        batch = FieldBatch(chunk, torch.zeros(len(chunk)), periodic=closed)
        chunks.append(torch.stack([p.fields for p in forecaster(batch, times)], dim=1))
    made = torch.cat(chunks).numpy()
    if missing == "mask":
        made = np.where(_outside(fields, model), np.float32(np.nan), made)
    return _labelled(made, state, given, model, times, {str(d) for d in space}, absent)


def state_pieces(
    model: Model, state: Any, lead_times: Iterable[float], along: str, *, batch_size: int = 16, **choices: Any
) -> Pieces:
    """The forecast of `predict_states`, cut along a dimension of the state; a piece is a batch.

    Raises:
        ValueError: no such dimension, or one of space.
    """
    choose(predict_states, choices)
    variables, axes = _variables(state), model.config.core.axes
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


def _fields(state: Any, model: Model, absent: Sequence[str], missing: str) -> tuple[np.ndarray, xr.DataArray]:
    """All leading dims flattened: (state, channel, *space) in float32; and one variable as the pattern."""
    variables, axes = _variables(state), model.config.core.axes
    named = [channel for channel in model.config.inputs if channel.name not in absent]
    if not named:
        raise ValueError("a forecast starts from at least one channel, but all of the model's inputs are in `absent`")
    here = [variables[c.name] for c in named if c.name in variables]
    whole = max(here, key=lambda v: v.ndim, default=None)  # others may lack some of its dims
    found = {c.name: _checked(variables, c, axes, whole, missing) for c in named}
    pattern = next(iter(found.values()))
    for name, variable in found.items():
        if variable.dims != pattern.dims or variable.shape != pattern.shape:
            raise ValueError(
                f"all variables of a state share their dimensions {dict(pattern.sizes)}, but {name!r} has "
                f"{dict(variable.sizes)}; transpose, broadcast or interpolate it"
            )
    nothing = np.full(pattern.shape, np.nan, dtype=np.float32)
    columns = [found[c.name].values if c.name in found else nothing for c in model.config.inputs]
    stacked = np.stack([np.asarray(c, dtype=np.float32) for c in columns], axis=-1 - axes)
    return stacked.reshape(-1, *stacked.shape[-1 - axes :]), pattern


def _variables(state: Any) -> xr.Dataset:
    if isinstance(state, xr.Dataset):
        return split_components(state)
    if not isinstance(state, xr.DataArray):
        raise TypeError(f"a state is an xarray Dataset or DataArray, got {type(state).__name__}; open it with xarray")
    if "channel" in state.dims:
        return state.to_dataset("channel")
    if state.name is None:
        raise ValueError("a DataArray without a `channel` dimension holds one channel under its name, got no name")
    return split_components(state.to_dataset())


def _checked(
    variables: xr.Dataset, channel: Channel, axes: int, whole: xr.DataArray | None, missing: str
) -> xr.DataArray:
    name = channel.name
    if name not in variables:
        near = difflib.get_close_matches(name, [str(v) for v in variables.data_vars], n=1)
        hint = f"; rename {near[0]!r}" if near else "; add it, or name it in `absent`"
        raise ValueError(
            f"the model needs the variable {name!r}, the state has {sorted(map(str, variables.data_vars))}{hint}"
        )
    variable = variables[name]
    units = str(variable.attrs.get("units", channel.units)).strip() or "1"
    if units != channel.units:
        raise ValueError(
            f"the model takes {name!r} in units of {channel.units!r}, the state has {units!r}; convert the values and "
            "set attrs['units']"
        )
    if whole is not None and set(variable.dims) < set(whole.dims):
        variable = variable.broadcast_like(whole).transpose(*whole.dims).assign_attrs(variable.attrs)
    space = variable.dims[-axes:]
    if variable.ndim < axes or {"sample", "time", "channel"} & set(space):
        raise ValueError(
            f"a state has dims (..., *space) with {axes} space axes at the end, but {name!r} has {variable.dims}; "
            "select or transpose"
        )
    infinite, lost = int(np.isinf(variable.values).sum()), int(np.isnan(variable.values).sum())
    if infinite or (lost and missing == "error"):
        where = "fill them" if infinite else "fill them, or say that they are outside of the domain with missing='mask'"
        raise ValueError(
            f"a state is finite everywhere, but {name!r} has {infinite + lost} NaN or infinite values; {where}"
        )
    return variable


def _periodic(
    state: xr.Dataset | xr.DataArray, space: list[str], given: bool | Sequence[bool] | None
) -> tuple[bool, ...]:
    said = state.attrs.get("periodic") if given is None else given
    if said is None:
        log.info("the state does not say whether it is periodic: taken as not periodic; periodic=True says it is")
        return (False,) * len(space)
    if isinstance(said, bool | np.bool_ | int | np.integer):
        return (bool(said),) * len(space)
    if given is None:
        names = said.replace(",", " ").split() if isinstance(said, str) else [str(n) for n in np.atleast_1d(said)]
        return tuple(d in names for d in space)
    if len(said) != len(space):
        raise ValueError(f"`periodic` says True or False, or one of them for each of {space}, got {list(said)}")
    return tuple(bool(p) for p in said)


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
    variables = _variables(state)
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
    if np.issubdtype(time.dtype, np.datetime64):
        seconds = _SECONDS.get(units)
        if seconds is None:
            return None
        ahead = (out["lead_time"] * seconds * 1e9).round().astype("timedelta64[ns]")
        valid = time + ahead
    elif np.issubdtype(time.dtype, np.number) and time.attrs.get("units", "1") == units:
        valid = time + out["lead_time"]
    else:
        return None
    valid.attrs = {**({"units": units} if valid.dtype.kind == "f" else {}), "long_name": "time that is forecast"}
    return valid


_SECONDS = {"s": 1.0, "seconds": 1.0, "min": 60.0, "h": 3600.0, "hours": 3600.0, "d": 86400.0, "days": 86400.0}
