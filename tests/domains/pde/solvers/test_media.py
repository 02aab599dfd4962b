import numpy as np
import pytest

from humboldt.domains.pde.solvers.media import gaussian_speed, gaussian_sum, layered_speed, pulses

POINTS = np.arange(64) / 64


@pytest.mark.parametrize("seed", range(5))
def test_layers_are_few_and_their_speeds_within_range(seed):
    speed = layered_speed(np.random.default_rng(seed), periodic=False)(POINTS[:, None], POINTS[None, :])
    values = np.unique(speed)
    assert 3 <= len(values) <= 6
    assert values.min() >= 2000
    assert values.max() <= 5000
    assert len(np.unique(speed[:, 0])) == 1


def test_bumps_only_raise_the_speed():
    speed = gaussian_speed(np.random.default_rng(0), periodic=False)(POINTS[:, None], POINTS[None, :])
    assert speed.min() >= 1500
    assert speed.max() > speed.min() + 500


def test_periodic_sums_repeat_and_others_do_not():
    one = np.array([1.0]), np.array([0.1]), np.array([[0.05], [0.5]])
    ends = np.array([[0.0], [1.0]]), np.array([[0.5]])
    left, right = gaussian_sum(*one, periodic=True)(*ends)[:, 0]
    assert left == pytest.approx(right)
    left, right = gaussian_sum(*one, periodic=False)(*ends)[:, 0]
    assert left > 100 * right


def test_pulses_are_unit_gaussians():
    field = pulses(np.random.default_rng(0), periodic=False)(POINTS[:, None], POINTS[None, :])
    assert field.min() >= 0
    assert 0.9 < field.max() <= 6
