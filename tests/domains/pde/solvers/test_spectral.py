import numpy as np
import pytest

from humboldt.domains.pde.solvers import PeriodicGrid


def test_transforms_invert_each_other():
    grid = PeriodicGrid(resolution=16)
    field = np.random.default_rng(0).normal(size=(3, 16, 16))
    np.testing.assert_allclose(grid.backward(grid.forward(field)), field, atol=1e-13)


def test_a_spectrum_holds_amplitudes_whatever_the_resolution():
    for resolution in (16, 32):
        grid = PeriodicGrid(resolution=resolution)
        spectrum = grid.forward(np.cos(2 * np.pi * 3 * grid.points)[:, None] * np.ones(resolution))
        assert spectrum[3, 0] == pytest.approx(0.5)


def test_laplacian_of_a_wave_on_a_square_of_another_side():
    grid = PeriodicGrid(resolution=16, length=2.0)
    field = np.sin(np.pi * grid.points)[:, None] * np.cos(2 * np.pi * grid.points)
    np.testing.assert_allclose(grid.laplacian(field), -5 * np.pi**2 * field, atol=1e-10)


def test_a_product_of_kept_fields_has_no_aliases_among_the_kept_modes():
    coarse, fine = PeriodicGrid(resolution=24), PeriodicGrid(resolution=48)
    rng = np.random.default_rng(1)
    spectrum = coarse.kept * coarse.forward(rng.normal(size=(24, 24)))
    wide = np.zeros((48, 25), dtype=complex)
    wide[:12, :13], wide[-12:, :13] = spectrum[:12], spectrum[-12:]
    product = coarse.forward(coarse.backward(spectrum) ** 2) * coarse.kept
    exact = fine.forward(fine.backward(wide) ** 2)
    np.testing.assert_allclose(product[:8, :8], exact[:8, :8] * coarse.kept[:8, :8], atol=1e-15)


@pytest.mark.parametrize("resolution", [33, 6])
def test_a_grid_refuses_odd_and_tiny_resolutions(resolution):
    with pytest.raises(ValueError, match=f"even resolution of at least 8, got {resolution}; choose"):
        PeriodicGrid(resolution=resolution)
