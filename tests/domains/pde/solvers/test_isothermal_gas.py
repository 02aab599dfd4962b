import numpy as np
import pytest

from humboldt.domains.pde.solvers.isothermal_gas import isothermal_gas
from humboldt.domains.pde.solvers.spectral import PeriodicGrid

from .convergence import observed_order, relative_error

GRID = PeriodicGrid(resolution=16)
RIDGES = np.cos(4 * np.pi * GRID.points)[:, None] * np.ones(16)
FREE = np.zeros((16, 9))
NONE = np.zeros(1)


def test_faint_sound_swings_at_c_times_k_with_fourth_order():
    """From rest q = A cos(k x) cos(c k t)."""
    speed, wavenumber = 0.7, 4 * np.pi
    exact = 1e-7 * RIDGES * np.cos(speed * wavenumber * 0.6)
    errors, sizes = [], [1.0, 0.5, 0.25]
    for size in sizes:
        path = isothermal_gas(
            1e-7 * RIDGES[None],
            np.zeros((1, 2, 16, 16)),
            np.array([speed]),
            NONE,
            GRID,
            [0.6],
            damping=FREE,
            rate_times_step=size,
        )
        errors.append(relative_error(path[0, 0, 0], exact))
    assert 3.6 < observed_order(errors, sizes) < 4.6


def test_without_sound_the_flow_follows_characteristics():
    """u(x + u0(x) t, t) = u0(x) while no two of them meet, the same in y; c = 0 leaves no pressure."""
    grid = PeriodicGrid(resolution=64)
    speed = 0.1 * np.sin(2 * np.pi * grid.points)
    time = 0.5
    start = np.stack([np.repeat(speed[:, None], 64, 1), np.zeros((64, 64))])[None]
    still = np.zeros((1, 64, 64))
    path = isothermal_gas(still, start, NONE, NONE, grid, [time], damping=np.zeros((64, 33)), rate_times_step=0.2)
    origin = grid.points.copy()
    for _ in range(100):
        origin = grid.points - 0.1 * np.sin(2 * np.pi * origin) * time
    assert relative_error(path[0, 0, 1], np.repeat(0.1 * np.sin(2 * np.pi * origin)[:, None], 64, 1)) < 1e-8
    density = 1 / (1 + time * 0.2 * np.pi * np.cos(2 * np.pi * origin))
    assert relative_error(np.exp(path[0, 0, 0]), np.repeat(density[:, None], 64, 1)) < 1e-7


def test_mass_and_momentum_are_kept_without_damping():
    grid = PeriodicGrid(resolution=32)
    rng = np.random.default_rng(0)
    smooth = grid.backward(grid.forward(rng.normal(size=(2, 3, 32, 32))) * (grid.wavenumber_squared < 200))
    path = isothermal_gas(
        0.1 * smooth[:, 0],
        0.2 * smooth[:, 1:],
        np.array([0.3, 1.0]),
        np.zeros(2),
        grid,
        [0.0, 0.2],
        damping=np.zeros((32, 17)),
    )
    density = np.exp(path[:, :, :1])
    total = np.concatenate([density, density * path[:, :, 1:]], axis=2).mean(axis=(3, 4))
    assert total[:, 1] == pytest.approx(total[:, 0], abs=1e-6)
    assert np.abs(path[:, 1] - path[:, 0]).max() > 0.05
