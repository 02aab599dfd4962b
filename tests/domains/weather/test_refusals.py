"""What is handed over by mistake is refused by the rule, the value and the cure; what can be mended is mended."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Grid, forecast, make_climatology, open_weather, regrid
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import model
from tests.domains.weather.test_forecast import states


def refused(rule: str, value: str, cure: str, call: Callable[[], Any], error: type[Exception] = DataError) -> None:
    """The message states all three, in this order."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    places = [message.find(part) for part in (rule, value, cure)]
    assert -1 not in places, message
    assert places == sorted(places), message


def test_descending_times():
    falling = analyses().isel(time=slice(None, None, -1))
    refused("times rise", "2020-02-29T12", "data.sortby('time')", lambda: open_weather(falling))


def test_duplicate_times():
    twice = analyses().isel(time=[0, 1, 1, 2])
    refused("each time stands once", "2020-02-28T06", "data.drop_duplicates('time')", lambda: open_weather(twice))


def test_mixed_calendars():
    plain = analyses()
    parts = [plain, plain.convert_calendar("noleap", use_cftime=True)]
    refused(
        "share their calendar", "['noleap', 'proleptic_gregorian']", "convert_calendar", lambda: open_weather(parts)
    )


def test_units_that_convert_are_converted():
    celsius = analyses()
    celsius["t"] = (celsius["t"] - 273.15).assign_attrs(units="degC", standard_name="air_temperature")
    wanted = open_weather(analyses()).channels
    found = open_weather(celsius, channels=wanted).batch([0]).fields
    np.testing.assert_allclose(found.numpy(), open_weather(analyses()).batch([0]).fields.numpy(), rtol=1e-6)


def test_units_that_do_not_convert():
    wanted, wrong = open_weather(analyses()).channels, analyses()
    wrong["t"].attrs["units"] = "m s-1"
    refused("is wanted in 'K'", "got 'm s-1'", "units={", lambda: open_weather(wrong, channels=wanted))


def test_a_level_that_the_model_was_not_trained_on():
    other = states().assign_coords(level=("level", [500.0, 700.0], {"units": "hPa"}))
    climate = make_climatology(states(), 3)
    start = forecast(model(), other, [6], climatology=climate)
    refused("levels [500.0, 700.0]", "got level 850", "interpolate", lambda: next(start))


def test_a_region_that_crosses_the_dateline_is_put_together():
    globe = analyses(columns=36)
    whole = open_weather(globe, region=(-90, 90, 150, -150))
    west, east = globe.isel(longitude=slice(15, 19)), globe.isel(longitude=slice(19, 22))
    east = east.assign_coords(longitude=("longitude", east["longitude"].values - 360, east["longitude"].attrs))
    pieces = xr.concat([east, west], "longitude")  # -170, -160, -150, 150, ..., 180
    found = open_weather(pieces)
    assert found.grid.longitude == whole.grid.longitude == (150, 160, 170, 180, 190, 200, 210)
    np.testing.assert_array_equal(found.state(2), whole.state(2))
    both = xr.concat([pieces.isel(longitude=[-1]).assign_coords(longitude=[-180.0]), pieces], "longitude")
    assert open_weather(both).grid.longitude == found.grid.longitude  # 180 and -180 are one column
    rule = "longitudes rise strictly"
    refused(rule, "values out of order", "crosses the dateline", lambda: Grid((0.0, 1.0), (170.0, 180.0, -170.0)))


def test_a_field_without_any_value():
    nothing = states()
    nothing["t"].loc[{"level": 850}] = np.nan
    climate = make_climatology(states(), 3)
    start = forecast(model(), nothing, [6], climatology=climate)
    refused("fields with values", "['T_850']", "fill_gaps", lambda: next(start))
    refused("values in the training part", "['t_850']", "variables=", open_weather(nothing).statistics)
    torn = states()
    torn["t"].loc[{"level": 850, "latitude": slice(0, 90)}] = np.nan
    assert np.isfinite(next(forecast(model(), torn, [6], climatology=climate))["T"]).all()  # a gap is no mistake


