"""The Allen–Cahn equation on the periodic square."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid


def allen_cahn(
    phase: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    sharpness: float = 220.0,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``u_t = Lap u - sharpness^2 u (u^2 - 1)``: phases -1 and 1, interfaces of width ``sqrt(2) / sharpness``.

    phase: ``[sample, x, y]``, of size up to about 1. Returns ``[sample, time, 1, x, y]``.
    Raises `UnstableSolutionError`.
    """
    tendency = partial(phase_tendency, grid=grid, sharpness=sharpness)
    path = integrate(tendency, phase, times, rate_times_step=rate_times_step)
    return np.stack([snapshot.copy() for snapshot in path], axis=1)[:, :, None]


def phase_tendency(phase: Array, grid: PeriodicGrid, sharpness: float) -> tuple[Array, Array]:
    """Time derivative, and the fastest rate of each sample: diffusion at the grid scale plus reaction."""
    squared = phase * phase
    slope = grid.laplacian(phase) - sharpness**2 * phase * (squared - 1)
    reaction = sharpness**2 * np.maximum(3 * squared.max(axis=(1, 2)) - 1, 1)
    return slope, grid.largest**2 + reaction


def phase_start(rng: np.random.Generator, points: Array) -> Array:
    """ACE: ``K^-2 sum a_ij (i^2 + j^2)^-r sin(pi i x) sin(pi j y)``, K in 16..32, r U[0.7, 1], a U[-1, 1].

    Source: Poseidon (arXiv 2405.19101), supplement. points: ``[resolution]`` on the unit circle. Returns ``[x, y]``.
    """
    count = rng.integers(16, 33)
    power = rng.uniform(0.7, 1)
    mode = np.arange(1, count + 1)
    weights = rng.uniform(-1, 1, (count, count)) * np.add.outer(mode**2, mode**2) ** -power / count**2
    waves = np.sin(np.pi * np.multiply.outer(points, mode))
    return waves @ weights @ waves.T
