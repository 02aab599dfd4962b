"""Incompressible Navier–Stokes on the periodic square, with or without a passive tracer."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid, parts, scaled, twice


def navier_stokes(
    vorticity: Array,
    mean_velocity: Array,
    grid: PeriodicGrid,
    times: Sequence[float],
    *,
    damping: Array,
    tracer: Array | None = None,
    forcing: Array | None = None,
    start: float = 0.0,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Array:
    """Solve ``w_t + div(u w) = f - damping w``, ``q_t + div(u q) = -damping q``, ``w = curl u``, ``div u = 0``.

    Pseudo-spectral Galerkin method without aliases; the nonlinear term is Basdevant's
    ``(d_xx - d_yy)(uv) + d_xy(v^2 - u^2)`` (J. Comput. Phys. 50, 1983), which needs four transforms a stage.

    vorticity: spectra ``[sample, k_x, k_y]``; mean_velocity: ``[sample, 2]``, conserved; tracer: like vorticity;
    damping: rates ``[k_x, k_y]``, see `viscosity`; forcing: spectrum of f ``[k_x, k_y]``, constant. Returns
    velocity_x, velocity_y (and tracer) as ``[sample, time, field, x, y]``. Raises `UnstableSolutionError`.
    """
    spectra = [vorticity] if tracer is None else [vorticity, tracer]
    state = np.stack(spectra, axis=1)
    equations = Flow(grid, damping, forcing, state.dtype)
    state = scaled(state, twice(grid.kept, state.dtype))
    state[:, 0, 0, 0] = 0
    path = integrate(
        equations.tendency,
        state,
        times,
        parameters=[mean_velocity],
        start=start,
        rate_times_step=rate_times_step,
    )
    return np.stack([equations.fields(snapshot, mean_velocity) for snapshot in path], axis=1)


class Flow:
    """The right-hand side for states ``[sample, (vorticity, tracer?), k_x, k_y]`` of that (complex) precision."""

    def __init__(
        self,
        grid: PeriodicGrid,
        damping: Array,
        forcing: Array | None = None,
        precision: DTypeLike = complex,
    ) -> None:
        self.grid = grid
        self.forcing = None if forcing is None else (forcing * grid.kept).astype(precision)
        kx, ky, squared = grid.wavenumber_x, grid.wavenumber_y, grid.wavenumber_squared
        inverse = np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0)
        self.to_velocity = np.stack([1j * ky * inverse, -1j * kx * inverse]).astype(precision)
        self.turning = twice(np.stack([kx**2 - ky**2, kx * ky]) * grid.kept, precision)
        self.minus_divergence = np.stack([-1j * kx * grid.kept, -1j * ky * grid.kept]).astype(precision)
        self.minus_damping = twice(-damping * grid.kept, precision)
        self.fastest_damping = float((damping * grid.kept).max())

    def fields(self, state: Array, mean_velocity: Array) -> Array:
        """velocity_x, velocity_y (and tracer) on the grid, ``[sample, field, x, y]``."""
        spectra = np.empty((len(state), 1 + state.shape[1], *state.shape[2:]), state.dtype)
        np.multiply(state[:, :1], self.to_velocity, out=spectra[:, :2])
        spectra[:, 2:] = state[:, 1:]
        spectra[:, :2, 0, 0] = mean_velocity
        return self.grid.backward(spectra)

    def tendency(self, state: Array, mean_velocity: Array) -> tuple[Array, Callable[[], Array]]:
        """Time derivative of the spectra, and the fastest rate of each sample."""
        fields = self.fields(state, mean_velocity)
        u, v, tracers = fields[:, 0], fields[:, 1], fields[:, 2:]
        products = np.empty((len(fields), 2 + 2 * tracers.shape[1], *u.shape[1:]), fields.dtype)
        np.multiply(u, v, out=products[:, 0])
        np.subtract(v, u, out=products[:, 1])
        products[:, 1] *= v + u
        if tracers.shape[1]:
            np.multiply(fields[:, :2], tracers, out=products[:, 2:])
        spectra = self.grid.forward(products)
        slope = scaled(state, self.minus_damping)
        stresses = parts(spectra)[:, :2] * self.turning
        stresses[:, 0] += stresses[:, 1]
        parts(slope)[:, 0] += stresses[:, 0]
        if self.forcing is not None:
            slope[:, 0] += self.forcing
        if tracers.shape[1]:
            slope[:, 1] += (self.minus_divergence * spectra[:, 2:]).sum(axis=1)

        def fastest() -> Array:
            speed = np.sqrt((u * u + v * v).max(axis=(1, 2)))
            return self.grid.largest_kept * speed + self.fastest_damping

        return slope, fastest


def velocity(vorticity: Array, mean: Array, grid: PeriodicGrid) -> Array:
    """Velocity ``[2, x, y]`` of a vorticity spectrum and a mean, without the modes that the grid does not keep."""
    return Flow(grid, np.zeros(1)).fields((vorticity * grid.kept)[None, None], mean[None])[0]


def curl(velocity: Array, grid: PeriodicGrid) -> tuple[Array, Array]:
    """Vorticity spectrum and mean of a velocity ``[2, x, y]``: what a projection on div u = 0 keeps of it."""
    spectrum = grid.forward(velocity)
    vorticity = 1j * (grid.wavenumber_x * spectrum[1] - grid.wavenumber_y * spectrum[0])
    return vorticity, spectrum[:, 0, 0].real
