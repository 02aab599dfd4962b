"""A viscous isothermal gas on the periodic square, from nearly incompressible to nearly without pressure."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, parts, scaled, twice


def isothermal_gas(
    log_density: Array,
    velocity: Array,
    sound_speed: Array,
    viscosity: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    damping: Array,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``q_t + u.grad q + div u = D q``, ``u_t + u.grad u + c^2 grad q = D u`` without aliases; q = ln(density).

    log_density q: ``[sample, x, y]``; velocity u: ``[sample, 2, x, y]``; sound_speed c, viscosity nu: ``[sample]``;
    damping: rates ``[k_x, k_y]`` that D adds to ``nu Lap``. In the logarithm the density stays positive by itself.
    Returns log_density, velocity_x, velocity_y as ``[sample, time, 3, x, y]``. Raises `UnstableSolutionError`.
    """
    start = grid.forward(np.concatenate([log_density[:, None], velocity], axis=1))
    ikx, iky = ((1j * k).astype(start.dtype) for k in (grid.wavenumber_x, grid.wavenumber_y))
    kept, added, squared = (twice(x, start.dtype) for x in (grid.kept, damping * grid.kept, grid.wavenumber_squared))
    squared *= kept

    def tendency(state: Array, speed: Array, thickness: Array) -> tuple[Array, Callable[[], Array]]:
        along_x, along_y = ikx * state, iky * state
        physical = grid.backward(np.concatenate([state, along_x, along_y], axis=1))
        (_, u, v), slopes_x, slopes_y = np.moveaxis(physical.reshape(-1, 3, 3, *physical.shape[2:]), 0, 2)
        carried = np.moveaxis(u * slopes_x + v * slopes_y, 0, 1)
        push = (speed**2)[:, None, None]
        force = np.stack([along_x[:, 1] + along_y[:, 2], push * along_x[:, 0], push * along_y[:, 0]], axis=1)
        rates = thickness[:, None, None] * squared + added
        slope = -scaled(grid.forward(carried), kept) - force
        parts(slope)[...] -= rates[:, None] * parts(state)

        def fastest() -> Array:
            flow = np.sqrt((u * u + v * v).max(axis=(1, 2))) + speed
            return grid.largest_kept * flow + rates.max(axis=(1, 2))

        return slope, fastest

    start, constant = scaled(start, kept), [sound_speed, viscosity]
    path = integrate(tendency, start, times, parameters=constant, rate_times_step=rate_times_step)
    return np.stack([grid.backward(snapshot) for snapshot in path], axis=1)
