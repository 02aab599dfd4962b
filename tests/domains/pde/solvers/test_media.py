import numpy as np
import pytest

from humboldt.domains.pde.solvers import media
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


def test_pulses_and_speeds_fill_their_published_ranges(monkeypatch):
    drawn = []

    def recorded(amplitude, width, centre, *, periodic):
        drawn.append((amplitude, width, centre))
        return lambda x, y: 0 * (x + y)

    monkeypatch.setattr(media, "gaussian_sum", recorded)
    bases = [gaussian_speed(np.random.default_rng(seed), periodic=False)(0.0, 0.0) for seed in range(100)]
    bumps, drawn[:] = list(drawn), []
    for seed in range(100):
        pulses(np.random.default_rng(seed), periodic=False)
    assert {len(amplitude) for amplitude, _, _ in drawn} == {2, 3, 4, 5, 6}
    assert {len(amplitude) for amplitude, _, _ in bumps} == {4}
    fills(bases, 1500, 2500)
    fills(np.concatenate([entry[0] for entry in bumps]), 1000, 2500)
    fills(np.concatenate([entry[1] for entry in bumps]), 1 / 12, 1 / 6)
    assert all((amplitude == 1).all() for amplitude, _, _ in drawn)
    fills(np.concatenate([entry[1] for entry in drawn]), 0.039, 0.156)
    fills(np.concatenate([entry[2] for entry in drawn], axis=1), 1 / 6, 5 / 6)


def fills(values, low, high):
    """All in the range, and to its ends but for a fiftieth of it."""
    rest = 0.02 * (high - low)
    assert low <= np.min(values) < low + rest
    assert high - rest < np.max(values) <= high
