"""The random families: each draws one initial state a generator and solves, ``[sample, time, field, x, y]``.

Every family takes ``(generators, resolution, times)``: one random generator a sample, the points along an axis, the
snapshot times. What is drawn depends on the generator alone, so a sample is the same in any batch and, up to the
detail that a grid can hold, at any resolution. Initial states are made in double precision and solved for in
``precision``, "double" or "single".
"""

from collections.abc import Callable, Sequence

import numpy as np

from .advection import advection
from .allen_cahn import allen_cahn, phase_start
from .initial_conditions import FlowStart, cells, disc, smooth_field
from .isothermal_gas import isothermal_gas
from .matched_layer import absorbed_wave, layer_profile
from .media import Medium, pulses
from .navier_stokes import navier_stokes
from .reaction_diffusion import reaction_diffusion
from .shallow_water import shallow_water
from .spectral import Array, PeriodicGrid
from .viscosity import grid_guard, newtonian, spectral_viscosity
from .wave import wave

Generators = Sequence[np.random.Generator]

VISCOSITIES = {
    "newtonian": lambda grid: newtonian(grid, 4e-4) + grid_guard(grid),
    "spectral": lambda grid: spectral_viscosity(grid) + grid_guard(grid),
}


def stacked(samples: Sequence[Array | float], precision: str) -> Array:
    """Fields, spectra or numbers of all samples, ``[sample, ...]``, in that precision."""
    together = np.stack(samples)
    return together.astype(np.result_type(precision, "F") if np.iscomplexobj(together) else precision)


def flows(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    start: Callable[[np.random.Generator, PeriodicGrid], FlowStart],
    tracer: str | None = None,
    viscosity: str = "newtonian",
    spin_up: float = 0.0,
    precision: str = "double",
) -> Array:
    """Incompressible Navier–Stokes: velocity_x, velocity_y (and tracer).

    tracer: None, "disc" (published) or "random"; viscosity: "newtonian" (4e-4) or "spectral" (published, 128 x 128);
    spin_up: time for which the flow is evolved before time 0.
    """
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    starts = [start(rng, grid) for rng in generators]
    return navier_stokes(
        stacked([vorticity for vorticity, _ in starts], precision),
        np.stack([mean for _, mean in starts]),
        grid,
        times,
        damping=VISCOSITIES[viscosity](grid),
        tracer=None if tracer is None else stacked([tracer_start(tracer, rng, grid) for rng in generators], precision),
        start=-spin_up,
    )


def tracer_start(kind: str, rng: np.random.Generator, grid: PeriodicGrid) -> Array:
    """Spectrum of a disc of radius 1/4 in the middle, or of a random smooth field of deviation 0.4."""
    return disc(grid) if kind == "disc" else grid.forward(smooth_field(rng, grid, deviation=0.4))


def forced_flows(
    generators: Generators, resolution: int, times: Sequence[float], *, viscosity: str, precision: str = "double"
) -> Array:
    """The flow of `cells` under a steady forcing of its vorticity by 0.1 sin(2 pi (x + y)): velocities, forcing.

    The published text adds it to the velocity equation, where the same force along x and y would be a gradient in
    part and drive nothing.
    """
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    starts = [cells(rng, grid) for rng in generators]
    forcing = 0.1 * np.sin(2 * np.pi * (grid.points[:, None] + grid.points))
    path = navier_stokes(
        stacked([vorticity for vorticity, _ in starts], precision),
        np.stack([mean for _, mean in starts]),
        grid,
        times,
        damping=VISCOSITIES[viscosity](grid),
        forcing=grid.forward(forcing),
    )
    return np.concatenate([path, np.broadcast_to(forcing, path[:, :, :1].shape)], axis=2)


