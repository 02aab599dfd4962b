"""Times of several files on one axis: the same calendar, the same units."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..errors import DataError
from ..store import did_you_mean

SAME = {"gregorian": "standard", "365_day": "noleap", "366_day": "all_leap", "": "standard"}
CALENDARS = ("standard", "proleptic_gregorian", "noleap", "all_leap", "360_day", "julian")


def is_dated(variable: xr.Variable | xr.DataArray) -> bool:
    """Whether values are times since a date (CF: units such as `days since 1850-01-01`)."""
    return " since " in str(variable.attrs.get("units", ""))


def calendar_of(variable: xr.Variable | xr.DataArray, where: str = "the data") -> str:
    """The CF calendar of a time variable; `standard` if it names none.

    Raises:
        DataError: a calendar that CF does not know.
    """
    said = str(variable.attrs.get("calendar", "")).lower()
    calendar = SAME.get(said, said)
    if calendar not in CALENDARS:
        raise DataError(
            f"a calendar is one of {', '.join(CALENDARS)}, got {said!r} in {where}{did_you_mean(said, CALENDARS)}; "
            "correct the attribute 'calendar' of the time variable"
        )
    return calendar


def one_calendar(times: dict[str, Any]) -> str:
    """The calendar that all files {name: time variable} share.

    Raises:
        DataError: two of them.
    """
    found = {name: calendar_of(variable, name) for name, variable in times.items()}
    first = next(iter(found))
    for name, calendar in found.items():
        if calendar != found[first]:
            raise DataError(
                f"files that are joined share a calendar, got {found[first]!r} in {first} and {calendar!r} in {name}; "
                "convert them one by one, or bring them to one calendar (xarray: data.convert_calendar)"
            )
    return found[first]


def rebased(values: np.ndarray, units: str, calendar: str, wanted: str) -> np.ndarray:
    """Times in other units of the same calendar, to the microsecond; whole numbers stay whole.

    Raises:
        DataError: numbers or units that are no times in this calendar.
    """
    if units == wanted:
        return values
    import cftime

    try:
        dates = cftime.num2date(values, units, calendar, only_use_cftime_datetimes=True)
        numbers = np.asarray(cftime.date2num(dates, wanted, calendar), np.float64)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"times are numbers of '{units}' in the calendar {calendar!r}, got {values.ravel()[:3]}... ({error}); "
            "correct the attributes of the time variable"
        ) from error
    whole = numbers.astype(np.int64)
    return whole if np.array_equal(whole, numbers) and values.dtype.kind in "iu" else numbers
