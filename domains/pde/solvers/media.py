"""Random initial pulses and sound speeds of the wave problems, as functions of continuous space.

Source: Poseidon (arXiv 2405.19101), supplement. Speeds are in m/s on a square of side 1 m. Each function draws its
numbers and returns a function of coordinates ``x [x, 1]`` and ``y [1, y]``, with or without periodic images.
"""

from collections.abc import Callable

import numpy as np

from .spectral import Array

Generator = np.random.Generator
Medium = Callable[[Array, Array], Array]


def pulses(rng: Generator, *, periodic: bool) -> Medium:
    """2 to 6 unit Gaussians, deviation U[0.039, 0.156], centres U[1/6, 5/6]."""
    count = rng.integers(2, 7)
    width, centre = rng.uniform(0.039, 0.156, count), rng.uniform(1 / 6, 5 / 6, (2, count))
    return gaussian_sum(np.ones(count), width, centre, periodic=periodic)


def gaussian_speed(rng: Generator, *, periodic: bool) -> Medium:
    """A constant U[1500, 2500] plus four Gaussians of amplitude U[1000, 2500] and deviation U[1/12, 1/6]."""
    base, bump = rng.uniform(1500, 2500), rng.uniform(1000, 2500, 4)
    width, centre = rng.uniform(1 / 12, 1 / 6, 4), rng.uniform(0, 1, (2, 4))
    bumps = gaussian_sum(bump, width, centre, periodic=periodic)
    return lambda x, y: base + bumps(x, y)


def layered_speed(rng: Generator, *, periodic: bool) -> Medium:
    """3 to 6 layers of constant speed U[2000, 5000], their interfaces waves along x of 1 to 3 periods."""
    count = rng.integers(3, 7)
    speed = rng.uniform(2000, 5000, count)
    height, periods = rng.uniform(0, 0.25, count - 1) / count, rng.integers(1, 4, count - 1)
    phase, level = rng.uniform(0, 2 * np.pi, count - 1), np.arange(1, count) / count

    def layers(x: Array, y: Array) -> Array:
        interface = level + height * np.sin(2 * np.pi * periods * x[..., None] + phase)
        return speed[(y[..., None] > interface).sum(axis=-1)]

    return layers


def gaussian_sum(amplitude: Array, width: Array, centre: Array, *, periodic: bool) -> Medium:
    """``sum_i amplitude_i exp(-|r - centre_i|^2 / 2 width_i^2)``, with the images one period away if periodic."""
    images = np.array([-1, 0, 1]) if periodic else np.zeros(1)

    def profile(points: Array, middle: Array) -> Array:
        distance = points.reshape(-1, 1, 1) - middle[:, None] - images
        return np.exp(-0.5 * (distance / width[:, None]) ** 2).sum(axis=-1)

    return lambda x, y: (profile(x, centre[0]) * amplitude) @ profile(y, centre[1]).T
