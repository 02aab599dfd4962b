"""The random families: each draws one initial state a generator and solves, ``[sample, time, field, x, y]``.

Every family takes ``(generators, resolution, times)``: one random generator a sample, the points along an axis, the
snapshot times. What is drawn depends on the generator alone, so a sample is the same in any batch and, up to the
detail that a grid can hold, at any resolution.
"""

from collections.abc import Callable, Sequence

import numpy as np

from . import initial_conditions
from .initial_conditions import FlowStart, disc, smooth_field
from .navier_stokes import navier_stokes
from .spectral import Array, PeriodicGrid
from .viscosity import grid_guard, newtonian, spectral_viscosity

Generators = Sequence[np.random.Generator]

VISCOSITIES = {
    "newtonian": lambda grid: newtonian(grid, 4e-4) + grid_guard(grid),
    "spectral": lambda grid: spectral_viscosity(grid) + grid_guard(grid),
}


def flows(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    start: Callable[[np.random.Generator, PeriodicGrid], FlowStart],
    tracer: str | None = None,
    viscosity: str = "newtonian",
    spin_up: float = 0.0,
) -> Array:
    """Incompressible Navier–Stokes: velocity_x, velocity_y (and tracer).

    tracer: None, "disc" (published) or "random"; viscosity: "newtonian" (4e-4) or "spectral" (published, 128 x 128);
    spin_up: time for which the flow is evolved before time 0.
    """
    grid = PeriodicGrid(resolution=resolution)
    starts = [start(rng, grid) for rng in generators]
    return navier_stokes(
        np.stack([vorticity for vorticity, _ in starts]),
        np.stack([mean for _, mean in starts]),
        grid,
        times,
        damping=VISCOSITIES[viscosity](grid),
        tracer=None if tracer is None else np.stack([tracer_start(tracer, rng, grid) for rng in generators]),
        start=-spin_up,
    )


def tracer_start(kind: str, rng: np.random.Generator, grid: PeriodicGrid) -> Array:
    """Spectrum of a disc of radius 1/4 in the middle, or of a random smooth field of deviation 0.4."""
    return disc(grid) if kind == "disc" else grid.forward(smooth_field(rng, grid, deviation=0.4))
