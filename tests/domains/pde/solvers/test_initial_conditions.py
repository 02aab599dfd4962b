import numpy as np
import pytest

from humboldt.domains.pde.solvers import initial_conditions as start
from humboldt.domains.pde.solvers.navier_stokes import velocity
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


def test_sines_are_the_published_sums_without_their_gradients():
    """Only what is free of divergence is kept of them, so curls are compared."""
    grid, vorticity, _ = draw(start.sines, 64)
    rng = np.random.default_rng(0)
    a, (b, g) = rng.uniform(-1, 1, (10, 10)), rng.uniform(0, 2 * np.pi, (2, 10, 10))
    x, y = grid.points[:, None], grid.points[None, :]
    curl = np.zeros((64, 64))
    for i in range(1, 11):
        for j in range(1, 11):
            size, at = a[i - 1, j - 1] / np.sqrt(2 * np.pi * (i + j)), (i - 1, j - 1)
            along_x, along_y = 2 * np.pi * i * x + b[at], 2 * np.pi * j * y + g[at]
            curl -= size * 2 * np.pi * i * np.sin(along_x) * np.cos(along_y)  # of v = cos cos
            curl -= size * 2 * np.pi * j * np.sin(along_x) * np.cos(along_y)  # of u = sin sin
    assert relative_error(grid.backward(vorticity), curl) < 1e-10


def test_shear_layers_are_as_thick_shifted_and_perturbed_as_published():
    """Where u changes its sign, and how steeply: near 1/4 and 3/4, by 1 over a thickness of 0.08 to 0.12."""
    crossings, slopes = [], []
    for seed in range(40):
        grid, vorticity, mean = draw(start.shear_layer, 128, seed)
        u = velocity(vorticity, mean, grid)[0]
        profile = u[0]
        rising = np.flatnonzero((profile < 0) & (np.roll(profile, -1) >= 0))
        assert len(rising) == 1
        crossings.append(rising[0] / 128 - 0.25)
        slopes.append(np.abs(np.diff(u, axis=1)).max() * 128)
    assert 0.02 < np.abs(crossings).max() < 1 / 16 + 0.15
    assert 1 / 0.12 - 0.8 < min(slopes) < 9.5
    assert 11 < max(slopes) < 1 / 0.08 + 0.5


def test_a_vortex_sheet_lies_along_its_wave():
    grid, vorticity, _ = draw(start.vortex_sheet, 128)
    field = grid.backward(vorticity)
    height = grid.points[np.argmax(field, axis=1)]
    np.testing.assert_allclose(height, 0.5 + 0.2 * np.sin(2 * np.pi * grid.points), atol=0.03)
    above = np.clip(field - np.median(field), 0, None)
    middle = np.array([(row * (grid.points - 0.5)).sum() / row.sum() for row in above])
    width = np.sqrt(((grid.points - 0.5 - middle[:, None]) ** 2 * above).sum(1) / above.sum(1))
    assert width[32] == pytest.approx(3 / 128, rel=0.15)  # at the crest, where the sheet is flat


def test_a_brownian_bridge_has_the_published_spectrum():
    """|k|^-3/2 of each velocity component: the energy of a mode falls with the third power of its wavenumber."""
    energy = 0
    for seed in range(40):
        grid, vorticity, _ = draw(start.brownian_bridge, 128, seed)
        energy = energy + np.abs(vorticity) ** 2 / np.maximum(grid.wavenumber_squared, 1)
    periods = np.hypot(grid.modes_x, grid.modes_y)
    low, high = (energy[(periods > k - 1) & (periods < k + 1) & (grid.modes_y > 0)].mean() for k in (5, 25))
    assert np.log(low / high) / np.log(5) == pytest.approx(3, abs=0.4)
