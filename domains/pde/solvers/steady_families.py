"""The random families of steady problems, in the form of `families`.

What is given stays, and the solution is there from the second time on: they are learned like
evolutions with one lead time.
"""

from collections.abc import Sequence

import numpy as np

from .media import Medium, gaussian_sum
from .spectral import Array
from .steady import helmholtz, poisson

Generators = Sequence[np.random.Generator]


def steady_sources(generators: Generators, resolution: int, times: Sequence[float]) -> Array:
    """Poisson: source, solution; the solution is 0 at the first time, and the answer at all others."""
    centres = (np.arange(resolution) + 0.5) / resolution
    sources = []
    for rng in generators:
        count = rng.geometric(0.4)
        sign = rng.choice([-1.0, 1.0], count)
        sources.append(bumps(rng, sign, (0.025, 0.1), (0.0, 1.0))(centres[:, None], centres[None, :]))
    source = np.stack(sources)
    return answered([source], poisson(source), times)


def steady_waves(generators: Generators, resolution: int, times: Sequence[float]) -> Array:
    """Helmholtz at frequency 5 pi / 2: coefficient, boundary, solution; the solution is 0 at the first time."""
    centres = (np.arange(resolution) + 0.5) / resolution
    coefficients, edges, solutions = [], [], []
    for rng in generators:
        edge, count = rng.uniform(0.25, 0.5), rng.integers(2, 8)
        deep = -bumps(rng, rng.uniform(0.5, 10, count), (0.05, 0.1), (0.2, 0.8))(centres[:, None], centres[None, :])
        coefficient = (deep - deep.min()) / np.ptp(deep)
        coefficients.append(coefficient)
        edges.append(np.full_like(coefficient, edge))
        solutions.append(helmholtz(coefficient, edge, 2.5 * np.pi))
    return answered([np.stack(coefficients), np.stack(edges)], np.stack(solutions), times)


def answered(given: Sequence[Array], solution: Array, times: Sequence[float]) -> Array:
    """A steady problem as a trajectory: what is given stays, the solution appears after the first time."""
    later = np.arange(len(times)) > 0
    answer = np.where(later[None, :, None, None], solution[:, None], 0.0)
    constant = [np.broadcast_to(field[:, None], answer.shape) for field in given]
    return np.stack([*constant, answer], axis=2)


def bumps(
    rng: np.random.Generator, amplitude: Array, width: tuple[float, float], centre: tuple[float, float]
) -> Medium:
    """Gaussians of these amplitudes, their deviations and centres drawn evenly from ranges."""
    count = len(amplitude)
    return gaussian_sum(amplitude, rng.uniform(*width, count), rng.uniform(*centre, (2, count)), periodic=False)
