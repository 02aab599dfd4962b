from importlib import import_module
from typing import Any

import numpy as np
import pytest

from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers import UnstableSolutionError
from humboldt.domains.pde.solvers.euler import euler
from humboldt.domains.pde.solvers.riemann import conserved, hllc, primitive

from .convergence import observed_order
from .exact_riemann import exact_riemann

module = import_module("humboldt.domains.pde.solvers.euler")  # the package shows the function of that name
SOD = (1.0, 0.0, 1.0), (0.125, 0.0, 0.1)


def tube(left, right, count, *, wide=4):
    """Two states on both sides of 1/2 along x, the same along y; ``[1, 4, x, y]``."""
    x = (np.arange(count) + 0.5) / count
    states = np.where(x < 0.5, np.array(left)[:, None], np.array(right)[:, None])
    gas = np.stack([states[0], states[1], np.zeros(count), states[2]])
    return x, np.repeat(gas[None, :, :, None], wide, axis=3)


def smooth_gas(count, samples=1, seed=0):
    rng = np.random.default_rng(seed)
    x = (np.arange(count) + 0.5) / count
    phases = 2 * np.pi * rng.uniform(size=(samples, 4, 2, 1, 1))
    waves = np.sin(2 * np.pi * x[:, None] + phases[:, :, 0]) * np.cos(2 * np.pi * x + phases[:, :, 1])
    return np.array([1.0, 0.2, -0.1, 1.0])[:, None, None] + 0.2 * waves


def test_the_tube_of_sod_converges_to_the_exact_solution():
    """First order in the mean, as every scheme has it at shocks and contacts; the shock stands where it should."""
    errors, sizes = [], [1 / 64, 1 / 128, 1 / 256]
    for size in sizes:
        x, gas = tube(*SOD, round(1 / size))
        found = euler(gas, size, [0.2], boundary="outflow")[0, 0]
        exact, (_, shock) = exact_riemann(*SOD, (x - 0.5) / 0.2)
        errors.append(np.abs(found[[0, 1, 3], :, 0] - exact).mean())
        steepest = x[np.argmax(np.abs(np.diff(found[3, :, 0])) * (x[1:] > 0.7))] + size / 2
        print(f"shock at {steepest:.4f}, exact {0.5 + 0.2 * shock:.4f}")
        assert abs(steepest - 0.5 - 0.2 * shock) < 1.5 * size
        np.testing.assert_allclose(found[:, :, 0], found[:, :, -1], atol=1e-13)
    assert 0.8 < observed_order(errors, sizes) < 1.3
    assert errors[-1] < 3e-3


def test_a_smooth_vortex_is_carried_with_second_order():
    """The isentropic vortex (Shu 1998) crosses the periodic square once and is what it was."""
    errors, sizes = [], [1 / 32, 1 / 64, 1 / 128]
    for size in sizes:
        points = 10 * (np.arange(round(1 / size)) + 0.5) * size - 5
        x, y = np.meshgrid(points, points, indexing="ij")
        bell = 5 / (2 * np.pi) * np.exp((1 - x**2 - y**2) / 2)
        warmth = 1 - 0.4 / (2 * 1.4) * bell**2
        density = warmth**2.5
        gas = np.stack([density, 1 - bell * y, 1 + bell * x, density * warmth])[None]
        found = euler(gas, 10 * size, [10.0])
        errors.append(np.abs(found[0, 0, 0] - density).mean())
    assert 1.8 < observed_order(errors, sizes) < 3.0


def test_a_shock_that_meets_waves_keeps_their_amplitude():
    """Shu and Osher (1989): Mach 3 into a sine of the density; the waves behind the shock converge."""

    def run(count):
        x = 10 * (np.arange(count) + 0.5) / count - 5
        still = np.stack([1 + 0.2 * np.sin(5 * x), 0 * x, 0 * x, 1 + 0 * x])
        driven = np.array([3.857143, 2.629369, 0.0, 10.33333])[:, None]
        gas = np.where(x < -4, driven, still)
        return x, euler(gas[None, :, :, None], 10 / count, [1.8], boundary="outflow")[0, 0, :, :, 0]

    x, fine = run(1600)
    errors = []
    for count in (200, 400, 800):
        _, found = run(count)
        errors.append(np.abs(found[0] - fine[0].reshape(count, -1).mean(axis=1)).mean())
    observed_order(errors, [1 / 200, 1 / 400, 1 / 800])
    assert errors[0] > 1.6 * errors[1] > 2.5 * errors[2]
    behind = fine[0][(x > 0.6) & (x < 2.2)]
    assert np.ptp(behind) > 1.0  # the published profile swings between about 3 and 4.6


