"""The state to expect at a time of the year and of the day: read from the published files, or made from data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError

from .analyses import canonical, open_analyses
from .sources import open_files
from .time import day_of_year, hour_of_day


@runtime_checkable
class Climatology(Protocol):
    """Fields by day of the year and hour of the day."""

    def at(self, time: Any) -> xr.Dataset:
        """Fields ([level], latitude, longitude) at the time; day 366 is taken as the last one there is."""
        ...


def open_climatology(source: Any) -> Climatology:
    """A climatology from whatever holds one.

    Args:
        source: a NetCDF file or Zarr store with dims (dayofyear, hour, ...), such as `make_climatology` makes and
            WeatherBench-2 publishes; the folder of files that comes with Prithvi WxC; a Dataset; a climatology.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it holds something else.
    """
    if isinstance(source, Climatology):
        return source
    if isinstance(source, xr.Dataset):
        return TableClimatology(source)
    if Path(source).is_dir() and any(Path(source).glob("climate_*_doy*_hour*.nc")):
        return PublishedClimatology(source)
    return TableClimatology(xr.merge(open_files(source)))


class TableClimatology:
    """A climatology held as a Dataset with dims (dayofyear, hour, [level], latitude, longitude).

    Args:
        data: `dayofyear` counts from 1, `hour` holds rising hours of the day.
    """

    def __init__(self, data: xr.Dataset) -> None:
        if not {"dayofyear", "hour"} <= set(data.dims):
            raise DataError(
                f"a climatology has dims dayofyear and hour, got {sorted(map(str, data.dims))}; make one of a series "
                "with make_climatology"
            )
        self.data = canonical(data, {}, ("dayofyear", "hour"))

    def at(self, time: Any) -> xr.Dataset:
        """The fields of the day, at the last hour before the time that there is."""
        day = min(day_of_year(time), int(self.data["dayofyear"][-1]))
        return self.data.sel(dayofyear=day).sel(hour=hour_of_day(time), method="ffill")


class PublishedClimatology:
    """The files `climate_{surface,vertical}_doyDDD_hourHH.nc` that come with Prithvi WxC.

    Args:
        folder: that holds them.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def at(self, time: Any) -> xr.Dataset:
        """The fields of both files of the day and hour."""
        stamp = f"doy{min(day_of_year(time), 365):03d}_hour{int(hour_of_day(time)):02d}.nc"
        files = [self.folder / f"climate_{kind}_{stamp}" for kind in ("surface", "vertical")]
        found = [path for path in files if path.is_file()]
        if not found:
            raise DataError(
                f"the climatology of {time} is read from {files[0].name} and {files[1].name}, neither is in "
                f"{self.folder}; fetch them, or choose times whose climatology is there"
            )
        return open_analyses(found).load()


def make_climatology(data: Any, window: int = 61, hours: int = 6) -> xr.Dataset:
    """Mean by day of the year and hour of the day, over `window` days around it and all years; NaN is left out.

    The data are read one time at a time. A day whose window holds no value is NaN.

    Args:
        data: what `open_analyses` takes, with times of any calendar; members are averaged.
        window: odd number of days, each counted alike.
        hours: width of the bins of the day; divides 24.

    Returns:
        Dims (dayofyear, hour, [level], latitude, longitude), with the attributes of the variables.
    """
    if window % 2 == 0 or not 1 <= window <= 360 or hours < 1 or 24 % hours:
        raise DataError(
            f"a window is an odd number of days, a year at most, and hours divide 24, got window={window}, "
            f"hours={hours}; choose others"
        )
    data = open_analyses(data)
    if "time" not in data.dims:
        raise DataError(
            f"a climatology is made of a series in time, got only the dimensions {sorted(map(str, data.dims))}; add "
            "the times with data.expand_dims(time=[...])"
        )
    shortest = 360 if data["time"].dt.calendar == "360_day" else 365
    days = max(shortest, *(day_of_year(t) for t in data["time"].values))
    bins, made = np.arange(0, 24, hours), {}
    for name, variable in data.data_vars.items():
        if "time" in variable.dims:
            average = variable.mean("number", keep_attrs=True) if "number" in variable.dims else variable
            made[name] = _binned(average, days, bins, window)
    return xr.Dataset(made, attrs={"comment": f"mean over {window} days, {data.sizes['time']} times"})


def _binned(variable: xr.DataArray, days: int, bins: np.ndarray, window: int) -> xr.DataArray:
    shape = tuple(n for d, n in variable.sizes.items() if d != "time")
    sums, counts = np.zeros((days, len(bins), *shape)), np.zeros((days, len(bins), *shape), np.int32)
    for index, time in enumerate(variable["time"].values):
        day, hour = min(day_of_year(time), days) - 1, int(np.searchsorted(bins, hour_of_day(time), "right")) - 1
        values = variable.isel(time=index).values
        known = np.isfinite(values)
        sums[day, hour] += np.where(known, values, 0)
        counts[day, hour] += known
    half, totals = window // 2, []
    for table in (sums, counts):
        cumulated = np.concatenate([table[-half:] if half else table[:0], table, table[:half]]).cumsum(0)
        before = np.concatenate([np.zeros_like(cumulated[:1]), cumulated])
        totals.append(before[window:] - before[:-window])
    mean = np.where(totals[1] > 0, totals[0] / np.maximum(totals[1], 1), np.nan)
    dims = [d for d in variable.dims if d != "time"]
    coords = {d: variable[d] for d in dims} | {"dayofyear": np.arange(1, days + 1), "hour": bins.astype(float)}
    return xr.DataArray(mean.astype(np.float32), coords, ("dayofyear", "hour", *dims), attrs=variable.attrs)
