import numpy as np
import pytest

from humboldt.domains.pde.solvers.steady import helmholtz, poisson

from .convergence import observed_order


def middles(count):
    return (np.arange(count) + 0.5) / count


def test_poisson_is_exact_for_a_sum_of_sines():
    x = middles(24)
    one, two = np.sin(np.pi * x), np.sin(3 * np.pi * x)
    truth = np.stack([np.outer(one, two), np.outer(two, two) - 0.3 * np.outer(one, one)])
    source = np.stack(
        [10 * np.pi**2 * truth[0], 18 * np.pi**2 * np.outer(two, two) - 0.6 * np.pi**2 * np.outer(one, one)]
    )
    np.testing.assert_allclose(poisson(source), truth, atol=1e-13)


def test_poisson_converges_fast_for_a_gaussian_inside():
    """Against u = exp(-r^2 / 2 s^2), whose source is known; it is 1e-14 on the boundary."""
    errors, width = [], 0.06
    for count in (16, 24, 32):
        x, y = middles(count)[:, None] - 0.5, middles(count) - 0.5
        squared = (x**2 + y**2) / width**2
        bell = np.exp(-squared / 2)
        errors.append(np.abs(poisson(bell * (2 - squared) / width**2) - bell).max())
    assert observed_order(errors, [1 / 16, 1 / 24, 1 / 32]) > 8


@pytest.mark.parametrize("medium", ["constant", "variable"])
def test_helmholtz_converges_with_second_order(medium):
    """Against a fine grid where the medium varies, against the sine series where it does not."""
    frequency, edge = 2.5 * np.pi, 0.4

    def solved(count):
        x = middles(count)
        a = np.ones((count, count)) if medium == "constant" else 0.5 + 0.4 * np.sin(3 * x)[:, None] * np.cos(2 * x)
        return helmholtz(a, edge, frequency)

    def exact(count):
        if medium == "variable":
            return solved(256).reshape(count, 256 // count, count, -1).mean(axis=(1, 3))
        odd = np.arange(1, 400, 2)
        sine = np.sin(np.pi * np.outer(middles(count), odd)) * 4 / (np.pi * odd)
        denominator = np.pi**2 * (odd[:, None] ** 2 + odd**2) - frequency**2
        return edge + np.einsum("xm,yn,mn->xy", sine, sine, frequency**2 * edge / denominator, optimize=True)

    counts = (16, 32, 64)
    errors = [np.abs(solved(count) - exact(count)).mean() for count in counts]
    assert 1.7 < observed_order(errors, [1 / count for count in counts]) < 2.6


def test_the_solution_joins_its_boundary():
    """Extrapolated to the edge the solution is the value that is given there, to first order."""
    found = helmholtz(np.ones((64, 64)), 0.3, 2.5 * np.pi)
    assert np.abs(1.5 * found[0] - 0.5 * found[1] - 0.3).max() < 0.02
    assert np.ptp(found) > 0.2
