"""What is known without a forecast."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Channel, regular, static_fields
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
