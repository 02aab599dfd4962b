import numpy as np
import pytest

from humboldt.domains.pde.solvers.runge_kutta import UnstableSolutionError, integrate

from .convergence import observed_order


def rotation(state, speed):
    """y'' = -speed^2 y as a system."""
    slope = np.stack([state[:, 1], -(speed**2) * state[:, 0]], axis=1)
    return slope, lambda: speed


def test_the_order_in_time_is_four():
    speed, start = np.array([1.0, 3.0]), np.array([[1.0, 0.0], [1.0, 0.0]])
    errors, sizes = [], [0.4, 0.2, 0.1]
    for size in sizes:
        (end,) = integrate(rotation, start, [2.0], parameters=[speed], rate_times_step=size)
        errors.append(np.abs(end[:, 0] - np.cos(2 * speed)).max())
    assert 3.8 < observed_order(errors, sizes) < 4.3


def test_a_sample_does_not_depend_on_its_batch():
    speed, start = np.array([1.0, 30.0]), np.array([[1.0, 0.0], [0.3, 0.2]])
    together = list(integrate(rotation, start, [0.5, 1.0], parameters=[speed]))
    alone = list(integrate(rotation, start[:1], [0.5, 1.0], parameters=[speed[:1]]))
    for both, one in zip(together, alone, strict=True):
        np.testing.assert_array_equal(both[:1], one)


def test_the_first_time_may_be_the_start():
    first, _ = (state.copy() for state in integrate(rotation, np.ones((1, 2)), [0.0, 1.0], parameters=[np.ones(1)]))
    np.testing.assert_array_equal(first, np.ones((1, 2)))


def test_an_explosion_is_an_error_that_names_the_sample():
    def explosion(state):
        with np.errstate(over="ignore", invalid="ignore"):
            slope, rate = state**2, np.abs(state[:, 0]) * 0 + 1
        return slope, lambda: rate

    with pytest.raises(UnstableSolutionError, match=r"must stay finite, but sample\(s\) \[1\].*raise the resolution"):
        list(integrate(explosion, np.array([[0.1], [9.0]]), [40.0]))


@pytest.mark.parametrize("times", [[0.0, 0.5, 0.5], [1.0, 0.5], [-1.0, 1.0], []])
def test_times_must_increase(times):
    with pytest.raises(ValueError, match=r"must increase strictly from 0 on, got .*; sort them"):
        list(integrate(rotation, np.ones((1, 2)), times, parameters=[np.ones(1)]))


@pytest.mark.parametrize("limit", [0.0, 3.0, -1.0])
def test_steps_beyond_the_limit_of_stability_are_refused_with_it(limit):
    with pytest.raises(ValueError, match=r"must lie in its stable range \(0, 2.78\], got"):
        list(integrate(rotation, np.ones((1, 2)), [1.0], parameters=[np.ones(1)], rate_times_step=limit))


def test_steps_that_shrink_to_nothing_are_an_explosion():
    def stiffer(state):
        return state, lambda: 1e9 * np.abs(state[:, 0])

    with pytest.raises(UnstableSolutionError, match=r"sample\(s\) \[0\]") as caught:
        list(integrate(stiffer, np.ones((1, 1)), [1.0]))
    assert caught.value.samples == (0,)
