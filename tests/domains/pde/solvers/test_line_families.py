"""What is drawn for lines and cubes."""

import numpy as np
import pytest

from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers.line_families import clouds, waves


def test_burgers_lines_have_a_viscosity_of_their_own():
    path = problem("burgers-1d").solve(60, resolution=64, times=[0.0, 0.01]).astype(float)
    velocity, viscosity = path[:, 0, 0], path[:, :, 1]
    assert (viscosity == viscosity[:, :1, :1]).all()
    drawn = viscosity[:, 0, 0]
    assert 2e-3 <= drawn.min() < 2.3e-3
    assert 1.7e-2 < drawn.max() <= 2.0001e-2
    assert np.median(drawn) == pytest.approx(np.sqrt(2e-3 * 2e-2), rel=0.3)  # even in the logarithm
    np.testing.assert_allclose(velocity.std(axis=1), 0.5, rtol=1e-5)
    spectrum = np.abs(np.fft.rfft(velocity, axis=1))
    assert spectrum[:, 5:].max() < 1e-5 * spectrum.max()  # four periods at most


def test_a_viscous_wave_of_a_line_decays_at_its_viscosity():
    """Late, when only the longest wave is left: exp(-nu (2 pi)^2 t)."""
    path = problem("burgers-1d").solve(60, resolution=64, times=[0.0, 8.0, 9.0]).astype(float)
    most = path[:, 0, 1, 0].argmax()
    early, late = path[most, 1:, 0].std(axis=1)
    assert np.log(early / late) == pytest.approx(path[most, 0, 1, 0] * (2 * np.pi) ** 2, rel=0.02)


def test_flames_have_settled_into_their_chaos():
    """After the spin-up of 100 the mean square of the slope is that of the attractor, about 1.7."""
    path = problem("ks-1d").solve(8, resolution=64).astype(float)[:, :, 0]
    assert (path**2).mean() == pytest.approx(1.7, abs=0.35)
    assert np.abs(path.mean(axis=-1)).max() < 1e-5


@pytest.mark.parametrize("draw", [lambda rng, x: waves(rng, x, 4, 0.3), lambda rng, x: clouds(rng, x, 2, 0.3)])
def test_fields_have_the_deviation_asked_for_and_refine_exactly(draw):
    coarse, fine = np.arange(16) / 16, np.arange(32) / 32
    one, two = draw(np.random.default_rng(1), coarse), draw(np.random.default_rng(1), fine)
    assert np.sqrt(np.mean(one**2)) == pytest.approx(0.3, rel=1e-9)
    np.testing.assert_allclose(two[(slice(None, None, 2),) * two.ndim], one, atol=1e-12)
