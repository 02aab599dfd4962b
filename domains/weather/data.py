"""Opening analyses on disk as a dataset of samples."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean, say_amplification

from .analyses import open_lazily, starting_at
from .channels import Channel
from .climatology import open_climatology
from .columns import channels_of, columns_of
from .dataset import WeatherDataset
from .forcings import KNOWN
from .grid import Grid
from .periods import counted
from .samples import enumerate_samples

PLACE = tuple(Channel(variable=name, units="radian") for name in ("latitude", "longitude"))
CALENDAR = tuple(
    Channel(variable=name) for name in ("cos_day_of_year", "sin_day_of_year", "cos_hour_of_day", "sin_hour_of_day")
)


def open_weather(
    source: Any,
    *,
    channels: Sequence[Channel] | None = None,
    variables: Sequence[str] | None = None,
    levels: Sequence[float | int] | None = None,
    static: Sequence[Channel | str] | None = None,
    climatology: Any = None,
    input_times: int = 2,
    input_steps: Sequence[float | int] | None = None,
    lead_times: Sequence[float | int] | None = None,
    targets: bool = True,
    units: Mapping[str, str] | None = None,
    dims: Mapping[str, str] | None = None,
    west: float | int | None = None,
    without_north_pole: bool = False,
    region: Sequence[float | int] | None = None,
    fill: Mapping[str, float] | None = None,
    split: Mapping[str, Any] | None = None,
) -> WeatherDataset:
    """Open states of the atmosphere; nothing but coordinates is read yet.

    Args:
        source: NetCDF, GRIB or Zarr (a path, pattern, folder, URL or list of them), or an xarray object.
        channels: what is wanted, such as `model.config.channels`: each is looked up by name, then by other names of the
            same quantity, and converted to its units. By default all that the data have.
        variables, levels: choose among what the data have, by their own names; levels in hPa, or model levels.
        static: names of `forcings.KNOWN`, fields of the data, or channels; by default place and calendar.
        climatology: of the target times, see `open_climatology`.
        input_times, input_steps, lead_times, targets: see `enumerate_samples`; `targets=False` is for inference.
        units: {variable: units} where a label is missing or wrong.
        dims, west: see `open_analyses`.
        without_north_pole: leave out the last row, as Prithvi WxC does with MERRA-2.
        region: (south, north, west, east) in degrees; west may lie east of east (170, -170 crosses the dateline).
        fill: {variable: value} for missing values that mean something; all others stay NaN and count as missing.
        split: {name: (first time, last time)} of the parts; or shares or numbers of states, one part after the other.

    Raises:
        DataError: the data break a rule; the message states it, the value and the cure.
        FileNotFoundError: there is no such file.
    """
    counted(split or {})  # checks itself
    data = relabelled(open_lazily(source, dims=dims, west=west), units or {})
    if "time" not in data.dims:
        raise DataError(
            f"states have times, but the data have only the dimensions {sorted(map(str, data.dims))}; add one with "
            "data.expand_dims(time=[...])"
        )
    if without_north_pole and float(data["latitude"][-1]) > 90 - 1e-6:
        data = data.isel(latitude=slice(None, -1))
    data = data if region is None else cut(data, *_sides(region))
    Grid(tuple(data["latitude"].values.tolist()), tuple(data["longitude"].values.tolist()))  # checks itself
    if channels is not None and (variables is not None or levels is not None):
        raise DataError("fields are chosen by channels, or by variables and levels, got both; leave one out")
    chosen = tuple(channels) if channels is not None else channels_of(data, variables, levels)
    fixed, columns = _static(data, static), columns_of(data, chosen)
    if isinstance(source, str | os.PathLike):
        _say_chunks(os.fspath(source), data, {c.variable for c in columns}, input_times + 1)
    return WeatherDataset(
        data=data,
        columns=columns,
        static=fixed,
        static_columns=columns_of(data, [c for c in fixed if c.name not in KNOWN]),
        samples=enumerate_samples(
            list(data["time"].values),
            input_times=input_times,
            input_steps=input_steps,
            lead_times=lead_times,
            members=data.sizes.get("number", 1),
            targets=targets,
        ),
        climatology=None if climatology is None else open_climatology(climatology),
        fill=dict(fill or {}),
        parts=dict(split or {}),
    )


def relabelled(data: xr.Dataset, units: Mapping[str, str]) -> xr.Dataset:
    """The variables with these units instead of what their labels say; values stay as they are.

    Raises:
        DataError: a variable that is not there.
    """
    if unknown := [name for name in units if name not in data]:
        raise DataError(
            f"units are told of variables of the data, {sorted(map(str, data.data_vars))[:20]}, got {unknown[0]!r}"
            f"{did_you_mean(unknown[0], [*map(str, data.data_vars)])}"
        )
    return data.assign({name: data[name].assign_attrs(units=unit) for name, unit in units.items()})


def _say_chunks(source: str, data: xr.Dataset, variables: Collection[str], frames: int) -> None:
    """Warn where chunks hold many more times than a sample, with the command that cures it."""
    native = [data[name].encoding.get("preferred_chunks", {}).get("time", 1) for name in variables]
    longest = max(native, default=1)
    say_amplification(source, longest / frames, f"chunks of {longest} times for samples of {frames}", time=1)


def cut(data: xr.Dataset, south: float | int, north: float | int, west: float | int, east: float | int) -> xr.Dataset:
    """The rows and columns of a region; longitudes rise from west to east, beyond 180 where it crosses the dateline.

    Raises:
        DataError: nothing lies in it.
    """
    width, data = (east - west) % 360 or 360.0, starting_at(data, west)
    found = data.sel(latitude=slice(south - 1e-6, north + 1e-6), longitude=slice(west - 1e-6, west + width + 1e-6))
    if not found.sizes["latitude"] or not found.sizes["longitude"]:
        raise DataError(
            f"a region (south, north, west, east) holds points of the grid, got "
            f"({south:g}, {north:g}, {west:g}, {east:g})"
            f" for latitudes {float(data.latitude[0]):g} to {float(data.latitude[-1]):g}; give degrees, south first"
        )
    return found


def _sides(region: Sequence[float | int]) -> tuple[float | int, ...]:
    if len(region) != 4:
        raise DataError(
            f"a region has four sides (south, north, west, east), got {tuple(region)}; give degrees, such as "
            "(30, 60, -20, 40)"
        )
    return tuple(region)


def _static(data: xr.Dataset, wanted: Sequence[Channel | str] | None) -> tuple[Channel, ...]:
    if wanted is None:
        return (*PLACE, *CALENDAR)
    known = {c.name: c for c in (*PLACE, *CALENDAR)}
    made = []
    for one in wanted:
        if isinstance(one, Channel):
            made.append(one)
        elif one in KNOWN:
            made.append(known.get(one) or Channel(variable=one, units="W m-2" if one == "toa_solar" else "1"))
        elif one in data:
            made += channels_of(data, [one], None)
        else:
            names = [*KNOWN, *map(str, data.data_vars)]
            raise DataError(
                f"a static channel is one of {list(KNOWN)} or a field of the data, got {one!r}"
                f"{did_you_mean(one, names)}"
            )
    return tuple(made)