def test_a_grib_file_without_its_reader(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cfgrib", None)
    (tmp_path / "a.grib").write_bytes(b"GRIB")
    rule, cure = "GRIB files need cfgrib", 'pip install "humboldt[weather]"'
    refused(rule, "cfgrib", cure, lambda: open_weather(tmp_path / "a.grib"), ImportError)


def test_a_climatology_of_another_grid():
    data, coarse = analyses(), make_climatology(analyses(rows=4), 5)
    opened = open_weather(data, climatology=coarse)
    refused("the grid of the data [5, 8]", "[4, 8]", "regrid(climatology, data.grid)", lambda: opened.batch([0]))
    mended = open_weather(data, climatology=regrid(coarse, opened.grid, "bilinear"))
    assert mended.batch([0]).climate.shape == (1, 3, 5, 8)


def test_a_climatology_that_is_empty_at_the_target():
    climate = make_climatology(states(), 3)  # of February
    summer = forecast(model(), states(), [24.0 * 120], climatology=climate)
    refused("needs its values at every target", "got none of T2M at 2020-06-27", "window", lambda: next(summer))
    steps = forecast(model(), states(), [72.0], step=24, climatology=climate)
    refused("needs its values at every target", "2020-03-01", "window", lambda: next(steps))


def test_a_series_that_is_no_climatology():
    refused(
        "dims dayofyear and hour", "'time'", "make_climatology", lambda: open_weather(analyses(), climatology=states())
    )


def test_data_without_times():
    refused(
        "states have times",
        "['latitude'",
        "expand_dims",
        lambda: open_weather(analyses()["msl"].isel(time=0, drop=True)),
    )


def test_times_that_are_no_dates():
    counted = analyses().drop_vars("time")
    refused("every state has a time", "got 8 without", "assign_coords(time=", lambda: open_weather(counted))
    words = analyses().assign_coords(time=[f"2020-02-{28 + i // 4}T{i % 4 * 6:02d}" for i in range(8)])
    refused("times are dates", "'2020-02-28T00'", "pandas.to_datetime", lambda: open_weather(words))
    refused(
        "a series in time",
        "['latitude'",
        "expand_dims",
        lambda: make_climatology(analyses()["msl"].isel(time=0, drop=True)),
    )


def test_places_in_radians_are_brought_to_degrees():
    plain = analyses()
    turned = {n: (n, np.deg2rad(plain[n].values), {"units": "radian"}) for n in ("latitude", "longitude")}
    found, wanted = open_weather(plain.assign_coords(turned)).grid, open_weather(plain).grid
    np.testing.assert_allclose(found.latitude, wanted.latitude, atol=1e-9)
    np.testing.assert_allclose(found.longitude, wanted.longitude, atol=1e-9)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e20])
def test_values_that_are_none(odd):
    wrong = states()
    wrong["t"].values[2, 1, 0, 0] = odd
    refused("finite numbers, or NaN", "'t_850'", "data.where(", open_weather(wrong).statistics)
    start = forecast(model(), wrong.isel(time=slice(0, 4)), [6], climatology=make_climatology(states(), 3))
    refused("finite numbers, or NaN", "'T_850'", "data.where(", lambda: next(start))


def test_choices_that_make_no_sense():
    refused("four sides", "(0, 10, 20)", "degrees", lambda: open_weather(analyses(), region=(0, 10, 20)))
    refused("at least one state", "input_times=0", "one or two", lambda: open_weather(analyses(), input_times=0))
    wrong = {"static": ["latitud"]}
    refused("static channel is one of", "'latitud'", "mean 'latitude'", lambda: open_weather(analyses(), **wrong))
    opened = open_weather(analyses(), split={"train": ("yesterday", "2020-03-01")})
    refused("a first and a last time", "'yesterday'", "ISO 8601", lambda: opened.split("train"))
    refused("hours divide 24", "hours=0", "choose others", lambda: make_climatology(analyses(), 3, hours=0))
