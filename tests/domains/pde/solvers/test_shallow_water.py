import numpy as np
import pytest

from humboldt.domains.pde.solvers.shallow_water import shallow_water
from humboldt.domains.pde.solvers.spectral import PeriodicGrid

from .convergence import observed_order, relative_error

GRID = PeriodicGrid(resolution=16)
RIDGES = np.cos(4 * np.pi * GRID.points)[:, None] * np.ones(16)
FREE = np.zeros((3, 16, 9))


def test_small_ripples_swing_at_the_frequency_of_poincare_waves_with_fourth_order():
    """omega^2 = g H k^2 + f^2; from rest h = A (f^2 + g H k^2 cos(omega t)) / omega^2."""
    gravity, coriolis, wavenumber = 2.0, 5.0, 4 * np.pi
    swing = gravity * wavenumber**2
    omega = np.sqrt(swing + coriolis**2)
    exact = 1e-7 * RIDGES * (coriolis**2 + swing * np.cos(omega * 0.6)) / omega**2
    errors, sizes = [], [1.0, 0.5, 0.25]
    for size in sizes:
        path = shallow_water(
            1 + 1e-7 * RIDGES[None],
            np.zeros((1, 2, 16, 16)),
            GRID,
            [0.6],
            damping=FREE,
            coriolis=coriolis,
            gravity=gravity,
            rate_times_step=size,
        )
        errors.append(relative_error(path[0, 0, 0] - 1, exact))
    assert 3.6 < observed_order(errors, sizes) < 4.6


def test_a_balanced_jet_is_steady():
    """f v = g h_x with v a function of x alone solves the nonlinear equations."""
    slope = -4 * np.pi * 0.05 * np.sin(4 * np.pi * GRID.points)[:, None] * np.ones(16)
    velocity = np.stack([0 * slope, slope / 5])[None]
    path = shallow_water((1 + 0.05 * RIDGES)[None], velocity, GRID, [0.0, 0.5], damping=FREE, coriolis=5.0)
    assert relative_error(path[0, 1], path[0, 0]) < 1e-12
    adrift = shallow_water((1 + 0.05 * RIDGES)[None], velocity, GRID, [0.0, 0.5], damping=FREE, coriolis=4.0)
    assert relative_error(adrift[0, 1], adrift[0, 0]) > 1e-3


def test_mass_is_kept_and_energy_without_viscosity():
    rng = np.random.default_rng(0)
    wave = GRID.backward(GRID.forward(rng.normal(size=(1, 3, 16, 16))) * (GRID.wavenumber_squared < 200))
    path = shallow_water(
        1 + 0.05 * wave[:, 0], 0.1 * wave[:, 1:], GRID, [0.0, 0.3], damping=FREE, coriolis=5.0, rate_times_step=0.2
    )[0]
    mass = path[:, 0].mean(axis=(1, 2))
    assert mass[1] == pytest.approx(mass[0], abs=1e-14)
    energy = (path[:, 0] * (path[:, 1] ** 2 + path[:, 2] ** 2) + path[:, 0] ** 2 - 1).mean(axis=(1, 2))
    assert energy[1] == pytest.approx(energy[0], rel=1e-3)
    assert np.abs(path[1] - path[0]).max() > 0.05
