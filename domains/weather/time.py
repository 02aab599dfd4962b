"""Times of any calendar: arithmetic in hours, day of the year, hour of the day."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor


def add_hours(time: Any, hours: float | int) -> Any:
    """A `numpy.datetime64` or `cftime.datetime`, that many hours later, to the second."""
    seconds = round(float(hours) * 3600)
    if isinstance(time, np.datetime64):
        return time + np.timedelta64(seconds, "s")
    return time + datetime.timedelta(seconds=seconds)


def hours_between(first: Any, last: Any) -> float:
    """Hours from one time to another of the same calendar."""
    span = last - first
    return (
        float(span / np.timedelta64(1, "s")) / 3600 if isinstance(span, np.timedelta64) else span.total_seconds() / 3600
    )


def later(times: Sequence[Any], lead_time: Tensor) -> tuple[Any, ...]:
    """Each time after its lead time in hours; nothing where there are no times."""
    return tuple(add_hours(t, h) for t, h in zip(times, lead_time.tolist(), strict=True)) if times else ()


def day_of_year(time: Any) -> int:
    """1 for the first of January, in the time's own calendar."""
    if isinstance(time, np.datetime64):
        return (
            int((time.astype("datetime64[D]") - time.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)) + 1
        )
    return int(time.dayofyr)


def hour_of_day(time: Any) -> float:
    """Hours since midnight, UTC."""
    if isinstance(time, np.datetime64):
        return float((time - time.astype("datetime64[D]")) / np.timedelta64(1, "s")) / 3600
    return time.hour + time.minute / 60 + time.second / 3600
