"""Solvers that make training data: numpy and scipy alone, float64 inside, vectorised over samples."""

from .advection import advection as advection
from .allen_cahn import allen_cahn as allen_cahn
from .euler import euler as euler
from .matched_layer import absorbed_wave as absorbed_wave
from .navier_stokes import navier_stokes as navier_stokes
from .reaction_diffusion import reaction_diffusion as reaction_diffusion
from .runge_kutta import UnstableSolutionError as UnstableSolutionError
from .shallow_water import shallow_water as shallow_water
from .spectral import PeriodicGrid as PeriodicGrid
from .steady import helmholtz as helmholtz
from .steady import poisson as poisson
from .wave import wave as wave
