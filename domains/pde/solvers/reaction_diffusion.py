"""Two reacting and diffusing species after FitzHugh and Nagumo, on the periodic square."""

from collections.abc import Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid


def reaction_diffusion(
    species: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    diffusivity: tuple[float, float] = (2.5e-4, 1.25e-3),
    threshold: float = 5e-3,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``u_t = D_u Lap u + u - u^3 - threshold - v``, ``v_t = D_v Lap v + u - v``.

    The constants are PDEBench's (arXiv 2210.07182, appendix D) for a square of side 2, brought to side 1.
    species u, v: ``[sample, 2, x, y]``. Returns ``[sample, time, 2, x, y]``. Raises `UnstableSolutionError`.
    """
    rates = np.multiply.outer(np.array(diffusivity), grid.wavenumber_squared * grid.kept)

    def tendency(state: Array) -> tuple[Array, Array]:
        u, v = np.moveaxis(grid.backward(state), 1, 0)
        reaction = np.stack([u - u**3 - threshold - v, u - v], axis=1)
        fastest = 3 * (u * u).max(axis=(1, 2)) + 2
        return grid.kept * grid.forward(reaction) - rates * state, rates.max() + fastest

    start = grid.forward(species) * grid.kept
    path = integrate(tendency, start, times, rate_times_step=rate_times_step)
    return np.stack([grid.backward(snapshot) for snapshot in path], axis=1)
