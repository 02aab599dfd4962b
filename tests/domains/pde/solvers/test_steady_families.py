"""The published distributions of the steady problems (arXiv 2405.19101, supplement), from many samples."""

import numpy as np
import pytest

from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers import steady_families


def test_sources_are_a_few_gaussians_of_either_sign(monkeypatch):
    drawn = []

    def recorded(amplitude, width, centre, *, periodic):
        drawn.append((amplitude, width, centre))
        return lambda x, y: np.ones(1) * x * y

    monkeypatch.setattr(steady_families, "gaussian_sum", recorded)
    problem("poisson-gauss").solve(400, resolution=8)
    counts = np.array([len(amplitude) for amplitude, _, _ in drawn])
    assert counts.min() == 1
    assert counts.mean() == pytest.approx(2.5, abs=0.3)
    amplitudes, widths = (np.concatenate([entry[k] for entry in drawn]) for k in (0, 1))
    centres = np.concatenate([entry[2] for entry in drawn], axis=1)
    assert set(np.unique(amplitudes)) == {-1.0, 1.0}
    assert abs(amplitudes.mean()) < 0.1
    for values, low, high in ((widths, 0.025, 0.1), (centres, 0, 1)):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high


def test_waves_obey_the_published_equation_and_do_not_resonate():
    """The second differences of the solution against its size, in the interior; its deviation is near 0.83."""
    a, b, u = np.moveaxis(problem("helmholtz").solve(60, resolution=64)[:, 1].astype(float), 1, 0)
    assert a.min() == 0
    assert a.max() == 1
    assert (np.ptp(b, axis=(1, 2)) == 0).all()
    assert 0.25 <= b.min() < 0.27
    assert 0.48 < b.max() <= 0.5
    bent = (4 * u[:, 1:-1, 1:-1] - u[:, 2:, 1:-1] - u[:, :-2, 1:-1] - u[:, 1:-1, 2:] - u[:, 1:-1, :-2]) * 64**2
    np.testing.assert_allclose(bent, (2.5 * np.pi) ** 2 * (a * u)[:, 1:-1, 1:-1], atol=0.05)
    assert np.abs(u).max() < 6
    assert 0.65 < u.std() < 1


def test_a_medium_that_resonates_is_drawn_again(monkeypatch):
    """A sample is the same whatever its grid: whether it resonates is judged on one of 32 x 32 cells."""
    monkeypatch.setattr(steady_families, "RESONANT", np.inf)
    wild = np.abs(problem("helmholtz").solve(40, resolution=32)[:, 1, 2]).max(axis=(1, 2))
    monkeypatch.undo()
    coarse, fine = (problem("helmholtz").solve(40, resolution=n)[:, 1] for n in (32, 64))
    calm = np.abs(coarse[:, 2]).max(axis=(1, 2))
    assert 0 < (wild > 5).sum() < 12
    np.testing.assert_array_equal(calm[wild <= 5], wild[wild <= 5])
    assert calm.max() <= 5
    np.testing.assert_array_equal(coarse[:, 1, 0, 0], fine[:, 1, 0, 0])  # the same value on the boundary


def test_an_airfoil_flies_as_published(monkeypatch):
    flown = []

    def recorded(circle, mesh, mach, angle):
        flown.append((mesh, mach, angle))
        return np.ones((4, mesh, mesh // 4))

    monkeypatch.setattr(steady_families, "settled", recorded)
    path = problem("se-af").solve(1, resolution=16)
    assert flown == [(96, 0.729, 2.31)]
    assert problem("se-af").points(16)[[0, -1]].tolist() == [-0.75 + 1.25 / 16, 1.75 - 1.25 / 16]
    assert path[0, 0, 0].max() > 0.1
