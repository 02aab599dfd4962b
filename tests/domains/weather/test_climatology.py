"""What to expect at a time of the year and of the day."""

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import TableClimatology, make_climatology, open_climatology, open_weather
from tests.domains.weather.analyses_on_disk import analyses


def years(calendar="standard", missing=False):
    time = xr.date_range("2000-01-01", "2002-12-30T18:00", freq="6h", calendar=calendar, use_cftime=True)
    day = np.array([t.dayofyr for t in time])
    values = day + np.array([t.hour for t in time]) * 100.0
    if missing:
        values = np.where(np.arange(len(values)) % 3 == 0, np.nan, values)
    field = values[:, None, None].repeat(2, 1).astype(np.float32)
    coords = {"time": time, "latitude": [0.0, 1.0], "longitude": [5.0]}
    return xr.Dataset({"x": (("time", "latitude", "longitude"), field, {"units": "K"})}, coords)


@pytest.mark.parametrize("missing", [False, True])
def test_the_mean_over_a_window_of_days_is_that_of_its_middle(missing):
    made = make_climatology(years(missing=missing), window=3, hours=6)
    assert made["x"].dims == ("dayofyear", "hour", "latitude", "longitude")
    np.testing.assert_allclose(made["x"].sel(dayofyear=100, hour=12).values, 1300, atol=0 if not missing else 1)
    assert made["x"].attrs["units"] == "K"
    if not missing:  # around the turn of the year: days 1 and 2 of three years, 365 of three and 366 of one
        wanted = (1 * 3 + 2 * 3 + 366 * 1) / 7 if made.sizes["dayofyear"] == 366 else None
        np.testing.assert_allclose(made["x"].sel(dayofyear=1, hour=0).values, wanted, rtol=1e-5)


def test_short_calendars_have_short_years():
    assert make_climatology(years("360_day"), window=1, hours=12).sizes["dayofyear"] == 360
    assert make_climatology(years("noleap"), window=1, hours=12).sizes["dayofyear"] == 365


def test_a_time_takes_its_day_and_the_hour_before_it():
    made = TableClimatology(make_climatology(years("noleap"), window=1, hours=6))
    assert made.at(np.datetime64("2020-02-01T07:30"))["x"].values[0, 0] == 632
    assert made.at(np.datetime64("2020-12-31T00"))["x"].values[0, 0] == 365  # day 366


def test_refusals():
    with pytest.raises(DataError, match=r"odd number of days, a year at most, .* got window=2, hours=6"):
        make_climatology(years(), window=2)
    with pytest.raises(DataError, match=r"a year at most, and hours divide 24, got window=401, hours=6"):
        make_climatology(years(), window=401)
    with pytest.raises(DataError, match=r"has dims dayofyear and hour, got \['latitude', 'longitude', 'time'\]"):
        TableClimatology(years())


@pytest.mark.parametrize("name", ["climate.nc", "climate.zarr"])
def test_a_climatology_is_opened_from_a_file_or_a_store(tmp_path, name):
    made = make_climatology(years("noleap"), window=1, hours=6)
    made.to_netcdf(tmp_path / name) if name.endswith(".nc") else made.to_zarr(tmp_path / name, zarr_format=2)
    opened = open_climatology(tmp_path / name)
    time = np.datetime64("2020-02-01T07:30")
    np.testing.assert_array_equal(opened.at(time)["x"].values, TableClimatology(made).at(time)["x"].values)
    assert open_climatology(opened) is opened


def test_a_year_is_as_long_as_its_calendar_says():
    """Also where the data end early: days at both ends of the year are neighbours."""
    standard = years().isel(time=slice(0, 4 * 360))  # to day 360 of a leap year
    assert make_climatology(standard, window=1).sizes["dayofyear"] == 365
    january = years("360_day").isel(time=slice(0, 120))
    assert make_climatology(january, window=1).sizes["dayofyear"] == 360
    wrapped = make_climatology(january, window=3)["x"].sel(hour=0, latitude=0, longitude=5)
    assert wrapped.sel(dayofyear=360).item() == 1  # the day after is the first
    assert np.isnan(wrapped.sel(dayofyear=359).item())


def test_the_leap_day_has_its_place_in_the_window():
    """2000 is a leap year: day 60 is 29 February there and 1 March in 2001 and 2002."""
    data = years()
    leap = np.array([(t.month, t.day) == (2, 29) for t in data["time"].values])
    data["x"] = data["x"] * 0 + leap[:, None, None]
    made = make_climatology(data, window=3)["x"].sel(hour=0, latitude=0, longitude=5)
    np.testing.assert_allclose(made.sel(dayofyear=slice(58, 62)), [0, 1 / 9, 1 / 9, 1 / 9, 0])


@pytest.mark.parametrize(
    "choices", [{"west": -180.0}, {"region": (-90, 90, -100, 100)}, {"region": (-90, 90, 170, -80)}]
)
def test_a_climatology_of_the_globe_fits_longitudes_of_any_branch(tmp_path, choices):
    plain = analyses()
    make_climatology(plain, 61).to_netcdf(tmp_path / "climate.nc")
    whole = open_weather(plain, climatology=tmp_path / "climate.nc").batch([2]).climate
    found = open_weather(plain, climatology=tmp_path / "climate.nc", **choices)
    columns = [plain["longitude"].values.tolist().index(east % 360) for east in found.grid.longitude]
    np.testing.assert_array_equal(found.batch([2]).climate, whole[..., columns])
