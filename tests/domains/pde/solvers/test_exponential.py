import numpy as np
import pytest

from humboldt.domains.pde.solvers import UnstableSolutionError
from humboldt.domains.pde.solvers.exponential import exponential
from humboldt.domains.pde.solvers.line_families import steepening, wavenumbers

from .convergence import observed_order

POINTS = np.arange(64) / 64


def viscous(step, viscosity=0.02, start=None, times=(0.25,), **choices):
    """Burgers on the unit circle from a sine."""
    modes = wavenumbers(64, 1.0)
    rates, forcing = -viscosity * modes[None] ** 2, steepening(modes, 64)
    start = np.sin(2 * np.pi * POINTS)[None, None] if start is None else start
    return exponential(start, rates, forcing, times, step=step, axes=1, **choices)[:, -1, 0]


def test_the_order_in_time_is_four():
    exact, sizes = viscous(1 / 1024), [1 / 32, 1 / 64, 1 / 128]
    errors = [float(np.abs(viscous(size) - exact).max()) for size in sizes]
    assert 3.7 < observed_order(errors, sizes) < 4.6


def test_the_order_of_many_steps_is_four():
    exact, sizes = viscous(1 / 2048), [1 / 256, 1 / 512, 1 / 1024]
    errors = [float(np.abs(viscous(size, multistep=True) - exact).max()) for size in sizes]
    assert 3.8 < observed_order(errors, sizes) < 4.2
    assert errors[0] < 1e-6  # about as exact as a Runge–Kutta step twice as long, for half of the evaluations


def test_a_change_of_the_step_begins_anew():
    path = viscous(1 / 512, times=[0.1, 0.25], multistep=True)
    np.testing.assert_allclose(path, viscous(1 / 2048, times=[0.1, 0.25]), atol=1e-6)


@pytest.mark.parametrize("multistep", [False, True])
def test_a_start_in_single_precision_is_solved_in_it(multistep):
    """Round-off is all that it adds."""
    start = np.sin(2 * np.pi * POINTS)[None, None]
    single = viscous(1 / 256, start=start.astype("single"), multistep=multistep)
    assert single.dtype == np.float32
    apart = np.abs(single - viscous(1 / 256, start=start, multistep=multistep)).max()
    assert 0 < apart < 2e-5


def test_it_solves_burgers():
    """Against the exact solution by Cole and Hopf, whose integral is summed over the line."""
    viscosity, time = 0.05, 0.25
    y = np.linspace(-4, 4, 16001)
    potential = (1 - np.cos(2 * np.pi * y)) / (2 * np.pi)
    weight = np.exp(-potential / (2 * viscosity) - (POINTS[:, None] - y) ** 2 / (4 * viscosity * time))
    exact = ((POINTS[:, None] - y) / time * weight).sum(axis=1) / weight.sum(axis=1)
    np.testing.assert_allclose(viscous(1 / 256, viscosity)[0], exact, atol=1e-6)


def test_what_is_linear_is_exact_however_stiff_and_in_three_axes():
    start = np.cos(2 * np.pi * (np.arange(8) / 8))[None, None, :, None, None] * np.ones((1, 1, 8, 8, 8))
    mode = np.fft.fftfreq(8, 1 / 8)
    rates = -1e3 * (mode[:, None, None] ** 2 + mode[:, None] ** 2 + np.arange(5) ** 2)[None]
    (end,) = exponential(start, rates, np.zeros_like, [1e-3, 2e-3], step=1.0, axes=3)
    np.testing.assert_allclose(end[1, 0], start[0, 0] * np.exp(-2.0), atol=1e-12)


def test_an_explosion_names_its_sample():
    start = np.stack([np.sin(2 * np.pi * POINTS), 1e4 * np.sin(2 * np.pi * POINTS)])[:, None]
    with pytest.raises(
        UnstableSolutionError, match=r"sample\(s\) \[1\] of the batch did not before time 0.25"
    ) as caught:
        viscous(1 / 64, start=start)
    assert caught.value.samples == (1,)


def test_steps_must_be_positive():
    with pytest.raises(ValueError, match="a step must be a positive time, got 0"):
        viscous(0.0)
