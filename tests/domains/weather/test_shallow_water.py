"""Shallow water: what is drawn, and that the flow is in balance, keeps its water and has waves."""

import numpy as np
import pytest

from humboldt.domains.weather.shallow_water import DEPTH, Flow, Jet, drawn_flow, simulate
from humboldt.domains.weather.simulation import gaussian_grid


def test_flows_are_drawn_by_seed_and_number_and_the_first_is_symmetric():
    assert drawn_flow(0, 3) == drawn_flow(0, 3)
    assert drawn_flow(0, 3) != drawn_flow(0, 4) != drawn_flow(1, 4)
    south, north = drawn_flow(5, 0).jets
    assert (south.speed, south.latitude) == (north.speed, -north.latitude)
    assert all(m.height <= 1500 for number in range(20) for m in drawn_flow(0, number).mountains)


def test_a_jet_is_fastest_at_its_axis_and_still_at_the_poles():
    wind = Jet(speed=50.0, latitude=45.0, width=8.0).wind(np.array([45.0, 37.0, -45.0, 90.0]))
    assert wind[0] == pytest.approx(50)
    assert wind[1] == pytest.approx(50 * np.exp(-1) * np.cos(np.deg2rad(37)) / np.cos(np.deg2rad(45)))
    assert np.abs(wind[2:]).max() < 1e-10


@pytest.mark.integration
def test_a_flow_is_in_balance_keeps_its_water_and_has_waves():
    pytest.importorskip("dinosaur")
    jet, calm = Jet(speed=50.0, latitude=45.0, width=8.0), Jet(speed=10.0, latitude=-45.0, width=20.0)
    state = list(simulate(Flow(jets=(calm, jet)), days=10, spin_up=10, every=12.0))[-1]
    grid = gaussian_grid(32)
    z, v, latitude = state["z"][:, 0], state["v"][:, 0], np.asarray(grid.latitude)
    area = grid.area_weights()[:, None]
    mean = (z * area).mean((1, 2))
    np.testing.assert_allclose(mean, 9.80616 * DEPTH, rtol=1e-3)
    assert np.ptp(mean) < 1.0
    middle = np.abs(latitude - 45) < 15
    slope = np.gradient(z.mean((0, 2)), 6.371e6 * np.deg2rad(latitude))
    geostrophic = -slope / (2 * 7.292e-5 * np.sin(np.deg2rad(latitude)))
    np.testing.assert_allclose(state["u"][:, 0].mean((0, 2))[middle], geostrophic[middle], atol=4.0)
    assert v[:, middle].std() > 3 * v[:, np.abs(latitude + 45) < 15].std()  # only the narrow jet is unstable
    assert state["orog"].max() == 0
