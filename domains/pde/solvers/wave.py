"""The acoustic wave equation with a speed that varies in space, on the periodic square."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from .runge_kutta import integrate
from .spectral import Array, PeriodicGrid


def wave(
    displacement: Array,
    speed: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    rate_times_step: float = 2.4,
) -> Array:
    """Solve ``u_tt = c^2 Lap u`` from rest.

    displacement u, speed c: ``[sample, x, y]``. Returns displacement and velocity ``u_t`` as
    ``[sample, time, 2, x, y]``. Raises `UnstableSolutionError`.
    """
    state = np.stack([displacement, np.zeros_like(displacement)], axis=1)
    tendency = partial(wave_tendency, grid=grid)
    path = integrate(tendency, state, times, parameters=[speed], rate_times_step=rate_times_step)
    return np.stack([snapshot.copy() for snapshot in path], axis=1)


def wave_tendency(state: Array, speed: Array, grid: PeriodicGrid) -> tuple[Array, Callable[[], Array]]:
    """Time derivative of ``(u, u_t)``, and the fastest rate of each sample."""
    slope = np.stack([state[:, 1], speed**2 * grid.laplacian(state[:, 0])], axis=1)
    return slope, lambda: speed.max(axis=(1, 2)) * grid.largest + nan_if_lost(slope)


def nan_if_lost(values: Array) -> Array:
    """0 for every sample ``[sample, field, x, y]`` that is finite, else NaN: to be added to its rate."""
    return 0.0 * values.sum(axis=(1, 2, 3))


def wave_energy(displacement: Array, velocity: Array, speed: Array, grid: PeriodicGrid) -> Array:
    """``1/2 mean(u_t^2 / c^2 + |grad u|^2)`` over the last two axes: constant in time."""
    elastic = -(displacement * grid.laplacian(displacement))
    return 0.5 * (velocity**2 / speed**2 + elastic).mean(axis=(-2, -1))
