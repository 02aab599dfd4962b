"""The random families of steady problems, in the form of `families`.

What is given stays, and the solution is there from the second time on: they are learned like
evolutions with one lead time.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from .airfoil import CircleMap, varied
from .media import Medium, gaussian_sum
from .runge_kutta import UnstableSolutionError
from .spectral import Array
from .steady import helmholtz, poisson
from .steady_euler import steady_euler

Generators = Sequence[np.random.Generator]
FREQUENCY = 2.5 * np.pi
RESONANT, JUDGED_ON = 5.0, 32


def steady_sources(generators: Generators, resolution: int, times: Sequence[float]) -> Array:
    """Poisson: source, solution; the solution is 0 at the first time, and the answer at all others."""
    centres = (np.arange(resolution) + 0.5) / resolution
    sources = []
    for rng in generators:
        count = rng.geometric(0.4)
        sign = rng.choice([-1.0, 1.0], count)
        sources.append(bumps(rng, sign, (0.025, 0.1), (0.0, 1.0))(centres[:, None], centres[None, :]))
    source = np.stack(sources)
    return answered([source], poisson(source), times)


def steady_waves(generators: Generators, resolution: int, times: Sequence[float]) -> Array:
    """Helmholtz at frequency 5 pi / 2: coefficient, boundary, solution; the solution is 0 at the first time.

    Media that resonate are drawn again: where the solution on 32 x 32 cells exceeds 5 in size (one of ten). Without
    this the deviation of the solutions has no limit; with it, it is 0.80 (0.83 is published).
    """
    coefficients, edges, solutions = [], [], []
    for rng in generators:
        medium, edge = calm_medium(rng)
        coefficient = normalised(medium, resolution)
        coefficients.append(coefficient)
        edges.append(np.full_like(coefficient, edge))
        solutions.append(helmholtz(coefficient, edge, FREQUENCY))
    return answered([np.stack(coefficients), np.stack(edges)], np.stack(solutions), times)


def calm_medium(rng: np.random.Generator) -> tuple[Medium, float]:
    """Minus the medium before it is normalised, and the value on the boundary, of a solution that does not resonate."""
    while True:
        edge, count = rng.uniform(0.25, 0.5), rng.integers(2, 8)
        medium = bumps(rng, rng.uniform(0.5, 10, count), (0.05, 0.1), (0.2, 0.8))
        if np.abs(helmholtz(normalised(medium, JUDGED_ON), edge, FREQUENCY)).max() <= RESONANT:
            return medium, edge


def normalised(medium: Medium, resolution: int) -> Array:
    """Minus the sum of Gaussians, from 0 where it is least to 1."""
    centres = (np.arange(resolution) + 0.5) / resolution
    deep = -medium(centres[:, None], centres[None, :])
    return (deep - deep.min()) / np.ptp(deep)


def airfoils(
    generators: Generators,
    resolution: int,
    times: Sequence[float],
    *,
    mesh: int = 96,
    mach: float = 0.729,
    angle: float = 2.31,
) -> Array:
    """SE-AF: shape, density on the square from -0.75 to 1.75; the density is 1 at the first time.

    Solved on ``mesh`` cells round the airfoil (published: on a mesh of triangles whose size is not said), out to ten
    chords, and interpolated. shape is the share of an output cell that lies in the airfoil, of 4 x 4 places in it;
    where it is 1 the density is 1.
    """
    cell = 2.5 / resolution
    centres = -0.75 + cell * (np.arange(resolution) + 0.5)
    places = (centres[:, None] + cell * (np.arange(4) - 1.5) / 4).ravel()
    shapes, densities = [], []
    for number, rng in enumerate(generators):
        circle = CircleMap(varied(rng))
        _, depth = circle.polar(places[:, None] + 1j * places)
        shapes.append((depth < 0).reshape(resolution, 4, resolution, 4).mean(axis=(1, 3)))
        try:
            gas = settled(circle, mesh, mach, angle)
        except UnstableSolutionError as error:
            raise UnstableSolutionError(str(error), samples=[number]) from error
        found = at_places(gas[0], *circle.polar(centres[:, None] + 1j * centres))
        densities.append(np.where(shapes[-1] == 1, 1.0, found))
    shape, density = np.stack(shapes), np.stack(densities)
    path = answered([shape], density, times)
    path[:, np.asarray(times) == times[0], 1] = 1.0
    return path


def settled(circle: CircleMap, mesh: int, mach: float, angle: float) -> Array:
    """The steady gas round an airfoil on ``mesh`` cells, begun on a quarter and on half as many."""
    outward, gas = 4 * round(3 * mesh / 32), None
    for coarser in (4, 2, 1):
        start = None if gas is None else gas.repeat(2, axis=1).repeat(2, axis=2)
        gas = steady_euler(circle.nodes(mesh // coarser, outward // coarser), mach, angle, start)
    assert gas is not None
    return gas


def at_places(cells: Array, turn: Array, share: Array) -> Array:
    """Values of cells ``[around, outward]`` at polar coordinates, linear between them; inside, those at the wall."""
    around, outward = cells.shape
    ring = np.concatenate([cells[-1:], cells, cells[:1]])
    where = np.stack([turn * around + 0.5, np.clip(share, 0, 1) * outward - 0.5])
    return map_coordinates(ring, where, order=1, mode="nearest")


def answered(given: Sequence[Array], solution: Array, times: Sequence[float]) -> Array:
    """A steady problem as a trajectory: what is given stays, the solution appears after the first time."""
    later = np.arange(len(times)) > 0
    answer = np.where(later[None, :, None, None], solution[:, None], 0.0)
    constant = [np.broadcast_to(field[:, None], answer.shape) for field in given]
    return np.stack([*constant, answer], axis=2)


def bumps(
    rng: np.random.Generator, amplitude: Array, width: tuple[float, float], centre: tuple[float, float]
) -> Medium:
    """Gaussians of these amplitudes, their deviations and centres drawn evenly from ranges."""
    count = len(amplitude)
    return gaussian_sum(amplitude, rng.uniform(*width, count), rng.uniform(*centre, (2, count)), periodic=False)
