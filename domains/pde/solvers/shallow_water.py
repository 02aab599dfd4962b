"""The viscous shallow-water equations on the periodic square, rotating or not."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, parts, scaled, twice


def shallow_water(
    depth: Array,
    velocity: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    damping: Array,
    coriolis: float = 0.0,
    gravity: float = 1.0,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``h_t + div(h u) = 0``, ``u_t + (curl u + f) z x u + grad(g h + |u|^2 / 2) = D u`` without aliases.

    depth h: ``[sample, x, y]``; velocity u: ``[sample, 2, x, y]``; damping: rates ``[3, k_x, k_y]`` for h, u_x, u_y;
    the mean depth is conserved if its rate is 0. Returns depth, velocity_x, velocity_y as
    ``[sample, time, 3, x, y]``. Raises `UnstableSolutionError`.
    """
    start = grid.forward(np.concatenate([depth[:, None], velocity], axis=1))
    ikx, iky = ((1j * k).astype(start.dtype) for k in (grid.wavenumber_x, grid.wavenumber_y))
    kept, rates = twice(grid.kept, start.dtype), twice(damping * grid.kept, start.dtype)

    def tendency(state: Array) -> tuple[Array, Callable[[], Array]]:
        curl = ikx * state[:, 2] - iky * state[:, 1]
        h, u, v, spin = np.moveaxis(grid.backward(np.concatenate([state, curl[:, None]], axis=1)), 1, 0)
        spin, squared = spin + coriolis, u * u + v * v
        products = np.stack([spin * v, -spin * u, gravity * h + squared / 2, h * u, h * v], axis=1)
        turn_x, turn_y, head, flux_x, flux_y = np.moveaxis(scaled(grid.forward(products), kept), 1, 0)
        slope = np.stack([-ikx * flux_x - iky * flux_y, turn_x - ikx * head, turn_y - iky * head], axis=1)
        parts(slope)[...] -= rates * parts(state)

        def fastest() -> Array:
            speed = np.sqrt(squared.max(axis=(1, 2))) + np.sqrt(gravity * np.abs(h).max(axis=(1, 2)))
            return grid.largest_kept * speed + abs(coriolis) + rates.max()

        return slope, fastest

    path = integrate(tendency, scaled(start, kept), times, rate_times_step=rate_times_step)
    return np.stack([grid.backward(snapshot) for snapshot in path], axis=1)
