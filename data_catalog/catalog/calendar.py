"""The calendars of CF: which there are, whether a date exists in one, and how many days lie between two dates."""

from __future__ import annotations

import re
from functools import cache

from ..errors import DataError
from ..store import did_you_mean

CALENDARS = {
    "standard": "gregorian", "gregorian": "gregorian", "proleptic_gregorian": "gregorian",
    "noleap": "noleap", "365_day": "noleap", "all_leap": "all_leap", "366_day": "all_leap",
    "360_day": "360_day", "julian": "julian", "none": "none",
}  # fmt: skip
"""Names in CF 1.11 (section 4.4.1) and the arithmetic behind each; `none` is for times that are not dates."""

DATE = re.compile(r"^(-?\d{1,6})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?Z?)?)?)?$")
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def require_calendar(name: str) -> str:
    """The name of a calendar of CF.

    Raises:
        DataError: another name, with the nearest.
    """
    if name not in CALENDARS:
        raise DataError(f"a calendar is one of {', '.join(CALENDARS)}, got {name!r}{did_you_mean(name, [*CALENDARS])}")
    return name


def same_calendar(one: str, other: str) -> bool:
    """Whether two names mean the same calendar; `standard` and `proleptic_gregorian` differ only before 1582."""
    return CALENDARS[require_calendar(one)] == CALENDARS[require_calendar(other)]


def day_number(date: str, calendar: str, *, end: bool = False) -> float:
    """Days of a date (`1979`, `1979-01`, `1979-01-01`, with or without a time) since the year 0 of its calendar.

    Args:
        date: year, month or day.
        calendar: a calendar of CF other than `none`.
        end: the last instant of the year, month or day instead of the first.

    Raises:
        DataError: not a date, or one that the calendar does not have.
    """
    found = DATE.match(date)
    kind = CALENDARS[require_calendar(calendar)]
    if found is None or kind == "none":
        raise DataError(f"dates of the calendar {calendar} are written YYYY-MM-DD, got {date!r}")
    year, month, day = (int(part) if part else None for part in found.groups()[:3])
    assert year is not None
    _check(date, calendar, year, month, day)
    first = _days_before_year(year, kind) + sum(_months(year, kind)[: (month or 1) - 1]) + (day or 1) - 1
    if found[4]:
        return first + int(found[4]) / 24 + int(found[5]) / 1440 + int(found[6] or 0) / 86400
    if not end:
        return float(first)
    length = sum(_months(year, kind)) if month is None else _months(year, kind)[month - 1] if day is None else 1
    return float(first + length)


def _check(date: str, calendar: str, year: int, month: int | None, day: int | None) -> None:
    months = _months(year, CALENDARS[calendar])
    if month is not None and not 1 <= month <= 12:
        raise DataError(f"a month is 1 to 12, got {date!r}")
    if day is not None and month is not None and not 1 <= day <= months[month - 1]:
        raise DataError(
            f"the calendar {calendar} has no {date}: that month has {months[month - 1]} days; correct the date, "
            "or the calendar"
        )


def _is_leap(year: int, kind: str) -> bool:
    if kind == "gregorian":
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return kind == "all_leap" or (kind == "julian" and year % 4 == 0)


@cache
def _months(year: int, kind: str) -> tuple[int, ...]:
    if kind == "360_day":
        return (30,) * 12
    return (31, 29, *LENGTHS[2:]) if _is_leap(year, kind) else LENGTHS


def _days_before_year(year: int, kind: str) -> int:
    before = year - 1
    if kind == "360_day":
        return 360 * year
    leaps = {
        "gregorian": before // 4 - before // 100 + before // 400,
        "julian": before // 4,
        "all_leap": year,
        "noleap": 0,
    }
    return 365 * year + leaps[kind]
