"""Statistics of an entry's variables, read in blocks: what `catalog stats` prints and `verify` compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from ..errors import DataError
from ..statistics.moments import Moments
from .calendar import CALENDARS, day_number
from .entry import Entry
from .parts import Part, position, span

BLOCK = 2**26
LENGTHS = {
    "d day days": 1.0,
    "h hr hrs hour hours": 1 / 24,
    "min mins minute minutes": 1 / 1440,
    "s sec secs second seconds": 1 / 86400,
    "ms msec msecs millisecond milliseconds": 1 / 864e5,
    "us microsecond microseconds": 1 / 864e8,
}
"""{spellings of a unit of time in CF: days}."""


def summarise(entry: Entry, data: xr.Dataset, part: str | None = None, samples: int | None = None) -> dict[str, dict]:
    """Mean, deviation, least and greatest value, number of values and of missing ones of each number variable.

    Args:
        entry: names the variables.
        data: as `open_contents` gives it.
        part: only its labels, where they are ranges along a dimension of the data; else all.
        samples: only so many labels of the first dimension, evenly spread.
    """
    chosen = take_part(entry, data, part) if part else data
    found = {}
    for key, variable in entry.variables.items():
        name = variable.name if variable.name in chosen.variables else key
        if name in chosen.variables and variable.kind == "number" and chosen[name].dtype.kind in "fiu":
            found[key] = _moments(chosen[name], samples)
    return found


def take_part(entry: Entry, data: xr.Dataset, part: str) -> xr.Dataset:
    """The labels of a part along its dimension; all where the part is not a range or list of them."""
    splits = entry.splits
    chosen = splits.parts.get(part) if splits else None
    if splits is None or chosen is None or splits.along not in data.dims:
        return data
    inside = _inside(chosen, labels(entry, data, splits.along), entry)
    return data.isel({splits.along: inside}) if chosen.ids or chosen.first is not None else data


def labels(entry: Entry, data: xr.Dataset, dim: str) -> np.ndarray:
    """The labels of a dimension on the number line: days for dates, else the coordinate, else the position."""
    is_dates = dim == entry.dims.time and entry.calendar and CALENDARS[entry.calendar] != "none"
    if dim not in data.coords and dim not in data.variables:
        return np.arange(data.sizes[dim])
    values = np.asarray(data[dim].values)
    return days(values, data[dim].attrs, str(entry.calendar)) if is_dates else values


def days(values: np.ndarray, attributes: dict[str, Any], calendar: str) -> np.ndarray:
    """Times such as `hours since 2001-01-01` in days since the year 0 of their calendar; NaN in units without a length,
    such as months in a calendar whose months differ."""
    unit, _, origin = str(attributes.get("units", "")).partition(" since ")
    name = unit.strip().lower()
    length = next((days for names, days in LENGTHS.items() if name in names.split()), np.nan)
    if name in ("month", "months") and CALENDARS.get(calendar) == "360_day":
        length = 30.0
    found = re.match(r"\s*(\d+)-(\d+)-(\d+)(?:[ T]+(\d+):(\d+)(?::([\d.]+))?)?", origin)
    if found is None:
        raise DataError(f"times count from a date such as 2001-01-01, got the units {attributes.get('units')!r}")
    year, month, day, *clock = found.groups()
    of_day = sum(float(part or 0) * size for part, size in zip(clock, (1 / 24, 1 / 1440, 1 / 86400), strict=True))
    start = day_number(f"{int(year):04d}-{int(month):02d}-{int(day):02d}", calendar) + of_day
    return start + length * np.asarray(values, np.float64)


def _inside(part: Part, positions: np.ndarray, entry: Entry) -> list[int]:
    """Numbers of the labels that a part holds; dates of a list are whole days, months or years, as those of a range."""
    is_time = entry.splits is not None and entry.splits.along == entry.dims.time
    calendar = entry.calendar if is_time else None
    if part.ids is not None and (calendar is None or CALENDARS[calendar] == "none"):
        return [number for number, here in enumerate(positions) if here in part.ids]
    listed = [(position(label, calendar), position(label, calendar, end=True)) for label in part.ids or ()]
    bounds = listed if part.ids is not None else [found for found in [span(part, calendar)] if found is not None]
    return [number for number, here in enumerate(positions) if any(start <= here < end for start, end in bounds)]


def _moments(array: xr.DataArray, samples: int | None) -> dict[str, float]:
    found = Moments(1)
    for values in _blocks(array, samples):
        found.update(np.where(np.isfinite(values), values, np.nan).reshape(-1, 1))
    counts = {"n": int(found.count[0]), "missing": int(found.missing[0])}
    if not counts["n"]:
        return {"mean": float("nan"), "std": float("nan"), **counts}
    moments = {"mean": found.mean, "std": np.sqrt(found.variance), "min": found.minimum, "max": found.maximum}
    return {**{name: float(value[0]) for name, value in moments.items()}, **counts}


def _blocks(array: xr.DataArray, samples: int | None) -> Iterator[np.ndarray]:
    if array.ndim == 0:
        yield np.atleast_1d(array.values)
        return
    count = array.shape[0]
    wanted = (
        np.arange(count) if samples is None else np.unique(np.linspace(0, count - 1, min(samples, count)).astype(int))
    )
    step = max(1, BLOCK // max(1, array[:1].nbytes))
    for first in range(0, len(wanted), step):
        yield array[wanted[first : first + step]].values
