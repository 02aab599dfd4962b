"""What is known without a forecast."""

import cftime
import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Channel, Grid, regular, static_fields
from humboldt.domains.weather.forcings import solar_irradiance

TIME = np.datetime64("2020-03-20T18:00")


def test_places_and_calendar():
    grid = regular(4, 8)
    names = ("latitude", "cos_longitude", "cos_day_of_year", "sin_hour_of_day", "PHIS")
    made = static_fields([Channel(variable=n) for n in names], grid, TIME, {"PHIS": np.full((4, 8), 7.0)})
    np.testing.assert_allclose(made[0, :, 0], np.deg2rad(grid.latitude), rtol=1e-6)
    np.testing.assert_allclose(made[1, 0], np.cos(np.deg2rad(grid.longitude)), atol=1e-6)
    np.testing.assert_allclose(made[2], np.cos(2 * np.pi * 80 / 366), rtol=1e-6)
    np.testing.assert_allclose(made[3], -1, rtol=1e-6)
    assert (made[4] == 7).all()
    with pytest.raises(DataError, match=r"got 'cos_day'; did you mean .*'cos_day_of_year'"):
        static_fields([Channel(variable="cos_day")], grid, TIME)


def test_the_sun_stands_over_the_equator_at_the_equinox_and_half_the_earth_is_dark():
    grid = regular(90, 180)
    sun = solar_irradiance(grid, np.datetime64("2020-03-20T12:00"))
    row, column = np.unravel_index(sun.argmax(), sun.shape)
    assert abs(grid.latitude[row]) < 2.5
    assert abs((grid.longitude[column] + 180) % 360 - 180) < 4
    assert (sun == 0).mean() == pytest.approx(0.5, abs=0.02)
    mean = float((sun.mean(1) * grid.area_weights()).mean())
    assert mean == pytest.approx(1361 / 4, rel=0.02)  # a quarter of the solar constant, near its mean distance


def test_the_poles_have_twilight_at_the_equinox_and_half_a_year_of_day_and_night():
    poles = Grid((-90.0, 90.0), (0.0, 90.0, 180.0, 270.0))
    assert (solar_irradiance(poles, np.datetime64("2020-03-20T04:00")) < 10).all()
    south, north = solar_irradiance(poles, np.datetime64("2020-06-21T00:00"))
    np.testing.assert_array_equal(south, 0)
    np.testing.assert_allclose(north, 1361 * 0.9675 * np.sin(np.deg2rad(23.44)), rtol=5e-3)  # at aphelion, all day long
    south, north = solar_irradiance(poles, np.datetime64("2020-12-21T12:00"))
    np.testing.assert_array_equal(north, 0)
    assert (south > 520).all()


def test_a_year_of_360_days_comes_round():
    """The sun at its last moment is that of the first one of the next; midsummer lies in the middle of it."""
    grid = regular(6, 8)
    last, first = (cftime.Datetime360Day(*day) for day in ((2000, 12, 30, 23, 59, 59), (2001, 1, 1)))
    np.testing.assert_allclose(solar_irradiance(grid, last), solar_irradiance(grid, first), atol=0.2)
    june = [solar_irradiance(grid, cftime.Datetime360Day(2000, 6, day, 12))[-1].mean() for day in (10, 20, 30)]
    assert june[1] == max(june)
