"""Solvers that make training data: numpy and scipy alone, float64 inside, vectorised over samples."""

from .families import flows as flows
from .navier_stokes import navier_stokes as navier_stokes
from .runge_kutta import UnstableSolutionError as UnstableSolutionError
from .spectral import PeriodicGrid as PeriodicGrid
