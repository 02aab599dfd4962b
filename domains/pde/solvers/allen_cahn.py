"""The Allen–Cahn equation on the periodic square."""

from collections.abc import Sequence

import numpy as np

from .exponential import exponential
from .spectral import Array, PeriodicGrid

# Of the rate sharpness^2 a step: as accurate as Runge–Kutta steps of the diffusion at the grid scale; from 0.15 on
# the saturation of the phases is not stable.
RATE_TIMES_STEP = 0.07


def allen_cahn(
    phase: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    sharpness: float = 220.0,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``u_t = Lap u - sharpness^2 u (u^2 - 1)``: phases -1 and 1, interfaces of width ``sqrt(2) / sharpness``.

    phase: ``[sample, x, y]``, of size up to about 1, whose precision the arithmetic takes; rate_times_step:
    ``sharpness^2`` times the longest step. Returns ``[sample, time, 1, x, y]``. Raises `UnstableSolutionError`.
    """
    rate = sharpness**2

    def saturation(spectra: Array) -> Array:
        u = grid.backward(spectra)
        cubed = u * u
        cubed *= -rate * u
        return grid.forward(cubed)

    rates, step = (rate - grid.wavenumber_squared)[None], rate_times_step / rate
    return exponential(phase[:, None], rates, saturation, times, step=step, axes=2, multistep=True)


def phase_start(rng: np.random.Generator, points: Array) -> Array:
    """ACE: ``K^-1 sum a_ij (i^2 + j^2)^-r sin(pi i x) sin(pi j y)``, K in 16..32, r U[0.7, 1], a U[-1, 1].

    Source: Poseidon (arXiv 2405.19101), supplement, which has ``K^-2``: with that the phases have a deviation of 0.38,
    with ``K^-1`` 0.65 as the published files. points: ``[resolution]`` on the unit circle. Returns ``[x, y]``.
    """
    count = rng.integers(16, 33)
    power = rng.uniform(0.7, 1)
    mode = np.arange(1, count + 1)
    weights = rng.uniform(-1, 1, (count, count)) * np.add.outer(mode**2, mode**2) ** -power / count
    waves = np.sin(np.pi * np.multiply.outer(points, mode))
    return waves @ weights @ waves.T
