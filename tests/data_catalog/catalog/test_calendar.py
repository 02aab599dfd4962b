import cftime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.data_catalog.catalog.calendar import CALENDARS, day_number, require_calendar, same_calendar

NAMES = ["proleptic_gregorian", "noleap", "all_leap", "360_day", "julian"]


@given(st.sampled_from(NAMES), st.integers(1, 4000), st.integers(1, 12), st.integers(1, 28), st.integers(-5000, 5000))
def test_days_between_two_dates_are_those_of_cftime(calendar, year, month, day, days):
    first = cftime.datetime(year, month, day, calendar=calendar)
    try:
        last = cftime.num2date(days, f"days since {first.strftime('%Y-%m-%d')}", calendar=calendar)
    except (ValueError, OverflowError):  # before the year 1
        return
    if last.year < 1:
        return
    numbers = [day_number(f"{d.year}-{d.month:02d}-{d.day:02d}", calendar) for d in (first, last)]
    assert numbers[1] - numbers[0] == days


@pytest.mark.parametrize(
    ("date", "calendar", "days"),
    [("2001", "noleap", 365), ("2004", "standard", 366), ("2001-02", "360_day", 30), ("2001-02-03", "julian", 1)],
)
def test_years_and_months_end_after_their_last_day(date, calendar, days):
    assert day_number(date, calendar, end=True) - day_number(date, calendar) == days


def test_times_are_parts_of_a_day():
    assert day_number("2001-01-01T18:00", "noleap") - day_number("2001-01-01", "noleap") == 0.75


@pytest.mark.parametrize(
    ("date", "calendar", "message"),
    [
        ("2001-02-29", "noleap", "has no 2001-02-29: that month has 28 days"),
        ("2001-02-31", "360_day", "that month has 30 days"),
        ("2001-13", "standard", "a month is 1 to 12"),
        ("yesterday", "standard", "are written YYYY-MM-DD, got 'yesterday'"),
        ("2001-01-01", "none", "dates of the calendar none"),
    ],
)
def test_dates_that_a_calendar_does_not_have(date, calendar, message):
    with pytest.raises(DataError, match=message):
        day_number(date, calendar)


def test_names():
    assert same_calendar("365_day", "noleap")
    assert not same_calendar("standard", "julian")
    assert set(CALENDARS) >= {"standard", "proleptic_gregorian", "noleap", "all_leap", "360_day", "julian", "none"}
    with pytest.raises(DataError, match=r"got 'no_leap'; did you mean 'noleap'"):
        require_calendar("no_leap")
