"""Incompressible Navier–Stokes on the periodic square, with or without a passive tracer."""

from collections.abc import Sequence

import numpy as np

from .runge_kutta import RATE_TIMES_STEP, integrate
from .spectral import Array, PeriodicGrid


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
    equations = Flow(grid, damping, forcing)
    spectra = [vorticity] if tracer is None else [vorticity, tracer]
    state = np.stack(spectra, axis=1) * grid.kept
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
    """The right-hand side for states ``[sample, (vorticity, tracer?), k_x, k_y]``."""

    def __init__(self, grid: PeriodicGrid, damping: Array, forcing: Array | None = None) -> None:
        self.grid = grid
        self.forcing = None if forcing is None else forcing * grid.kept
        kx, ky, squared = grid.wavenumber_x, grid.wavenumber_y, grid.wavenumber_squared
        inverse = np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0)
        self.to_velocity = np.stack([1j * ky * inverse, -1j * kx * inverse])
        self.shear = (kx**2 - ky**2) * grid.kept
        self.stretch = kx * ky * grid.kept
        self.minus_divergence = np.stack([-1j * kx * grid.kept, -1j * ky * grid.kept])
        self.damping = damping * grid.kept
        self.fastest_damping = float(self.damping.max())

    def fields(self, state: Array, mean_velocity: Array) -> Array:
        """velocity_x, velocity_y (and tracer) on the grid, ``[sample, field, x, y]``."""
        spectra = np.concatenate([state[:, :1] * self.to_velocity, state[:, 1:]], axis=1)
        spectra[:, :2, 0, 0] = mean_velocity
        return self.grid.backward(spectra)

    def tendency(self, state: Array, mean_velocity: Array) -> tuple[Array, Array]:
        """Time derivative of the spectra, and the fastest rate of each sample."""
        fields = self.fields(state, mean_velocity)
        u, v = fields[:, 0], fields[:, 1]
        speed = np.sqrt((u * u + v * v).max(axis=(1, 2)))
        slope = -self.damping * state
        stresses = self.grid.forward(np.stack([u * v, (v - u) * (v + u)], axis=1))
        slope[:, 0] += self.shear * stresses[:, 0] + self.stretch * stresses[:, 1]
        if self.forcing is not None:
            slope[:, 0] += self.forcing
        if state.shape[1] > 1:
            fluxes = self.grid.forward(fields[:, :2] * fields[:, 2:])
            slope[:, 1] += (self.minus_divergence * fluxes).sum(axis=1)
        return slope, self.grid.largest_kept * speed + self.fastest_damping


def velocity(vorticity: Array, mean: Array, grid: PeriodicGrid) -> Array:
    """Velocity ``[2, x, y]`` of a vorticity spectrum and a mean, without the modes that the grid does not keep."""
    return Flow(grid, np.zeros(1)).fields((vorticity * grid.kept)[None, None], mean[None])[0]


def curl(velocity: Array, grid: PeriodicGrid) -> tuple[Array, Array]:
    """Vorticity spectrum and mean of a velocity ``[2, x, y]``: what a projection on div u = 0 keeps of it."""
    spectrum = grid.forward(velocity)
    vorticity = 1j * (grid.wavenumber_x * spectrum[1] - grid.wavenumber_y * spectrum[0])
    return vorticity, spectrum[:, 0, 0].real
