"""Power by wavenumber."""

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from humboldt.domains.weather import Grid, regular
from humboldt.domains.weather.metrics import area_mean
from humboldt.domains.weather.spectra import effective_resolution, spherical_spectrum, zonal_spectrum


def gaussian(rows, columns):
    latitude = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    return Grid(tuple(latitude.tolist()), tuple((np.arange(columns) * 360 / columns).tolist()))


def harmonic(grid, degree, order):
    colatitude = np.pi / 2 - np.deg2rad(grid.latitude)[:, None]
    values = sph_harm_y(degree, order, colatitude, np.deg2rad(grid.longitude)[None, :]).real
    return torch.from_numpy(values * np.sqrt(4 * np.pi) * (np.sqrt(2) if order else 1))


def test_zonal_power_adds_up_to_the_mean_square():
    x, rows = torch.randn(3, 6, 9, dtype=torch.float64), torch.from_numpy(regular(6, 9).area_weights())
    torch.testing.assert_close(zonal_spectrum(x, rows).sum(-1), area_mean(x * x, rows))
    wave = torch.cos(3 * torch.arange(12) * 2 * torch.pi / 12).expand(5, 12)
    assert zonal_spectrum(wave).argmax() == 3
    assert zonal_spectrum(wave)[3].item() == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize(("degree", "order"), [(0, 0), (1, 0), (5, 3), (11, 11)])
def test_a_harmonic_has_the_power_one_in_its_degree(degree, order):
    grid = gaussian(16, 32)
    spectrum = spherical_spectrum(harmonic(grid, degree, order), grid, 14)
    np.testing.assert_allclose(spectrum, np.eye(14)[degree], atol=1e-10)


def test_regular_rows_are_nearly_as_good():
    grid = regular(64, 128)
    spectrum = spherical_spectrum(harmonic(grid, 4, 2), grid, 16)
    np.testing.assert_allclose(spectrum, np.eye(16)[4], atol=5e-3)


def test_a_region_has_no_spherical_spectrum():
    grid = Grid((0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match=r"need whole circles of longitude, got a regional grid"):
        spherical_spectrum(torch.zeros(4, 4), grid)
    with pytest.raises(ValueError, match=r"a grid of \(4, 8\) resolves fewer than 9 degrees"):
        spherical_spectrum(torch.zeros(4, 8), regular(4, 8), 9)


def test_the_effective_resolution_is_where_power_is_lost():
    target = torch.tensor([4.0, 4, 3, 2, 1, 1])
    assert effective_resolution(target * torch.tensor([1, 1, 0.9, 0.6, 0.3, 0.9]), target) == 3
    assert effective_resolution(target, target) == 5
