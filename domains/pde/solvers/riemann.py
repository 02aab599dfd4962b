"""What an ideal gas does at a face between two states: conserved and primitive variables, the flux through the face.

States are ``[sample, variable, x, y]``: primitive (density, velocity along x, along y, pressure), conserved (density,
momentum along x, along y, energy), all per volume. Variables after these four are concentrations that the gas carries,
and their amounts per volume.
"""

import numpy as np

from .spectral import Array


def conserved(primitive: Array, gamma: float) -> Array:
    """Density, momenta, ``E = p / (gamma - 1) + density |u|^2 / 2``."""
    density, u, v, pressure, *carried = np.moveaxis(primitive, 1, 0)
    energy = pressure / (gamma - 1) + 0.5 * density * (u * u + v * v)
    return np.stack([density, density * u, density * v, energy, *(density * q for q in carried)], axis=1)


def primitive(state: Array, gamma: float) -> Array:
    """Density, velocities, pressure."""
    density, momentum_x, momentum_y, energy, *carried = np.moveaxis(state, 1, 0)
    u, v = momentum_x / density, momentum_y / density
    pressure = (gamma - 1) * (energy - 0.5 * (momentum_x * u + momentum_y * v))
    return np.stack([density, u, v, pressure, *(q / density for q in carried)], axis=1)


def sound_speed(primitive: Array, gamma: float) -> Array:
    """``sqrt(gamma p / density)``."""
    return np.sqrt(gamma * primitive[:, 3] / primitive[:, 0])


def signal_speeds(left: Array, right: Array, gamma: float) -> tuple[Array, Array]:
    """The slowest and the fastest wave from a face: of the states, and of their Roe average (Einfeldt 1988)."""
    root = np.sqrt(left[:, 0]), np.sqrt(right[:, 0])
    share = root[0] / (root[0] + root[1])
    average = share * left[:, 1] + (1 - share) * right[:, 1]
    squared = share * sound_speed(left, gamma) ** 2 + (1 - share) * sound_speed(right, gamma) ** 2
    sound = np.sqrt(squared + 0.5 * share * (1 - share) * (right[:, 1] - left[:, 1]) ** 2)
    slowest = np.minimum(left[:, 1] - sound_speed(left, gamma), average - sound)
    fastest = np.maximum(right[:, 1] + sound_speed(right, gamma), average + sound)
    return slowest, fastest


def hllc(left: Array, right: Array, gamma: float) -> Array:
    """Flux of the conserved variables along x between primitive states (Toro, Spruce, Speares, Shock Waves 4, 1994).

    With the signal speeds above it keeps density and pressure positive (Batten et al., SIAM J. Sci. Comput. 18, 1997).
    """
    slowest, fastest = signal_speeds(left, right, gamma)
    mass_left, mass_right = left[:, 0] * (slowest - left[:, 1]), right[:, 0] * (fastest - right[:, 1])
    contact = (right[:, 3] - left[:, 3] + mass_left * left[:, 1] - mass_right * right[:, 1]) / (mass_left - mass_right)
    from_left = contact >= 0
    density, u, v, pressure, *carried = np.moveaxis(np.where(from_left[:, None], left, right), 1, 0)
    wave = np.where(from_left, slowest, fastest)
    crossing = np.where(from_left, np.minimum(slowest, 0), np.maximum(fastest, 0))  # 0 where all waves go one way
    energy = pressure / (gamma - 1) + 0.5 * density * (u * u + v * v)
    squeezed = density * (wave - u) / (wave - contact)
    work = (contact - u) * (contact * squeezed + squeezed * pressure / (density * (wave - u)))
    mass = density * u + crossing * (squeezed - density)
    return np.stack(
        [
            mass,
            density * u * u + pressure + crossing * (squeezed * contact - density * u),
            density * u * v + crossing * (squeezed - density) * v,
            (energy + pressure) * u + crossing * (squeezed * energy / density + work - energy),
            *(mass * q for q in carried),
        ],
        axis=1,
    )
