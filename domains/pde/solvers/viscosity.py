"""Damping rates of the Fourier modes: Newtonian, the published spectral viscosity, a guard at the grid scale."""

import numpy as np

from .spectral import Array, PeriodicGrid

# Published for 128 x 128 (Poseidon, arXiv 2405.19101, supplement): eps_N = 0.05 / N from m_N = sqrt(N) periods on.
# Both are held at their values for 128, so that every resolution solves the same equation.
STRENGTH = 0.05 / 128
ONSET = np.sqrt(128)


def newtonian(grid: PeriodicGrid, viscosity: float) -> Array:
    """``viscosity |k|^2``, in 1/time."""
    return viscosity * grid.wavenumber_squared


def spectral_viscosity(grid: PeriodicGrid, strength: float = STRENGTH, onset: float = ONSET) -> Array:
    """``strength |k|^2 (1 - (onset / n)^2)`` for modes of n > onset periods, else 0 (Tadmor 1989), in 1/time.

    The large eddies are inviscid; the small ones feel an effective viscosity of about 4e-4.
    """
    periods_squared = np.maximum(grid.modes_x**2 + grid.modes_y**2, 1.0)
    return strength * grid.wavenumber_squared * np.clip(1 - onset**2 / periods_squared, 0, None)


def grid_guard(grid: PeriodicGrid, order: int = 8) -> Array:
    """A hyperviscosity that takes what reaches the smallest kept scale and vanishes under refinement, in 1/time.

    The rate is ``resolution`` at the last kept mode, a transport speed of about one grid length a time unit of 1/N,
    and falls with the power ``order`` of the wavenumber.
    """
    return grid.resolution * (grid.wavenumber_squared / grid.largest_kept**2) ** (order / 2)
