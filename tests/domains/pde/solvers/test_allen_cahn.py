import numpy as np
import pytest

from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers.allen_cahn import allen_cahn, phase_start
from humboldt.domains.pde.solvers.spectral import PeriodicGrid

from .convergence import observed_order, relative_error


def test_a_uniform_phase_grows_by_the_exact_law_with_fourth_order():
    grid, times, errors, sizes = PeriodicGrid(resolution=8), [1e-4], [], [0.08, 0.04, 0.02]
    growth = np.exp(220**2 * times[0])
    exact = 0.1 * growth / np.sqrt(1 + 0.01 * (growth**2 - 1))
    for size in sizes:
        path = allen_cahn(np.full((1, 8, 8), 0.1), grid, times, rate_times_step=size)
        errors.append(relative_error(path, np.full_like(path, exact)))
    assert 3.6 < observed_order(errors, sizes) < 4.6


def test_a_small_wave_grows_at_the_rate_of_linear_theory():
    grid = PeriodicGrid(resolution=16)
    wave = 1e-6 * np.sin(2 * np.pi * 3 * grid.points)[:, None] * np.ones(16)
    path = allen_cahn(wave[None], grid, [1e-3], sharpness=30.0)
    rate = 900 - (6 * np.pi) ** 2
    assert relative_error(path[0, 0, 0], wave * np.exp(1e-3 * rate)) < 1e-6


def test_a_tanh_front_stays_where_it_is_with_spectral_accuracy():
    errors, sizes = [], [32, 48, 96]
    for resolution in sizes:
        grid = PeriodicGrid(resolution=resolution)
        front = np.tanh((0.25 - np.abs(grid.points - 0.5)) * 40 / np.sqrt(2))[:, None] * np.ones(resolution)
        path = allen_cahn(front[None], grid, [2.5e-3], sharpness=40.0)
        errors.append(relative_error(path[0, 0, 0], front))
    assert observed_order(errors, [1 / size for size in sizes]) > 4
    assert errors[-1] < 1e-4


def test_the_free_energy_falls_and_the_phases_stay_between_minus_one_and_one():
    grid = PeriodicGrid(resolution=64)
    starts = np.stack([5 * phase_start(np.random.default_rng(seed), grid.points) for seed in range(2)])
    path = allen_cahn(starts, grid, np.linspace(0, 5e-3, 5).tolist(), sharpness=60.0)[:, :, 0]
    energy = (60**2 / 4 * (1 - path**2) ** 2 - 0.5 * path * grid.laplacian(path)).mean(axis=(-2, -1))
    assert np.all(np.diff(energy, axis=1) < 0)
    assert np.abs(path).max() < 1.05
    assert np.abs(path[:, -1]).mean() > 0.5


def test_the_initial_phase_vanishes_on_the_edge_and_is_a_function_of_space():
    coarse = phase_start(np.random.default_rng(1), PeriodicGrid(resolution=32).points)
    fine = phase_start(np.random.default_rng(1), PeriodicGrid(resolution=64).points)
    assert np.abs(coarse[0]).max() == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(fine[::2, ::2], coarse, atol=1e-15)


def test_the_initial_phase_is_the_published_sum_but_for_one_power_of_its_length():
    rng, points = np.random.default_rng(5), PeriodicGrid(resolution=32).points
    count, power = rng.integers(16, 33), rng.uniform(0.7, 1)
    weights, exact = rng.uniform(-1, 1, (count, count)), np.zeros((32, 32))
    for i in range(1, count + 1):
        for j in range(1, count + 1):
            wave = np.sin(np.pi * i * points)[:, None] * np.sin(np.pi * j * points)
            exact += weights[i - 1, j - 1] * (i**2 + j**2) ** -power * wave / count
    np.testing.assert_allclose(phase_start(np.random.default_rng(5), points), exact, atol=1e-15)


def test_the_phases_have_the_published_deviation():
    path = problem("ace").solve(range(24), seed=1, resolution=48)
    assert path.std() == pytest.approx(0.65351176, abs=0.05)
