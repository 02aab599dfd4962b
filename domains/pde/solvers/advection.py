"""Passive scalars carried by a given velocity that is constant in time and need not be free of divergence."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, parts, scaled, twice


def advection(
    scalars: Array,
    velocity: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    damping: Array,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``q_t + a . grad q = -damping q`` (not in conservation form) without aliases.

    scalars: ``[sample, scalar, x, y]``; velocity a: ``[sample, 2, x, y]``; damping: rates ``[k_x, k_y]``.
    Returns the scalars ``[sample, time, scalar, x, y]``. Raises `UnstableSolutionError`.
    """
    start = grid.forward(scalars) * grid.kept.astype(scalars.dtype)
    gradient = np.stack(
        [1j * grid.wavenumber_x + 0 * grid.wavenumber_y, 1j * grid.wavenumber_y + 0 * grid.wavenumber_x]
    ).astype(start.dtype)
    rates, kept = twice(damping * grid.kept, start.dtype), twice(grid.kept, start.dtype)

    def tendency(state: Array, velocity: Array) -> tuple[Array, Callable[[], Array]]:
        slopes = grid.backward(state[:, :, None] * gradient)
        carried = (slopes * velocity[:, None]).sum(axis=2)
        slope = scaled(state, -rates)
        parts(slope)[...] -= kept * parts(grid.forward(carried))

        def fastest() -> Array:
            speed = np.sqrt((velocity**2).sum(axis=1).max(axis=(1, 2)))
            finite = np.where(np.isfinite(carried).all(axis=(1, 2, 3)), 0.0, np.nan)
            return grid.largest_kept * speed + rates.max() + finite

        return slope, fastest

    path = integrate(tendency, start, times, parameters=[velocity], rate_times_step=rate_times_step)
    return np.stack([grid.backward(snapshot) for snapshot in path], axis=1)
