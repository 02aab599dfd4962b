"""The Allen–Cahn equation on the periodic square."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, scaled, twice


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
    symbol, squared_sharpness = twice(-grid.wavenumber_squared, phase.dtype), sharpness**2

    def tendency(phase: Array) -> tuple[Array, Callable[[], Array]]:
        slope = grid.backward(scaled(grid.forward(phase), symbol))
        reaction = phase * phase
        reaction -= 1
        reaction *= squared_sharpness * phase
        slope -= reaction

        def fastest() -> Array:  # diffusion at the grid scale plus reaction
            return grid.largest**2 + squared_sharpness * np.maximum(3 * (phase * phase).max(axis=(1, 2)) - 1, 1)

        return slope, fastest

    path = integrate(tendency, phase, times, rate_times_step=rate_times_step)
    return np.stack([snapshot.copy() for snapshot in path], axis=1)[:, :, None]


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
