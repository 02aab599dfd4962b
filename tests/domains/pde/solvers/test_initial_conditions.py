import numpy as np
import pytest

from humboldt.domains.pde.solvers import initial_conditions as start
from humboldt.domains.pde.solvers.spectral import PeriodicGrid

from .convergence import relative_error

STARTS = [start.sines, start.gaussians, start.cells, start.shear_layer, start.brownian_bridge]


def draw(initial, resolution, seed=0):
    grid = PeriodicGrid(resolution=resolution)
    return grid, *initial(np.random.default_rng(seed), grid)


@pytest.mark.parametrize("initial", STARTS)
def test_a_finer_grid_shows_the_same_large_eddies(initial):
    _, coarse, mean = draw(initial, 64)
    _, fine, fine_mean = draw(initial, 128)
    np.testing.assert_allclose(coarse[:8, :8], fine[:8, :8], atol=2e-3 * np.abs(fine).max())
    np.testing.assert_allclose(mean, fine_mean, atol=1e-3)


def test_gaussians_are_the_published_sum_in_space():
    grid, vorticity, _ = draw(start.gaussians, 128)
    rng = np.random.default_rng(0)
    strength, width, centre = rng.uniform(-1, 1, 100), rng.uniform(0.01, 0.1, 100), rng.uniform(0, 1, (2, 100))
    images = np.array([-1, 0, 1])
    profiles = [
        np.exp(-0.5 * ((grid.points[:, None, None] - middle[:, None] - images) / width[:, None]) ** 2).sum(-1)
        for middle in centre
    ]
    exact = (profiles[0] * strength / width) @ profiles[1].T
    assert relative_error(grid.backward(vorticity), exact) < 1e-2


def test_cells_hold_their_values():
    grid, vorticity, _ = draw(start.cells, 640)
    field = grid.backward(vorticity).reshape(10, 64, 10, 64).mean(axis=(1, 3))
    values = 10 * np.random.default_rng(0).uniform(-1, 1, (10, 10))
    np.testing.assert_allclose(field, values, atol=0.3)


def test_the_shear_layer_has_two_opposite_streams():
    grid, vorticity, mean = draw(start.shear_layer, 64)
    x_velocity = grid.backward(
        np.divide(
            1j * grid.wavenumber_y * vorticity,
            grid.wavenumber_squared,
            out=np.zeros_like(vorticity),
            where=grid.wavenumber_squared > 0,
        )
    )
    profile = x_velocity.mean(axis=0) + mean[0]
    assert profile.max() > 0.9
    assert profile.min() < -0.9


def test_the_disc_has_the_area_and_the_values_of_a_disc():
    grid = PeriodicGrid(resolution=128)
    field = grid.backward(start.disc(grid))
    assert field.mean() == pytest.approx(np.pi / 16, rel=1e-6)
    assert field[64, 64] == pytest.approx(1, abs=1e-3)
    assert field[0, 0] == pytest.approx(0, abs=1e-3)


def test_smooth_fields_have_the_deviation_asked_for_and_refine_exactly():
    coarse, fine = PeriodicGrid(resolution=16), PeriodicGrid(resolution=32)
    fields = [start.smooth_field(np.random.default_rng(seed), coarse, deviation=0.3) for seed in range(40)]
    assert np.sqrt(np.mean(np.square(fields))) == pytest.approx(0.3, rel=0.15)
    again = start.smooth_field(np.random.default_rng(0), fine, deviation=0.3)
    np.testing.assert_allclose(again[::2, ::2], fields[0], atol=1e-12)
