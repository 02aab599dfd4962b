"""Random initial states of the compressible flows, as averages over cells would see them.

Source: Poseidon (arXiv 2405.19101), supplement. Each function takes a random generator and the centres of the cells
along an axis of the unit square, ``[cell]``, and returns density, velocities and pressure ``[4, x, y]``; what it draws
does not depend on the cells. What the published text leaves open is said where it is chosen.
"""

from collections.abc import Callable

import numpy as np

from .initial_conditions import gaussians
from .navier_stokes import velocity
from .spectral import Array, PeriodicGrid

Generator = np.random.Generator
GasStart = Callable[[Generator, Array], Array]
MODES = 10


def quadrants(rng: Generator, centres: Array) -> Array:
    """CE-RP: four constant states, density and pressure U[0.1, 1], velocities U[-1, 1]."""
    return in_quadrants(moderate(rng), centres[:, None], centres[None, :])


def curved_quadrants(rng: Generator, centres: Array) -> Array:
    """CE-CRP: the states of CE-RP behind interfaces displaced by sums of sines of amplitude U[-0.1, 0.1].

    The published partition has p x p states and p x p sines a direction without a value of p; it is 2 here.
    """
    return displaced(moderate(rng), rng, centres, modes=2, amplitude=0.1)


def fast_quadrants(rng: Generator, centres: Array) -> Array:
    """CE-RPUI: density U[1, 3], velocities U[-10, 10], pressure U[5, 7], interfaces displaced by many short sines of
    amplitude U[-0.01, 0.01] (of up to 10 periods here)."""
    states = rng.uniform([1, -10, -10, 5], [3, 10, 10, 7], (2, 2, 4))
    return displaced(states, rng, centres, modes=MODES, amplitude=0.01)


def moderate(rng: Generator) -> Array:
    """States ``[2, 2, variable]`` of CE-RP and CE-CRP."""
    return rng.uniform([0.1, -1, -1, 0.1], [1, 1, 1, 1], (2, 2, 4))


def in_quadrants(states: Array, x: Array, y: Array) -> Array:
    """States ``[2, 2, variable]`` on the four quarters of the periodic square."""
    right, top = np.broadcast_arrays((x % 1 >= 0.5).astype(int), (y % 1 >= 0.5).astype(int))
    return np.moveaxis(states[right, top], -1, 0)


def displaced(states: Array, rng: Generator, centres: Array, *, modes: int, amplitude: float) -> Array:
    """States behind interfaces that are shifted along x and y by ``sum_ij a_ij sin(2 pi (i x + j y + b_ij))``."""
    strength, phase = rng.uniform(-amplitude, amplitude, (2, modes, modes)), rng.uniform(0, 1, (2, modes, modes))
    mode = np.arange(1, modes + 1)
    turns = mode[:, None] * centres
    angle = turns[:, None, :, None] + turns[None, :, None, :]
    shift = np.stack([(a[..., None, None] * np.sin(2 * np.pi * (angle + b[..., None, None]))).sum(axis=(0, 1))
                      for a, b in zip(strength, phase, strict=True)])  # fmt: skip
    return in_quadrants(states, centres[:, None] + shift[0], centres[None, :] + shift[1])


def kelvin_helmholtz(rng: Generator, centres: Array) -> Array:
    """CE-KH: density 1 and velocity 0.5 along x between interfaces at y = 1/4 and 3/4, 2 and -0.5 outside, pressure
    2.5; each interface is shifted by 0.05 of a mean of ten cosines with weights and phases U[0, 1]."""
    below, above = (edge + 0.05 * ripple(rng, centres) for edge in (0.25, 0.75))
    inside = (centres[None, :] > below[:, None]) & (centres[None, :] < above[:, None])
    gas = np.zeros((4, len(centres), len(centres)))
    gas[0], gas[1], gas[3] = np.where(inside, 1.0, 2.0), np.where(inside, 0.5, -0.5), 2.5
    return gas


def ripple(rng: Generator, turns: Array) -> Array:
    """``sum_j w_j cos(2 pi j (x + b_j)) / sum_j w_j``, ten periods at most."""
    weight, phase = rng.uniform(0, 1, MODES), rng.uniform(0, 1, MODES)
    mode = np.arange(1, MODES + 1)[:, None]
    return weight @ np.cos(2 * np.pi * mode * (turns + phase[:, None])) / weight.sum()


def gaussian_vortices(rng: Generator, centres: Array) -> Array:
    """CE-Gauss: the velocity of NS-Gauss in a gas of density 0.1 and pressure 2.5."""
    grid = PeriodicGrid(resolution=len(centres))
    vorticity, mean = gaussians(rng, grid)
    half_cell = np.exp(1j * (grid.wavenumber_x + grid.wavenumber_y) * centres[0])
    gas = np.empty((4, len(centres), len(centres)))
    gas[0], gas[1:3], gas[3] = 0.1, velocity(vorticity * half_cell, mean, grid), 2.5
    return gas


def richtmyer_meshkov(rng: Generator, centres: Array) -> Array:
    """CE-RM: pressure 20 within 0.1 of the centre, else 1; density 2 within 0.25 of it, ten ripples high up to a tenth
    of that, else 1; at rest. The height of the ripples is ours."""
    x, y = centres[:, None] - 0.5, centres[None, :] - 0.5
    radius, turns = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi)
    edge = 0.25 * (1 + 0.1 * ripple(rng, turns.ravel()).reshape(turns.shape))
    gas = np.zeros((4, len(centres), len(centres)))
    gas[0], gas[3] = np.where(radius < edge, 2.0, 1.0), np.where(radius < 0.1, 20.0, 1.0)
    return gas


def polytrope(rng: Generator, centres: Array) -> tuple[Array, Array]:
    """GCE-RT: a gas at rest in its own gravity, and the potential ``[x, y]``, on a square of side 1 round the centre.

    ``p = K density^2``, ``density = density_0 sinc(a r)`` with ``a = sqrt(2 pi / K)``, the equilibrium of gamma = 2;
    outside of ``r = 0.25 (1 + a cos(angle + b))`` the density is ``(1 + A) / (1 - A)`` times that at the same pressure,
    so that heavy gas lies on light. density_0 and p_0 are ``1 + 0.2 U[-1, 1]``, the Atwood number A is
    ``0.05 (1 + 0.2 U[-1, 1])``, a U[-1, 1], b U[-pi, pi].
    """
    ripple_size, central, core_pressure, atwood = rng.uniform(-1, 1, 4)
    phase, density = rng.uniform(-np.pi, np.pi), 1 + 0.2 * central
    stiffness = (1 + 0.2 * core_pressure) / density**2
    x, y = centres[:, None] - 0.5, centres[None, :] - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    profile = density * np.sinc(np.sqrt(2 / (np.pi * stiffness)) * radius)
    heavy = radius > 0.25 * (1 + ripple_size * np.cos(angle + phase))
    contrast = 0.05 * (1 + 0.2 * atwood)
    gas = np.zeros((4, *radius.shape))
    gas[0] = profile * np.where(heavy, (1 + contrast) / (1 - contrast), 1.0)
    gas[3] = stiffness * profile**2
    return gas, -2 * stiffness * profile
