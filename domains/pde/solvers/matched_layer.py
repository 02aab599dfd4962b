"""The acoustic wave equation with absorbing boundaries: a perfectly matched layer round the square."""

from collections.abc import Callable, Sequence

import numpy as np

from .runge_kutta import integrate
from .spectral import Array, PeriodicGrid, scaled, twice


def absorbed_wave(
    displacement: Array,
    speed: Array,
    layer: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    rate_times_step: float = 2.4,
) -> Array:
    """Solve ``u_tt = c^2 Lap u`` from rest where the layer is 0, and let nothing that enters the layer come back.

    With a, b the damping along x and y (Grote and Sim, arXiv 1001.0319, written for ``c^2 Lap u``):
    ``u_tt + (a + b) u_t + a b u = c^2 (Lap u + div p)``, ``p_t = -(a p_x, b p_y) + (b - a) (u_x, -u_y)``.

    A hyperviscosity at the grid scale, ``c k_max / 2 (k / k_max)^6``, keeps the layer stable where c varies in it.

    displacement, speed: ``[sample, x, y]`` on a grid that includes the layer; layer: absorption along one axis in
    1/length, ``[resolution]``, see `layer_profile`. Returns ``[sample, time, x, y]``. Raises `UnstableSolutionError`.
    """
    precision = np.result_type(displacement.dtype, "F")
    ikx, iky = ((1j * k).astype(precision) for k in (grid.wavenumber_x, grid.wavenumber_y))
    minus_squared = twice(-grid.wavenumber_squared, precision)
    guard = grid.largest / 2 * (grid.wavenumber_squared / grid.largest**2) ** 3
    strongest, guard = guard.max(), twice(guard, precision)
    fastest_speed = speed.max(axis=(1, 2))
    damping = np.multiply.outer(fastest_speed, layer).astype(displacement.dtype)

    def tendency(state: Array, speed: Array, damping: Array) -> tuple[Array, Callable[[], Array]]:
        u, velocity, p = state[:, 0], state[:, 1], state[:, 2:]
        along_x, along_y = damping[:, :, None], damping[:, None, :]
        spectra = grid.forward(state)
        spread = scaled(spectra[:, 0], minus_squared) + ikx * spectra[:, 2] + iky * spectra[:, 3]
        slopes = np.stack([spread, ikx * spectra[:, 0], iky * spectra[:, 0]], axis=1)
        force, u_x, u_y = np.moveaxis(grid.backward(slopes), 1, 0)
        fastest = speed.max(axis=(1, 2))
        loss = grid.backward(scaled(spectra, fastest[:, None, None, None] * guard))
        push = speed**2 * force - (along_x + along_y) * velocity - along_x * along_y * u
        turn = along_y - along_x
        slope = np.stack([velocity, push, turn * u_x - along_x * p[:, 0], -turn * u_y - along_y * p[:, 1]], axis=1)
        rate = fastest * (grid.largest + strongest) + 2 * damping.max(axis=1)
        return slope - loss, lambda: rate + 0.0 * slope.sum(axis=(1, 2, 3))

    state = np.zeros((len(displacement), 4, *displacement.shape[1:]), displacement.dtype)
    state[:, 0] = displacement
    path = integrate(tendency, state, times, parameters=[speed, damping], rate_times_step=rate_times_step)
    return np.stack([snapshot[:, 0].copy() for snapshot in path], axis=1)


def layer_profile(depth: Array, width: float, decay: float = 7.0) -> Array:
    """Absorption in 1/length at ``depth`` inside a layer of ``width``: quadratic, ``exp(-decay)`` in all.

    The grid being periodic, what leaves runs through the layer behind its edge and the one before the opposite edge.
    """
    return 1.5 * decay / width * (depth / width) ** 2
