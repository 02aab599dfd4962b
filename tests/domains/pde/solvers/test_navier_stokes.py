import numpy as np
import pytest

from humboldt.domains.pde.solvers.initial_conditions import gaussians, sines
from humboldt.domains.pde.solvers.navier_stokes import curl, navier_stokes
from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.viscosity import newtonian

from .convergence import observed_order, relative_error

WIND = np.array([[0.7, -0.4]])


def taylor_green(grid, time, viscosity):
    """The decaying Taylor–Green vortex in a uniform wind, ``[2, x, y]``."""
    x = 2 * np.pi * (grid.points - WIND[0, 0] * time)[:, None]
    y = 2 * np.pi * (grid.points - WIND[0, 1] * time)
    decay = np.exp(-8 * np.pi**2 * viscosity * time)
    return WIND[0][:, None, None] + decay * np.stack([np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)])


def random_flow(resolution=32, start=gaussians):
    grid = PeriodicGrid(resolution=resolution)
    vorticity, mean = start(np.random.default_rng(3), grid)
    return grid, vorticity[None], mean[None]


def test_taylor_green_decays_with_fourth_order_in_time():
    grid, errors, sizes = PeriodicGrid(resolution=16), [], [1.0, 0.5, 0.25]
    vorticity, mean = curl(taylor_green(grid, 0, 0.01), grid)
    for size in sizes:
        path = navier_stokes(
            vorticity[None], mean[None], grid, [0.5], damping=newtonian(grid, 0.01), rate_times_step=size
        )
        errors.append(relative_error(path[0, 0], taylor_green(grid, 0.5, 0.01)))
    assert 3.7 < observed_order(errors, sizes) < 5.5
    assert errors[-1] < 1e-6


def test_a_sheared_wind_is_carried_with_spectral_accuracy_in_space():
    """u = exp(cos(2 pi (y - V t))), v = V solves the inviscid equations for any profile."""
    errors, sizes = [], [12, 24, 48]
    for resolution in sizes:
        grid = PeriodicGrid(resolution=resolution)
        profile = [np.exp(np.cos(2 * np.pi * (grid.points - speed))) * np.ones((resolution, 1)) for speed in (0, 0.2)]
        vorticity, mean = curl(np.stack([profile[0], np.full_like(profile[0], 0.4)]), grid)
        path = navier_stokes(vorticity[None], mean[None], grid, [0.5], damping=0 * grid.kept, rate_times_step=0.1)
        errors.append(relative_error(path[0, 0, 0], profile[1]))
    assert observed_order(errors, [1 / size for size in sizes]) > 10
    assert errors[0] > 1e-5
    assert errors[1] < 1e-3 * errors[0]
    assert errors[2] < 1e-8


def test_the_velocity_is_free_of_divergence_and_its_mean_is_kept():
    grid, vorticity, _ = random_flow()
    path = navier_stokes(vorticity, WIND, grid, [0.0, 0.2], damping=newtonian(grid, 1e-3))
    spectrum = grid.forward(path)
    divergence = grid.backward(grid.wavenumber_x * spectrum[:, :, 0] + grid.wavenumber_y * spectrum[:, :, 1])
    assert np.abs(divergence).max() < 1e-11
    np.testing.assert_allclose(path.mean(axis=(-2, -1)), np.stack([WIND, WIND], axis=1), atol=1e-14)
    assert np.abs(path[:, 1] - path[:, 0]).max() > 0.1


def test_without_viscosity_energy_and_enstrophy_are_kept_to_the_order_of_the_steps():
    grid, vorticity, mean = random_flow(start=sines)
    drifts, sizes = [], [1.0, 0.5, 0.25]
    for size in sizes:
        path = navier_stokes(vorticity, mean, grid, [0.0, 0.5], damping=0 * grid.kept, rate_times_step=size)
        energy = (path**2).sum(axis=2).mean(axis=(-2, -1))[0]
        drifts.append(abs(energy[1] / energy[0] - 1))
    assert observed_order(drifts, sizes) > 4
    assert drifts[-1] < 1e-6
    spectrum = [np.abs(curl(snapshot, grid)[0]) ** 2 for snapshot in path[0]]
    total = [2 * power.sum() - power[:, 0].sum() for power in spectrum]
    assert total[1] == pytest.approx(total[0], rel=1e-5)


def test_a_tracer_in_a_uniform_flow_is_displaced_and_spreads():
    grid = PeriodicGrid(resolution=32)

    def exact(time):
        phase = 2 * np.pi * ((grid.points - WIND[0, 0] * time)[:, None] + 2 * (grid.points - WIND[0, 1] * time))
        return 0.3 + np.sin(phase) * np.exp(-0.02 * 4 * np.pi**2 * 5 * time)

    still = np.zeros((1, 32, 17), dtype=complex)
    path = navier_stokes(
        still,
        WIND,
        grid,
        [0.6],
        damping=newtonian(grid, 0.02),
        tracer=grid.forward(exact(0))[None],
        rate_times_step=0.2,
    )
    assert relative_error(path[0, 0, 2], exact(0.6)) < 1e-6


def test_the_tracer_is_kept_in_total_and_without_diffusion_in_variance():
    grid, vorticity, mean = random_flow(start=sines)
    tracer = grid.forward(1 + np.sin(2 * np.pi * grid.points)[:, None] * np.ones(32))[None]
    path = navier_stokes(vorticity, mean, grid, [0.0, 0.3], damping=0 * grid.kept, tracer=tracer, rate_times_step=0.3)[
        0, :, 2
    ]
    assert path[1].mean() == pytest.approx(1, abs=1e-13)
    assert path[1].var() == pytest.approx(path[0].var(), rel=1e-6)
    assert np.abs(path[1] - path[0]).max() > 0.1
