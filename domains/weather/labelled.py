"""Batches and predictions as xarray objects, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError

from .batch import WeatherBatch, WeatherPrediction
from .channels import Channel
from .grid import Grid
from .masking import TokenMask
from .time import hours_between

ROLES = {"fields": ("frame",), "static": (), "climate": (), "target": ()}
PLACE = {
    "latitude": {"units": "degrees_north", "standard_name": "latitude", "axis": "Y"},
    "longitude": {"units": "degrees_east", "standard_name": "longitude", "axis": "X"},
}
TIMES = {
    "init_time": {"standard_name": "forecast_reference_time", "long_name": "start of the forecast"},
    "lead_time": {"standard_name": "forecast_period", "long_name": "lead time", "units": "hours"},
    "valid_time": {"standard_name": "time", "long_name": "time of the prediction"},
}


def batch_to_xarray(batch: WeatherBatch) -> xr.Dataset:
    """Everything that a batch holds; `batch_from_xarray` gives it back, bit for bit.

    One variable per channel and role, dims (sample, [frame], latitude, longitude); NetCDF and Zarr keep all of it.

    Raises:
        DataError: a batch without a grid, or without names.
    """
    if batch.grid is None or not batch.channels:
        raise DataError("a batch is labelled by its channels and its grid, got one without; open the data with them")
    made: dict[str, Any] = {}
    for role, more in ROLES.items():
        values = getattr(batch, role)
        channels = batch.static_channels if role == "static" else batch.channels
        if values is None:
            continue
        for index, channel in enumerate(channels):
            field = values[..., index, :, :].detach().cpu().numpy()
            attrs = {"role": role, **_attributes(channel), "channel": channel.variable}
            attrs |= {"level": channel.level, "level_kind": channel.level_kind} if channel.level is not None else {}
            made[f"{role}.{channel.name}"] = (("sample", *more, *PLACE), field, attrs)
    if batch.mask is not None:
        for part in ("hidden", "seen"):
            index = getattr(batch.mask, part).cpu().numpy()
            made[f"mask.{part}"] = (("sample", *(["unit"] if index.ndim == 3 else []), part), index)
    coords: dict[str, Any] = {name: (name, list(getattr(batch.grid, name)), attrs) for name, attrs in PLACE.items()}
    coords |= {name: ("sample", getattr(batch, name).cpu().numpy()) for name in ("lead_time", "input_time")}
    coords |= {"time": ("sample", _array(batch.time))} if batch.time else {}
    data = xr.Dataset(made, coords, {"Conventions": "CF-1.10"})
    for name in ("lead_time", "input_time"):  # hours as numbers: decoding must leave them alone
        data[name].attrs = {"long_name": name.replace("_", " "), "comment": "hours"}
    return data


def batch_from_xarray(data: xr.Dataset) -> WeatherBatch:
    """The batch that `batch_to_xarray` made into this Dataset.

    Raises:
        DataError: it was made by something else.
    """
    found: dict[str, list[tuple[Channel, Tensor]]] = {role: [] for role in ROLES}
    for variable in data.data_vars.values():
        if variable.attrs.get("role") in found:
            found[variable.attrs["role"]].append((_channel(variable.attrs), torch.from_numpy(variable.values.copy())))
    if not found["fields"]:
        raise DataError("a batch is read from what batch_to_xarray wrote, got other data; use open_weather")
    stacked = {role: torch.stack([x for _, x in parts], dim=-3) for role, parts in found.items() if parts}
    channels, static = (tuple(c for c, _ in found[role]) for role in ("fields", "static"))
    nothing = torch.zeros(data.sizes["sample"], 0, data.sizes["latitude"], data.sizes["longitude"])
    parts = {
        p: torch.from_numpy(data[f"mask.{p}"].values.astype(np.int64))
        for p in ("hidden", "seen")
        if f"mask.{p}" in data
    }
    return WeatherBatch(
        fields=stacked["fields"],
        static=stacked.get("static", nothing),
        climate=stacked.get("climate"),
        target=stacked.get("target"),
        lead_time=torch.from_numpy(data["lead_time"].values.copy()),
        input_time=torch.from_numpy(data["input_time"].values.copy()),
        mask=TokenMask(**parts) if parts else None,
        channels=channels,
        static_channels=static,
        grid=Grid(*(tuple(data[name].values.tolist()) for name in PLACE)),
        time=tuple(data["time"].values) if "time" in data.coords else (),
    )


def forecast_to_xarray(
    prediction: WeatherPrediction,
    start: Sequence[Any],
    about: dict[str, Any],
    number: Sequence[int] | Sequence[str] = (),
) -> xr.Dataset:
    """One lead time of a forecast, as the CF conventions have it.

    Dims (lead_time, [number], init_time, [level], latitude, longitude); `init_time` is that of the initial state,
    `valid_time` that of the prediction. Channels of one variable on several levels become one variable.

    Args:
        prediction: one sample per member and initial state, all states of a member together.
        start: times of the initial states.
        about: attributes of the Dataset.
        number: of the members, or what they are called, where there are any.
    """
    grid, runs = prediction.grid, max(1, len(number)) * len(start)
    if grid is None or not prediction.channels or len(prediction.time) != runs:
        raise DataError("a forecast is labelled by channels, grid and times, got a prediction without; name them all")
    hours = [hours_between(a, b) for a, b in zip([*start] * max(1, len(number)), prediction.time, strict=True)]
    if np.ptp(hours) > 1e-6:
        raise DataError(f"the samples of one forecast share their lead time, got {sorted(set(hours))} hours")
    before = ("lead_time", *(["number"] if len(number) else []), "init_time")
    shape = (1, *([len(number)] if len(number) else []), len(start))
    made, fields = {}, prediction.fields.detach().cpu().numpy()
    for variable in dict.fromkeys(c.variable for c in prediction.channels):
        of = [(i, c) for i, c in enumerate(prediction.channels) if c.variable == variable]
        values = fields[:, [i for i, _ in of]].reshape(*shape, len(of), *grid.shape)
        whole = xr.DataArray(values, dims=(*before, "level", *PLACE), attrs=_attributes(of[0][1]))
        if of[0][1].level is None:
            made[variable] = whole.isel(level=0)
        else:
            level = xr.Variable("level", [float(c.level or 0) for _, c in of], _level_attributes(of[0][1]))
            made[variable] = whole.assign_coords(level=level)
    coords: dict[str, Any] = {name: (name, list(getattr(grid, name)), attrs) for name, attrs in PLACE.items()}
    if len(number):
        words = isinstance(number[0], str)
        about_members = {"standard_name": "realization", **({} if words else {"units": "1"})}
        coords["number"] = ("number", np.array(number, dtype=object if words else np.int64), about_members)
    coords["init_time"] = ("init_time", _array(start), TIMES["init_time"])
    coords["lead_time"] = ("lead_time", [float(hours[0])], TIMES["lead_time"])
    valid = _array(prediction.time[: len(start)])[None]
    coords["valid_time"] = (("lead_time", "init_time"), valid, TIMES["valid_time"])
    return xr.Dataset(
        made, attrs={"Conventions": "CF-1.10", "title": "Forecast of the atmosphere", **about}
    ).assign_coords(coords)


def states_to_xarray(
    prediction: WeatherPrediction,
    times: Sequence[Any],
    about: dict[str, Any],
    number: Sequence[int] | Sequence[str] = (),
) -> xr.Dataset:
    """States at these times as the CF conventions have it, dims ([number], time, [level], latitude, longitude)."""
    labelled = forecast_to_xarray(prediction, times, about, number).isel(lead_time=0, drop=True)
    labelled = labelled.drop_vars("valid_time").rename(init_time="time")
    labelled["time"].attrs = {"standard_name": "time", "axis": "T"}
    return labelled


def _attributes(channel: Channel) -> dict[str, Any]:
    named = {"standard_name": channel.standard_name, "long_name": channel.long_name or channel.variable}
    return {"units": channel.units, **{k: v for k, v in named.items() if v}}


def _level_attributes(channel: Channel) -> dict[str, str]:
    if channel.level_kind == "hPa":
        return {"units": "hPa", "standard_name": "air_pressure", "positive": "down", "axis": "Z"}
    return {"units": "1", "standard_name": "model_level_number", "positive": "down", "axis": "Z"}


def _channel(attrs: dict[str, Any]) -> Channel:
    known = {f.name for f in dataclasses.fields(Channel)}
    given = {k: v for k, v in attrs.items() if k in known} | {"variable": attrs["channel"]}
    if given.get("long_name") == given["variable"]:
        given.pop("long_name")
    return Channel(**{**given, **({"level": float(given["level"])} if "level" in given else {})})


def _array(times: Sequence[Any]) -> np.ndarray:
    if all(isinstance(t, np.datetime64) for t in times):
        return np.array([t.astype("datetime64[ns]") for t in times])
    made = np.empty(len(times), object)
    made[:] = list(times)
    return made
