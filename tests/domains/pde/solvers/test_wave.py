import numpy as np

from humboldt.domains.pde.solvers.media import gaussian_speed, pulses
from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.wave import wave, wave_energy

from .convergence import observed_order, relative_error


def test_a_standing_wave_swings_with_fourth_order_in_time():
    grid, errors, sizes = PeriodicGrid(resolution=16, length=2.0), [], [1.2, 0.6, 0.3]
    shape = np.cos(np.pi * grid.points)[:, None] * np.cos(2 * np.pi * grid.points)
    exact = shape * np.cos(3 * np.sqrt(5) * np.pi * 0.7)
    for size in sizes:
        path = wave(shape[None], np.full((1, 16, 16), 3.0), grid, [0.7], rate_times_step=size)
        errors.append(relative_error(path[0, 0, 0], exact))
    assert 3.7 < observed_order(errors, sizes) < 4.5
    assert errors[-1] < 1e-5


def test_the_energy_is_kept_through_a_varying_speed():
    grid = PeriodicGrid(resolution=32)
    x, y = grid.points[:, None], grid.points[None, :]
    rng = np.random.default_rng(0)
    start, speed = pulses(rng, periodic=True)(x, y)[None], gaussian_speed(rng, periodic=True)(x, y)[None]
    drifts, sizes = [], [1.2, 0.6, 0.3]
    for size in sizes:
        path = wave(start, speed, grid, [0.0, 3e-4], rate_times_step=size)
        energy = wave_energy(path[:, :, 0], path[:, :, 1], speed[:, None], grid)[0]
        drifts.append(abs(energy[1] / energy[0] - 1))
    assert observed_order(drifts, sizes) > 4
    assert drifts[-1] < 1e-6
    assert np.abs(path[0, 1, 0] - path[0, 0, 0]).max() > 0.3