def test_nothing_is_lost_on_the_periodic_square():
    gas = smooth_gas(32, samples=2)
    path = euler(gas, 1 / 32, [0.0, 0.4])
    kept = [conserved(path[:, time], 1.4).mean(axis=(2, 3)) for time in (0, 1)]
    assert kept[1] == pytest.approx(kept[0], rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(path[:, 0], gas, rtol=1e-13, atol=1e-15)
    assert np.abs(path[:, 1] - path[:, 0]).max() > 0.1


def test_both_directions_are_alike():
    """Turned by a quarter the gas differs by the order of the sweeps alone, which is an error of second order."""
    apart = []
    for count in (24, 96):
        gas = smooth_gas(count)
        one = euler(gas, 1 / count, [0.1])
        other = euler(gas[:, [0, 2, 1, 3]].swapaxes(2, 3), 1 / count, [0.1])[:, :, [0, 2, 1, 3]].swapaxes(3, 4)
        apart.append(np.abs(one - other).mean())
    assert apart[0] < 1e-3
    assert observed_order(apart, [1 / 24, 1 / 96]) > 1.7


def test_a_mirror_changes_nothing_but_the_sign_of_a_velocity():
    signs = np.array([1, -1, 1, 1])[:, None, None]
    gas = smooth_gas(24)
    one, back = euler(gas, 1 / 24, [0.1]), euler(gas[:, :, ::-1] * signs, 1 / 24, [0.1])
    np.testing.assert_allclose(back[:, :, :, ::-1] * signs, one, atol=1e-12)


@pytest.mark.parametrize(
    ("left", "right"), [((1.0, -2.0, 0.4), (1.0, 2.0, 0.4)), ((1.0, 0.0, 1000.0), (1.0, 0.0, 0.01))]
)
def test_it_stays_a_gas_next_to_a_vacuum_and_behind_a_blast(left, right):
    """The 123 problem and the left half of the blast waves of Toro's tests."""
    _, gas = tube(left, right, 100)
    path = euler(gas, 1 / 100, [0.005, 0.01], boundary="outflow")
    assert path[:, :, [0, 3]].min() > 0
    exact, _ = exact_riemann(left, right, ((np.arange(100) + 0.5) / 100 - 0.5) / 0.01)
    assert np.abs(path[0, 1, 3, :, 0] - exact[2]).mean() < 0.06 * np.abs(exact[2]).mean()


def test_a_sample_takes_its_own_steps():
    """A fast neighbour changes no bit."""
    slow, fast = smooth_gas(16, seed=1), smooth_gas(16, seed=2) * np.array([1, 20, 20, 5])[:, None, None]
    both = euler(np.concatenate([slow, fast]), 1 / 16, [0.05, 0.1])
    np.testing.assert_array_equal(both[:1], euler(slow, 1 / 16, [0.05, 0.1]))
    np.testing.assert_array_equal(both[1:], euler(fast, 1 / 16, [0.05, 0.1]))


def test_the_flux_between_equal_states_is_their_flux():
    gas = smooth_gas(8, samples=3)
    flux = hllc(gas, gas, 1.4)
    density, u, v, pressure = np.moveaxis(gas, 1, 0)
    energy = conserved(gas, 1.4)[:, 3]
    exact = np.stack([density * u, density * u * u + pressure, density * u * v, (energy + pressure) * u], axis=1)
    np.testing.assert_allclose(flux, exact, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(primitive(conserved(gas, 1.4), 1.4), gas, rtol=1e-12, atol=1e-14)


def test_what_is_no_gas_is_refused():
    gas = smooth_gas(16, samples=2)
    gas[1, 3, 4, 4] = -0.5
    with pytest.raises(ValueError, match=r"must be positive, got a least density of .* pressure of -0.5 in sample 1"):
        euler(gas, 1 / 16, [0.1])
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\], got 2; 0.8 is usual"):
        euler(smooth_gas(16), 1 / 16, [0.1], courant=2.0)
    hot = smooth_gas(16)
    hot[0, 1] = 1e200
    with pytest.raises(UnstableSolutionError, match=r"sample 1 .* but it did not shortly before time 0.1; lower"):
        euler(np.concatenate([smooth_gas(16), hot]), 1 / 16, [0.1])


@pytest.mark.parametrize("seed", [0, 1])
def test_it_stays_a_gas_where_neighbours_differ_by_powers_of_ten(seed):
    """Cells of random density (1e-4 to 10), pressure (1e-5 to 100) and speed, where profiles alone end below zero."""
    rng = np.random.default_rng(seed)
    low, high = [-4, -10, -10, -5], [1, 10, 10, 2]
    gas = np.moveaxis(rng.uniform(low, high, (16, 16, 4)), -1, 0)[None]
    gas[:, [0, 3]] = 10 ** gas[:, [0, 3]]
    path = euler(gas, 1 / 16, [0.002])
    assert path[:, :, [0, 3]].min() > 0
    np.testing.assert_allclose(conserved(path[:, 0], 1.4).mean((2, 3)), conserved(gas, 1.4).mean((2, 3)), rtol=1e-10)


def layered(count, seed=0):
    """A gas of random density in discrete hydrostatic equilibrium along x, ``[1, 4, x, y]``, and its potential."""
    rng, x = np.random.default_rng(seed), (np.arange(count) + 0.5) / count
    potential, density = 1.5 * x + 0.3 * np.sin(4 * x), 1 + 0.3 * rng.uniform(size=count)
    weight = 0.5 * (density[1:] + density[:-1]) * np.diff(potential)
    pressure = 4 - np.concatenate([[0], np.cumsum(weight)])
    gas = np.stack([density, 0 * x, 0 * x, pressure])
    return np.repeat(gas[None, :, :, None], count, axis=3), np.repeat(potential[None, :, None], count, axis=2)


@pytest.mark.parametrize("along_x", [True, False])
def test_what_is_in_equilibrium_with_gravity_stays(along_x):
    gas, potential = layered(24)
    if not along_x:
        gas, potential = gas[:, [0, 2, 1, 3]].swapaxes(2, 3), potential.swapaxes(1, 2)
    path = euler(gas, 1 / 24, [0.5], boundary="wall", potential=potential)
    np.testing.assert_allclose(path[:, 0], gas, atol=1e-12)
    falling = euler(gas, 1 / 24, [0.2], boundary="wall", potential=1.1 * potential)
    assert np.abs(falling[:, 0, 1:3]).max() > 1e-2


def test_walls_keep_mass_and_energy_and_carry_concentrations():
    gas, potential = layered(24)
    gas[:, 1:3] += 0.3 * smooth_gas(24)[:, 1:3]
    amounts = np.stack([0.5 + smooth_gas(24)[:, 0] / 4, np.ones((1, 24, 24))], axis=1)
    path = euler(np.concatenate([gas, amounts], axis=1), 1 / 24, [0.0, 0.5], boundary="wall", potential=potential)
    state = conserved(path[0], 1.4)
    mass, energy = state[:, 0].sum((1, 2)), (state[:, 3] + state[:, 0] * potential).sum((1, 2))
    np.testing.assert_allclose(mass[1], mass[0], rtol=1e-13)
    np.testing.assert_allclose(energy[1], energy[0], rtol=1e-13)
    np.testing.assert_allclose(state[1, 4].sum(), state[0, 4].sum(), rtol=1e-13)
    np.testing.assert_allclose(path[0, 1, 5], 1, atol=1e-13)
    alone = euler(gas, 1 / 24, [0.5], boundary="wall", potential=potential)
    np.testing.assert_array_equal(alone[0, 0], path[0, 1, :4])


def test_a_star_whose_pressure_is_its_squared_density_rests_exactly():
    """The polytrope of gamma = 2 is in equilibrium on any mesh: sums and differences of its density cancel."""
    x = (np.arange(24) + 0.5) / 24
    density = np.sinc(np.sqrt(2 / np.pi) * np.hypot(x[:, None] - 0.5, x - 0.5))
    gas = np.stack([density, 0 * density, 0 * density, density**2])[None]
    path = euler(gas, 1 / 24, [0.5], gamma=2.0, boundary="wall", potential=-2 * density[None])
    np.testing.assert_allclose(path[:, 0], gas, atol=1e-12)


@pytest.mark.parametrize("name", ["ce-rp", "gce-rt"])
def test_strips_change_nothing(name, monkeypatch):
    """Also with gravity, which has strips of its own, and where a strip is narrower than the others."""
    chosen = problem(name, refinement="1")
    whole = chosen.solve(1, resolution=20, times=[0.0, 0.1])
    monkeypatch.setattr(module, "STRIP", 60)  # three columns of twenty
    np.testing.assert_array_equal(chosen.solve(1, resolution=20, times=[0.0, 0.1]), whole)


def test_a_step_is_solved_strip_by_strip(monkeypatch):
    seen, original = [], module.outflow

    def outflow(state: Any, *given: Any, **choices: Any) -> Any:
        seen.append(state.shape)
        return original(state, *given, **choices)

    monkeypatch.setattr(module, "STRIP", 60)
    monkeypatch.setattr(module, "outflow", outflow)
    module.stepped(conserved(np.ones((1, 4, 20, 20)), 1.4), 0.1, module.Medium(1.4, "periodic"))
    assert seen == [(1, 4, 20, 3)] * 6 + [(1, 4, 20, 2)]
