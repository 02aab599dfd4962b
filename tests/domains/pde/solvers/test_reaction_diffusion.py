import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from humboldt.domains.pde.solvers.reaction_diffusion import reaction_diffusion
from humboldt.domains.pde.solvers.spectral import PeriodicGrid

from .convergence import observed_order, relative_error

GRID = PeriodicGrid(resolution=8)


def test_uniform_species_follow_the_ordinary_equations_with_fourth_order():
    exact = solve_ivp(
        lambda t, y: [y[0] - y[0] ** 3 - 5e-3 - y[1], y[0] - y[1]], (0, 3), [0.8, -0.4], rtol=1e-12, atol=1e-13
    ).y[:, -1]
    start = np.array([0.8, -0.4])[None, :, None, None] * np.ones((1, 2, 8, 8))
    errors, sizes = [], [1.5, 0.75, 0.375]
    for size in sizes:
        path = reaction_diffusion(start, GRID, [3.0], rate_times_step=size)
        errors.append(relative_error(path[0, 0], exact[:, None, None] * np.ones((8, 8))))
    assert 3.6 < observed_order(errors, sizes) < 4.8


def test_small_waves_follow_the_linear_equations():
    wave = np.cos(2 * np.pi * GRID.points)[:, None] * np.cos(2 * np.pi * GRID.points)
    squared = 8 * np.pi**2
    matrix = np.array([[1 - 2.5e-2 * squared, -1], [1, -1 - 1e-2 * squared]])
    start = np.stack([1e-5 * wave, 2e-5 * wave])[None]
    path = reaction_diffusion(start, GRID, [1.0], diffusivity=(2.5e-2, 1e-2), threshold=0.0, rate_times_step=0.1)
    exact = expm(matrix) @ np.array([1e-5, 2e-5])
    assert relative_error(path[0, 0], exact[:, None, None] * wave) < 1e-5
