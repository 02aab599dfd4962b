import numpy as np

from humboldt.domains.pde.solvers.advection import advection
from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.viscosity import newtonian

from .convergence import observed_order, relative_error


def test_a_uniform_wind_displaces_and_diffuses_with_fourth_order():
    grid, errors, sizes = PeriodicGrid(resolution=16), [], [1.0, 0.5, 0.25]
    wind = np.array([0.5, -0.3])[None, :, None, None] * np.ones((1, 2, 16, 16))

    def exact(time):
        phase = 2 * np.pi * ((grid.points - 0.5 * time)[:, None] + 2 * (grid.points + 0.3 * time))
        return np.stack([np.sin(phase), 2 * np.cos(phase)]) * np.exp(-0.01 * 4 * np.pi**2 * 5 * time)

    for size in sizes:
        path = advection(exact(0)[None], wind, grid, [1.0], damping=newtonian(grid, 0.01), rate_times_step=size)
        errors.append(relative_error(path[0, 0], exact(1.0)))
    assert 3.7 < observed_order(errors, sizes) < 5


def test_a_converging_wind_follows_the_characteristics_with_spectral_accuracy():
    """a = 0.2 sin(2 pi x): tan(pi x) grows by exp(0.4 pi t) along a path."""
    errors, sizes = [], [12, 24, 48]
    for resolution in sizes:
        grid = PeriodicGrid(resolution=resolution)
        wind = np.zeros((1, 2, resolution, resolution))
        wind[0, 0] = 0.2 * np.sin(2 * np.pi * grid.points)[:, None]
        origin = np.arctan2(np.sin(np.pi * grid.points) * np.exp(-0.4 * np.pi * 0.8), np.cos(np.pi * grid.points))
        scalar, exact = (
            np.cos(angle)[:, None] * np.ones(resolution) for angle in (2 * np.pi * grid.points, 2 * origin)
        )
        path = advection(scalar[None, None], wind, grid, [0.8], damping=0 * grid.kept, rate_times_step=0.3)
        errors.append(relative_error(path[0, 0, 0], exact))
    assert observed_order(errors, [1 / size for size in sizes]) > 4
    assert errors[-1] < 1e-4


def test_a_uniform_scalar_stays_uniform_in_a_wind_with_divergence():
    grid = PeriodicGrid(resolution=16)
    wind = np.sin(2 * np.pi * grid.points)[None, None, :, None] * np.ones((1, 2, 16, 16))
    path = advection(np.full((1, 1, 16, 16), 3.0), wind, grid, [1.0], damping=newtonian(grid, 1e-3))
    np.testing.assert_allclose(path, 3.0, atol=1e-13)
