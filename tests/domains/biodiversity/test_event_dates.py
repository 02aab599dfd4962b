"""Dates of records: days, months, windows, and dates in three columns."""

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import flag_occurrences, read_occurrences
from humboldt.domains.biodiversity.event_dates import calendar_months, days, window

TABLE = pd.DataFrame({"scientificName": "Lynx lynx", "decimalLatitude": [46.25, 47.5], "decimalLongitude": [7.1, 8.3]})


@pytest.mark.parametrize(
    ("date", "day", "month"),
    [
        ("2015-05-03T10:00", "2015-05-03", 5),
        ("2015-05", "2015-05-01", 5),
        ("2015", "2015-01-01", None),
        ("2015-05-03/2015-05-09", "2015-05-03", 5),
        ("2015-05-03/09", "2015-05-03", 5),
        ("2015-05-03/06-01", "2015-05-03", None),
        ("2015-05-03T10:00:00/12:00:00", "2015-05-03", 5),
        ("2015-05-28/2015-06-02", "2015-05-28", None),
        ("spring", None, None),
    ],
)
def test_a_date_has_a_month_where_it_names_one(date, day, month):
    table = TABLE.assign(eventDate=date)
    found = calendar_months(table).iloc[0]
    assert np.isnan(found) if month is None else found == month
    assert days(table).iloc[0].normalize() == pd.Timestamp(day) if day else days(table).isna().all()


def test_three_columns_make_a_date_as_far_as_they_say_it():
    parts = TABLE.assign(Year=["1987", "2003.0"], month=[5, np.nan], day=[3, 12])
    assert read_occurrences(parts)["eventDate"].tolist() == ["1987-05-03", "2003"]
    assert read_occurrences(parts.drop(columns="month"))["eventDate"].tolist() == ["1987", "2003"]
    assert read_occurrences(parts.assign(Year=np.nan))["eventDate"].isna().all()
    assert flag_occurrences(read_occurrences(parts), dates=("1990-01-01", None))["date"].tolist() == [True, False]
    said = read_occurrences(parts.assign(eventDate="2010-01-01"))
    assert said["eventDate"].tolist() == ["2010-01-01"] * 2
    assert "eventDate" not in read_occurrences(TABLE.assign(month=5))


def test_a_window_is_two_dates_in_order():
    assert window(("2000-05", None)) == (pd.Timestamp("2000-05-01"), None)
    with pytest.raises(DataError, match=r"None at an open end, got \('yesterday', None\)"):
        window(("yesterday", None))
    with pytest.raises(DataError, match=r"begins before it ends, got \('2010', '2000'\); exchange them"):
        window(("2010", "2000"))