def phases(generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double") -> Array:
    """Allen–Cahn: phase. Solved on at least 128 x 128 points, which hold its interfaces, and given at every n-th."""
    stride = -(-128 // resolution)
    grid = PeriodicGrid(resolution=stride * resolution)
    starts = stacked([phase_start(rng, grid.points) for rng in generators], precision)
    return allen_cahn(starts, grid, times)[..., ::stride, ::stride]


def waves(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    medium: Callable[..., Medium],
    boundary: str = "absorbing",
    precision: str = "double",
) -> Array:
    """Acoustic waves from rest: displacement, sound_speed. boundary: "absorbing" or "periodic"."""
    periodic = boundary == "periodic"
    margin = 0 if periodic else resolution // 4
    points = np.arange(-margin, resolution + margin) / resolution
    inside = np.clip(points, 0, 1)
    depth = np.abs(points - inside)
    grid = PeriodicGrid(resolution=len(points), length=len(points) / resolution)
    starts, speeds = [], []
    for rng in generators:
        starts.append(pulses(rng, periodic=periodic)(points[:, None], points[None, :]))
        speeds.append(medium(rng, periodic=periodic)(inside[:, None], inside[None, :]))
    start, speed = stacked(starts, precision), stacked(speeds, precision)
    if periodic:
        path = wave(start, speed, grid, times)[:, :, 0]
    else:
        width = margin / resolution
        taper = np.cos(np.pi / 2 * np.minimum(depth / width, 1)) ** 2
        start *= np.multiply.outer(taper, taper)
        path = absorbed_wave(start, speed, layer_profile(depth, width), grid, times)
    fields = np.stack([path, np.broadcast_to(speed[:, None], path.shape)], axis=2)
    window = slice(margin, margin + resolution)
    return fields[..., window, window]


def smooth_fields(rng: np.random.Generator, grid: PeriodicGrid, count: int, modes: int, deviation: float) -> Array:
    """``count`` independent random smooth fields, ``[count, x, y]``."""
    return np.stack([smooth_field(rng, grid, modes=modes, deviation=deviation) for _ in range(count)])


def transports(generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double") -> Array:
    """Two scalars in a given steady velocity: velocity_x, velocity_y, scalar_1, scalar_2; diffusivity 4e-4."""
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    velocity = stacked([smooth_fields(rng, grid, 2, modes=3, deviation=0.35) for rng in generators], precision)
    scalars = stacked([smooth_fields(rng, grid, 2, modes=6, deviation=0.4) for rng in generators], precision)
    path = advection(scalars, velocity, grid, times, damping=VISCOSITIES["newtonian"](grid))
    steady = np.broadcast_to(velocity[:, None], path.shape)
    return np.concatenate([steady, path], axis=2)


def shallow_waters(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    rotating: bool = True,
    precision: str = "double",
) -> Array:
    """Weakly nonlinear shallow water of mean depth 1 and gravity 1: depth, velocity_x, velocity_y; viscosity 1e-3.

    The Coriolis parameter is 5 where it rotates.
    """
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    depth = stacked([1 + smooth_field(rng, grid, modes=4, deviation=0.1) for rng in generators], precision)
    velocity = stacked([smooth_fields(rng, grid, 2, modes=4, deviation=0.2) for rng in generators], precision)
    guard = grid_guard(grid)
    damping = np.stack([guard, guard + newtonian(grid, 1e-3), guard + newtonian(grid, 1e-3)])
    return shallow_water(depth, velocity, grid, times, damping=damping, coriolis=5.0 if rotating else 0.0)


def reactions(generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double") -> Array:
    """FitzHugh–Nagumo from random smooth fields of deviation 1: activator, inhibitor."""
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    species = stacked([smooth_fields(rng, grid, 2, modes=10, deviation=1.0) for rng in generators], precision)
    return reaction_diffusion(species, grid, times)


def gases(generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double") -> Array:
    """Isothermal gas: log_density, velocity_x, velocity_y, sound_speed.

    The speed of sound is constant over the square and spread evenly in its logarithm over 0.05 to 1, the viscosity over
    1e-3 to 4e-3; velocities have a deviation of 0.2 to 0.45.
    """
    grid = PeriodicGrid(resolution=resolution, dealiased=True)
    sound = stacked([np.exp(rng.uniform(np.log(0.05), 0.0)) for rng in generators], precision)
    viscosity = stacked([np.exp(rng.uniform(np.log(1e-3), np.log(4e-3))) for rng in generators], precision)
    pace = [rng.uniform(0.2, 0.45) for rng in generators]
    density = stacked([smooth_field(rng, grid, modes=4, deviation=0.1) for rng in generators], precision)
    velocity = stacked(
        [smooth_fields(rng, grid, 2, modes=4, deviation=v) for rng, v in zip(generators, pace, strict=True)], precision
    )
    path = isothermal_gas(density, velocity, sound, viscosity, grid, times, damping=grid_guard(grid))
    constant = np.broadcast_to(sound[:, None, None, None, None], path[:, :, :1].shape)
    return np.concatenate([path, constant], axis=2)
