"""Two reacting and diffusing species after FitzHugh and Nagumo, on the periodic square."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, parts, scaled, twice


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
    start = grid.forward(species)
    kept = twice(grid.kept, start.dtype)
    rates = twice(np.multiply.outer(np.array(diffusivity), grid.wavenumber_squared * grid.kept), start.dtype)

    def tendency(state: Array) -> tuple[Array, Callable[[], Array]]:
        fields = grid.backward(state)
        u, v = fields[:, 0], fields[:, 1]
        reaction = np.stack([u - u * u * u - threshold - v, u - v], axis=1)
        slope = scaled(grid.forward(reaction), kept)
        parts(slope)[...] -= rates * parts(state)
        return slope, lambda: rates.max() + 3 * (u * u).max(axis=(1, 2)) + 2

    path = integrate(tendency, scaled(start, kept), times, rate_times_step=rate_times_step)
    return np.stack([grid.backward(snapshot) for snapshot in path], axis=1)
