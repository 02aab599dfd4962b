"""The random families of compressible flows, in the form of `families`."""

from collections.abc import Sequence

import numpy as np

from .euler import euler
from .gas_conditions import GasStart, polytrope
from .initial_conditions import smooth_series
from .riemann import conserved, primitive
from .spectral import Array

Generators = Sequence[np.random.Generator]
GAMMA = 1.4
POLYTROPIC = 2.0


def compressible(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    start: GasStart,
    refinement: int = 2,
    tracer: bool = False,
) -> Array:
    """Compressible Euler: density, velocity_x, velocity_y, pressure (and tracer). Solved on ``refinement`` cells a cell
    along each axis, and given as the gas of the mean density, momentum, energy and amount of tracer.

    The published files have a tracer whose start is not said; this one is a smooth random field of deviation 0.4.
    """
    centres = middles(refinement * resolution)
    starts = [start(rng, centres) for rng in generators]
    if tracer:
        smooth = [smooth_series(rng, centres, deviation=0.4) for rng in generators]
        starts = [np.concatenate([gas, q[None]]) for gas, q in zip(starts, smooth, strict=True)]
    return averaged(euler(np.stack(starts), 1 / len(centres), times), refinement)


def stars(generators: Generators, resolution: int, times: Sequence[float], *, refinement: int = 2) -> Array:
    """GCE-RT: density, velocity_x, velocity_y, pressure, gravity (the potential), as in `compressible`."""
    centres = middles(refinement * resolution)
    starts = [polytrope(rng, centres) for rng in generators]
    gas, potential = np.stack([gas for gas, _ in starts]), np.stack([potential for _, potential in starts])
    path = euler(gas, 1 / len(centres), times, gamma=POLYTROPIC, boundary="wall", potential=potential)
    mean = averaged(path, refinement, POLYTROPIC)
    blocks = potential.reshape(-1, resolution, refinement, resolution, refinement).mean(axis=(2, 4))
    return np.concatenate([mean, np.broadcast_to(blocks[:, None, None], mean[:, :, :1].shape)], axis=2)


def middles(cells: int) -> Array:
    """Centres of the cells along an axis of the unit square."""
    return (np.arange(cells) + 0.5) / cells


def averaged(gas: Array, refinement: int, gamma: float = GAMMA) -> Array:
    """Primitive states ``[..., variable, x, y]`` of blocks of cells, from their mean conserved state."""
    *batch, variables, width, height = gas.shape
    state = conserved(gas.reshape(-1, variables, width, height), gamma)
    blocks = state.reshape(-1, variables, width // refinement, refinement, height // refinement, refinement)
    mean = primitive(blocks.mean(axis=(3, 5)), gamma)
    return mean.reshape(*batch, *mean.shape[1:])
