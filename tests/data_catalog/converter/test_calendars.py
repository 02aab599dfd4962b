"""Times in other units are the same instants."""

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.data_catalog.converter.calendars import CALENDARS, calendar_of, rebased


@settings(max_examples=60)
@given(
    calendar=st.sampled_from(CALENDARS),
    unit=st.sampled_from(["days", "hours", "seconds"]),
    start=st.integers(1850, 2100),
    step=st.integers(1, 500),
)
def test_instants_stay(calendar, unit, start, step):
    values = np.arange(5, dtype=np.int64) * step
    moved = rebased(values, f"{unit} since {start}-03-01 06:00", calendar, "hours since 1900-01-01")
    dates = cftime.num2date(values, f"{unit} since {start}-03-01 06:00", calendar, only_use_cftime_datetimes=True)
    back = cftime.num2date(moved, "hours since 1900-01-01", calendar, only_use_cftime_datetimes=True)
    assert [abs((a - b).total_seconds()) < 1e-3 for a, b in zip(dates, back, strict=True)] == [True] * 5
    assert unit == "seconds" or moved.dtype == np.int64


def test_names_of_calendars():
    assert calendar_of(xr.Variable("t", [0], {"calendar": "365_day"})) == "noleap"
    assert calendar_of(xr.Variable("t", [0])) == "standard"
    with pytest.raises(DataError, match=r"got 'thirty_day_months' in the data"):
        calendar_of(xr.Variable("t", [0], {"calendar": "THIRTY_DAY_MONTHS"}))


def test_numbers_that_are_no_times():
    with pytest.raises(DataError, match=r"times are numbers of 'days since then' in the calendar 'noleap'"):
        rebased(np.arange(3), "days since then", "noleap", "days since 2000-01-01")
