import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, summarise
from humboldt.data_catalog.catalog import summary as module
from humboldt.data_catalog.catalog.calendar import day_number
from humboldt.data_catalog.catalog.summary import days
from tests.data_catalog.small_entries import entry

VALUES = np.random.default_rng(0).normal(280.0, 3.0, (40, 5)).astype(np.float32)


def in_time():
    dims = {"time": "time", "space": ["x"]}
    splits = {
        "along": "time",
        "train": {"first": "2001-01-01", "last": "2001-01-05"},
        "test": {"first": "2001-01-06", "last": "2001-01-10"},
    }
    return entry(id="weather.small", dims=dims, calendar="noleap", splits=splits)


def dataset(units="hours since 2001-01-01"):
    values = VALUES.copy()
    values[3, 2] = np.nan
    times = ("time", np.arange(40) * 6.0, {"units": units, "calendar": "noleap"})
    return xr.Dataset({"u": (("time", "x"), values)}, {"time": times})


def test_moments_are_those_in_memory_whatever_the_blocks(monkeypatch):
    whole = dataset()["u"].values.astype(np.float64)
    for block in (1, 100, 10**9):
        monkeypatch.setattr(module, "BLOCK", block)
        found = summarise(in_time(), dataset())["u"]
        assert found["mean"] == pytest.approx(np.nanmean(whole), rel=1e-12)
        assert found["std"] == pytest.approx(np.nanstd(whole), rel=1e-9)
        assert (found["min"], found["max"]) == (np.nanmin(whole), np.nanmax(whole))
        assert (found["n"], found["missing"]) == (199, 1)


def test_a_part_holds_the_days_of_its_range():
    found = summarise(in_time(), dataset(), "train")["u"]
    assert found["mean"] == pytest.approx(np.nanmean(dataset()["u"].values[:20].astype(float)), rel=1e-12)
    assert summarise(in_time(), dataset("days since 2000-12-29"), "train")["u"]["n"] == 5


def test_a_part_holds_the_days_that_it_lists():
    dims = {"time": "time", "space": ["x"]}
    splits = {"along": "time", "train": {"ids": ["2001-01-02", "2001-01-04"]}, "test": {"ids": ["2001-02"]}}
    listed = entry(id="weather.small", dims=dims, calendar="noleap", splits=splits)
    found = summarise(listed, dataset(), "train")["u"]
    assert found["mean"] == pytest.approx(dataset()["u"].values[[4, 5, 6, 7, 12, 13, 14, 15]].astype(float).mean())
    assert summarise(listed, dataset("hours since 2001-01-29"), "test")["u"]["n"] == (40 - 3 * 4) * 5


@pytest.mark.parametrize(
    "part",
    [{"ids": ["2001-01-02T06:00", "2001-01-02T12:00"]}, {"first": "2001-01-02T06:00", "last": "2001-01-02T12:00"}],
)
def test_a_time_of_day_that_a_part_names_is_in_it(part):
    dims = {"time": "time", "space": ["x"]}
    splits = {"along": "time", "train": part, "test": {"first": "2001-01-02T18:00", "last": "2001-01-03"}}
    named = entry(id="weather.small", dims=dims, calendar="noleap", splits=splits)
    found = summarise(named, dataset(), "train")["u"]
    assert (found["n"], found["mean"]) == (10, pytest.approx(VALUES[5:7].astype(float).mean()))


@pytest.mark.parametrize(
    ("values", "units", "calendar", "expected"),
    [
        ([0, 3], "days since 2000-12-29", "noleap", [-3, 0]),
        ([0, 36], "hours since 2001-1-1 12:00", "noleap", [0.5, 2]),
        ([60], "minutes since 2001-01-01 00:00:0.0", "noleap", [1 / 24]),
        ([0, 3], "months since 2001-01-01", "360_day", [0, 90]),
        ([250], "milliseconds since 2001-01-01", "standard", [250 / 864e5]),
    ],
)
def test_times_are_days_whatever_their_unit(values, units, calendar, expected):
    start = day_number("2001-01-01", calendar)
    assert days(np.array(values), {"units": units}, calendar) - start == pytest.approx(expected, abs=1e-9)


def test_units_without_a_length_and_without_a_date():
    assert np.isnan(days(np.array([1]), {"units": "months since 2001-01-01"}, "noleap")).all()
    with pytest.raises(
        DataError, match="times count from a date such as 2001-01-01, got the units 'days since launch'"
    ):
        days(np.array([1]), {"units": "days since launch"}, "noleap")


def test_samples_are_spread_evenly():
    found = summarise(in_time(), dataset(), samples=4)["u"]
    assert found["mean"] == pytest.approx(dataset()["u"].values[[0, 13, 26, 39]].astype(float).mean(), rel=1e-12)


def test_positions_where_a_dimension_has_no_labels():
    splits = {"along": "sample", "train": {"first": 0, "last": 1}, "test": {"ids": [3]}}
    one = entry(dims={"sample": "sample"}, splits=splits)
    data = xr.Dataset({"u": ("sample", [1.0, 2.0, 10.0, 20.0])})
    assert summarise(one, data, "train")["u"]["mean"] == 1.5
    assert summarise(one, data, "test")["u"]["mean"] == 20.0
    assert summarise(one, data, "validation")["u"]["n"] == 4
