import numpy as np
import pytest

from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.viscosity import grid_guard, newtonian, spectral_viscosity


def test_newtonian_viscosity_is_the_laplacian():
    rates = newtonian(PeriodicGrid(resolution=16), 0.1)
    assert rates[2, 3] == pytest.approx(0.1 * 4 * np.pi**2 * 13)


def test_spectral_viscosity_spares_the_large_eddies_and_approaches_its_strength():
    rates = spectral_viscosity(PeriodicGrid(resolution=256))
    assert np.all(rates[:8, :8] == 0)
    assert rates[0, 12] > 0
    assert rates[0, 120] / (2 * np.pi * 120) ** 2 == pytest.approx(0.05 / 128, rel=0.01)


def test_the_guard_acts_at_the_grid_scale_and_vanishes_under_refinement():
    rates = [grid_guard(PeriodicGrid(resolution=resolution))[0, 10] for resolution in (32, 64, 128)]
    assert rates[0] == pytest.approx(32 * (10 / (32 / 3)) ** 8)
    assert rates[1] / rates[0] == pytest.approx(2**-7)
    assert rates[2] / rates[1] == pytest.approx(2**-7)
