"""Forecasts from data: any lead time, step by step, written as they are made."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, Pieces, choose, evaluating, step_of, tensors_hash

from .batch import WeatherBatch, WeatherPrediction
from .channels import require_finite
from .data import open_weather
from .dataset import WeatherDataset
from .labelled import forecast_to_xarray
from .rollout import rollout
from .samples import Sample
from .time import add_hours, later


def open_states(model: Model, source: Any, **choices: Any) -> WeatherDataset:
    """Data as initial states of a model: its channels in its units, no targets asked for.

    Raises:
        ValueError: a dataset, which is open, and choices of how to open it.
    """
    if isinstance(source, WeatherDataset):
        if choices:
            raise ValueError(
                f"a dataset is taken as it was opened, got {', '.join(choices)} beside one; give these to open_weather "
                "when it is opened, or give the path instead"
            )
        return source.arranged(model.config.inputs, model.config.outputs, model.config.static)
    choose(open_weather, choices)
    config = model.config
    wanted = {"channels": config.channels, "static": config.static, "input_times": config.input_times}
    return open_weather(source, **{**wanted, "lead_times": [0], "targets": False, **choices})


@torch.no_grad()
def forecast(
    model: Model,
    source: Any,
    lead_times: Iterable[float | int],
    *,
    step: float | int | None = None,
    start: Sequence[int] = (-1,),
    blank: bool = False,
    **choices: Any,
) -> Iterator[xr.Dataset]:
    """Yield the state at each lead time as a CF Dataset; one of them is in memory at a time.

    Args:
        model: a weather model.
        source: a dataset, or what `open_weather` takes.
        lead_times: positive and rising, in hours.
        step: hours of the steps of a rollout, of which lead times are multiples; None predicts each lead time at once.
        start: which of the states to start from; the last one by default. All members of an ensemble start there. Of a
            dataset they are those of its samples: without `targets=False` the last one has its target in the data.
        blank: whether a start with a field in which nothing is known, or a target without a climatology that the model
            corrects, gives NaN; it is refused by default.
        choices: of `open_weather`, such as `climatology`, `input_steps` or `west`.

    Raises:
        ValueError: lead times that do not rise or are no multiples of the step.
        DataError: the data do not fit the model.
    """
    hours = [float(h) for h in lead_times]
    if not hours or any(b <= a for a, b in zip([0.0, *hours], hours, strict=False)):
        raise ValueError(f"lead times are positive and rise, got {hours}; name them in hours, such as [6, 12, 24]")
    data = open_states(model, source, **choices)
    members = _starts(data)
    runs = [dataclasses.replace(of[i], target=None) for of in members.values() for i in start]
    first = told(data, data.collate(runs), hours[0] if step is None else step, runs)
    unknown = _without_values(first, blank)
    empty = functools.partial(_without_climate, blank=blank) if model.config.residual == "climate" else _none
    labels: dict[str, Any] = {"start": first.time[: len(start)], "number": data.number(members)}
    weights = next(model.parameters())
    about = {**model_about(model), "history": "forecast made with humboldt"}
    with evaluating(model):
        if step is None:
            for lead in hours:
                asked = told(data, first, lead, runs)
                lacking = unknown | empty(asked)
                prediction = model(asked.to(weights.device, weights.dtype))
                yield forecast_to_xarray(_blanked(prediction, lacking), about=about, **labels)
            return
        if any(abs(h / step - round(h / step)) > 1e-6 for h in hours):
            raise ValueError(f"lead times of a rollout are multiples of its step of {step:g} hours, got {hours}")

        def ahead(_: int, batch: WeatherBatch) -> WeatherBatch:
            batch = told(data, batch, step, runs)
            unknown.logical_or_(empty(batch))
            return batch.to(weights.device, weights.dtype)

        unknown.logical_or_(empty(first))
        begun = first.to(weights.device, weights.dtype)
        for count, prediction in enumerate(rollout(model, begun, round(hours[-1] / step), ahead), 1):
            if any(round(h / step) == count for h in hours):
                yield forecast_to_xarray(_blanked(prediction, unknown), about=about, **labels)


def forecast_pieces(
    model: Model,
    source: Any,
    lead_times: Sequence[float],
    along: str,
    *,
    rollout: str = "direct",
    step: float | int | None = None,
    batch_size: int = 4,
    **choices: Any,
) -> Pieces:
    """Forecasts from every time of the data that has the states before it, `batch_size` initial times a piece.

    From a time at which nothing is known of a field the forecast is NaN.

    Args:
        along: `time`, the only dimension that data of the atmosphere are cut along; of the forecast it is `init_time`.
        rollout, step: of `Weather.predict`.
        choices: of `forecast` and `open_weather`, without `start`.

    Raises:
        ValueError: another dimension, or a choice of initial times.
    """
    if along != "time" or "start" in choices:
        got = f"start={choices['start']}" if "start" in choices else repr(along)
        raise ValueError(
            f"forecasts in pieces start from every time of the data, along 'time', got {got}; leave it out"
        )
    length = step_of(rollout, step, next(iter(lead_times), None))
    data = open_states(model, source, **choices)
    count = len(next(iter(_starts(data).values())))

    def make(first: int, end: int) -> xr.Dataset:
        steps = forecast(model, data, lead_times, step=length, start=range(first, end), blank=True)
        return xr.concat(list(steps), dim="lead_time", data_vars="minimal")

    return Pieces(count, batch_size, "init_time", make)


def write_forecast(steps: Iterable[xr.Dataset], path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Write the lead times of a forecast as they come, to a Zarr store (`.zarr`) or a NetCDF file; returns the path.

    Args:
        steps: of `forecast`.
        path: where it lies when all of it is written.
        overwrite: replace what is there.

    Raises:
        DataError: the path is taken, or there are no lead times.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise DataError(f"a forecast is written to a new file, {path} is there; remove it or choose another name")
    aside, count = path.with_name(f".writing-{path.name}"), 0
    _remove(aside)
    for count, step in enumerate(steps, 1):
        if path.suffix == ".zarr":
            more: dict[str, Any] = {"mode": "w"} if count == 1 else {"append_dim": "lead_time"}
            step.to_zarr(aside, consolidated=False, encoding=_encoding(step) if count == 1 else None, **more)
        elif count == 1:
            step.to_netcdf(aside, unlimited_dims=["lead_time"], encoding=_encoding(step))
        else:
            _append(step, aside)
    if not count:
        raise DataError("a forecast has at least one lead time, got none")
    _remove(path)
    os.replace(aside, path)
    return path


def write_states(states: xr.Dataset, path: Path) -> None:
    """Write states whole to a Zarr store (`.zarr`) or a NetCDF file; what is there is replaced."""
    aside = path.with_name(f".writing-{path.name}")
    _remove(aside)
    states.to_zarr(aside, consolidated=False) if path.suffix == ".zarr" else states.to_netcdf(aside)
    _remove(path)
    os.replace(aside, path)


def _starts(data: WeatherDataset) -> dict[int, list[Sample]]:
    """The samples of every member, the first of each last state: they may have several lead times and input steps."""
    members: dict[int, dict[int, Sample]] = {}
    for sample in data.samples:
        members.setdefault(sample.member, {}).setdefault(sample.inputs[-1], sample)
    return {member: [*members[member].values()] for member in sorted(members)}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _without_values(batch: WeatherBatch, blank: bool) -> torch.Tensor:
    """Which samples have a field in which nothing is known; gaps are taken as they are.

    Raises:
        DataError: there are such samples and they are not to be `blank`, or values that are no numbers.
    """
    require_finite(batch.channels, batch.fields.nan_to_num(0.0, torch.inf, -torch.inf).abs().amax((0, 1, 3, 4)).numpy())
    unknown = batch.fields.isnan().all(-1).all(-1).any(1)  # sample, channel
    if unknown.any() and not blank:
        names = [c.name for c, nothing in zip(batch.channels, unknown.any(0).tolist(), strict=True) if nothing]
        raise DataError(
            f"a forecast starts from fields with values, but {names} are NaN everywhere at {batch.time[0]} or before; "
            "fill them (see fill_gaps), or start from another time"
        )
    return unknown.any(1)


def _blanked(prediction: WeatherPrediction, unknown: torch.Tensor) -> WeatherPrediction:
    """NaN for the samples that started from nothing."""
    fields = prediction.fields.masked_fill(unknown.to(prediction.fields.device)[:, None, None, None], torch.nan)
    return dataclasses.replace(prediction, fields=fields)


def _without_climate(batch: WeatherBatch, blank: bool) -> torch.Tensor:
    """Which samples have a channel without any climatology at their target.

    Raises:
        DataError: there are such samples and they are not to be `blank`.
    """
    if batch.climate is None:  # the model says so itself
        return _none(batch)
    unknown = batch.climate.isnan().all(-1).all(-1)  # sample, channel
    if unknown.any() and not blank:
        sample, channel = unknown.nonzero()[0].tolist()
        raise DataError(
            f"a model that corrects a climatology needs its values at every target, got none of "
            f"{batch.channels[channel].name} at {later(batch.time, batch.lead_time)[sample]}; make one of more years, "
            "or with a wider window"
        )
    return unknown.any(1)


def _none(batch: WeatherBatch) -> torch.Tensor:
    return torch.zeros(len(batch), dtype=torch.bool)


def told(data: WeatherDataset, batch: WeatherBatch, lead: float | int, begun: Sequence[Sample]) -> WeatherBatch:
    """The batch with the calendar of its newest state, and with the climatology of its target; other static fields (the
    ground of a member, sea ice) are those of the samples with which the forecast has `begun`."""
    starts = [(s.inputs[-1], s.member) for s in begun]
    static = np.stack([data.static_at_time(t, *start) for t, start in zip(batch.time, starts, strict=True)])
    climate = None
    if data.climatology is not None:
        climate = torch.from_numpy(np.stack([data.expected(add_hours(t, lead)) for t in batch.time]))
    return dataclasses.replace(
        batch,
        static=torch.from_numpy(static),
        climate=climate,
        lead_time=torch.full_like(batch.lead_time, float(lead)),
    )


def _append(step: xr.Dataset, path: Path) -> None:
    with netCDF4.Dataset(path, "a") as file:
        place = file.dimensions["lead_time"].size
        for name in [*step.data_vars, "lead_time", "valid_time"]:
            variable, given = file[str(name)], step[name]
            values = _numbers(given, variable) if name == "valid_time" else given.values
            index = tuple(slice(place, place + 1) if d == "lead_time" else slice(None) for d in given.dims)
            variable[index] = values


def _numbers(times: xr.DataArray, variable: Any) -> np.ndarray:
    """Times in the units of a variable of the file."""
    dates = [t.astype("datetime64[s]").astype(object) if times.dtype.kind == "M" else t for t in times.values.ravel()]
    return np.asarray(netCDF4.date2num(dates, variable.units, variable.calendar)).reshape(times.shape)


def _encoding(step: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Times counted in hours from one date, so that later lead times fit; fields without a fill value where none is."""
    first = str(step["init_time"].values.ravel()[0])[:10]
    times = {"units": f"hours since {first} 00:00:00", "dtype": "float64", "_FillValue": None}
    plain: dict[str, dict[str, Any]] = {str(name): {"_FillValue": None} for name in step.coords}
    return plain | {"init_time": times, "valid_time": times, "lead_time": {"dtype": "float64", "_FillValue": None}}


def model_about(model: Model) -> dict[str, str]:
    """What a file says of the model that made it: with the SHA-256 of the file that its weights were read from, else of
    the one that they would be saved as."""
    known = model.provenance.get("loaded", {}).get("sha256") or model.provenance.get("sha256")
    return {"source": repr(model), "weights_sha256": str(known or tensors_hash(model.state_dict()))}
