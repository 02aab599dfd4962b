"""A dry general circulation: what is drawn, how it comes to pressure levels, and that it moves as an atmosphere."""

import numpy as np
import pytest

from humboldt.domains.weather.held_suarez import LEVELS, drawn_climate, on_levels, simulate
from humboldt.domains.weather.simulation import gaussian_grid


def test_climates_are_drawn_by_seed_and_number_and_the_first_is_that_of_the_paper():
    assert drawn_climate(0, 3) == drawn_climate(0, 3)
    assert drawn_climate(0, 3) != drawn_climate(0, 4) != drawn_climate(1, 4)
    first = drawn_climate(5, 0)
    assert (first.contrast, first.warmest, first.stability, first.friction, first.mountains) == (60, 315, 10, 1, ())


def test_values_on_pressure_levels_are_linear_in_the_logarithm_of_pressure():
    sigma, surface = (np.arange(8) + 0.5) / 8, np.array([[[[1e5, 8e4]]]])
    profile = 3 + 2 * np.log(sigma[:, None, None] * surface[0]) * np.ones((8, 1, 2))
    wanted = 3 + 2 * np.log(100 * np.array(LEVELS))
    found = on_levels(profile[None], surface, sigma, continued=True)[0, :, 0]
    np.testing.assert_allclose(found, np.stack([wanted, wanted], axis=1))
    kept = on_levels(profile[None], surface, sigma, continued=False)[0, :, 0]
    assert kept[2, 1] == pytest.approx(profile[-1, 0, 1])  # 850 hPa lies below a ground at 800 hPa


@pytest.mark.integration
def test_an_atmosphere_is_in_balance_and_has_storms():
    pytest.importorskip("dinosaur")
    state = list(simulate(drawn_climate(0, 0), days=10, spin_up=90, every=12.0, layers=6))[-1]
    grid = gaussian_grid(32)
    middle = np.abs(np.abs(grid.latitude) - 45) < 15
    zonal = state["u"][:, 0].mean((0, 2))  # 250 hPa
    assert zonal[middle].mean() > 10 > 0 > state["u10"][:, 15:17].mean()  # westerly jets, trade winds
    assert state["t2m"][:, 16].mean() - state["t2m"][:, 0].mean() > 25
    coriolis = 2 * 7.292e-5 * np.sin(np.deg2rad(grid.latitude))
    slope = np.gradient(state["z"][:, 1].mean((0, 2)), 6.371e6 * np.deg2rad(grid.latitude))
    geostrophic = -slope / coriolis
    np.testing.assert_allclose(state["u"][:, 1].mean((0, 2))[middle], geostrophic[middle], atol=3.0)
    assert state["msl"][:, middle].std() > 200
    moved = np.abs(state["z"][1:, 1] - state["z"][:-1, 1])[:, middle].mean()
    assert 100 < moved < 1000
