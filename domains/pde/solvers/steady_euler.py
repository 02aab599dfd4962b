"""The steady compressible Euler equations round a body, on a mesh that goes round it."""

from dataclasses import dataclass

import numpy as np

from .riemann import conserved, hllc, primitive
from .runge_kutta import UnstableSolutionError
from .spectral import Array

GAMMA = 1.4
STAGES = (0.1481, 0.4, 1.0)
COURANT = 1.2
MOST_STEPS = 3000
SETTLED = 2e-5
NOT_SETTLED = 1e-3


@dataclass(frozen=True)
class Mesh:
    """Cells ``[around, outward]``: their areas, and the normals of their faces, as long as these, ``[2, face, cell]``.

    across: normals between a cell and the one before it around, the first again at the end; outward: those between a
    cell and the one nearer to the body, the body itself first and the far end last.
    """

    area: Array
    across: Array
    outward: Array

    @staticmethod
    def of(nodes: Array) -> "Mesh":
        """From the corners of the cells, complex ``[around + 1, outward + 1]``, counter-clockwise."""
        diagonals = nodes[1:, 1:] - nodes[:-1, :-1], nodes[1:, :-1] - nodes[:-1, 1:]
        out, along = np.diff(nodes, axis=1), np.diff(nodes, axis=0)
        return Mesh(
            area=0.5 * np.abs((diagonals[0].conj() * diagonals[1]).imag),
            across=np.stack([-out.imag, out.real]),
            outward=np.stack([along.imag, -along.real]),
        )


def steady_euler(nodes: Array, mach: float, angle: float, start: Array | None = None) -> Array:
    """The steady gas ``[4, around, outward]`` (density, velocities, pressure over those far away: density and pressure
    are 1 there) round a body, in a flow of this Mach number and angle of attack in degrees.

    Limited linear profiles, HLLC fluxes, three stages with time steps of each cell's own, until the density moves by
    less than 2e-5 of its own a step. The body lets nothing through. Raises `UnstableSolutionError` where it does not
    settle.
    """
    mesh, far = Mesh.of(nodes), free_stream(mach, angle)
    gas = np.broadcast_to(far[:, None, None], (4, *mesh.area.shape)).copy() if start is None else start
    state = conserved(gas[None], GAMMA)
    for _ in range(MOST_STEPS):
        gas = primitive(state, GAMMA)
        step = COURANT / signals(gas[0], mesh)
        began, current = state, gas
        for stage in STAGES:
            state = began - stage * step * residual(current, mesh, far)
            current = primitive(state, GAMMA)
        moved = float(np.sqrt(np.mean((state[:, 0] / began[:, 0] - 1) ** 2)))
        if not np.isfinite(moved) or current[:, [0, 3]].min() <= 0:
            raise UnstableSolutionError("a steady gas must keep a positive density and pressure, but it did not")
        if moved < SETTLED:
            break
    if moved > NOT_SETTLED:
        raise UnstableSolutionError(f"a steady gas must settle, but its density still moves by {moved:.1e} a step")
    return primitive(state, GAMMA)[0]


def free_stream(mach: float, angle: float) -> Array:
    """Density, velocities and pressure far away."""
    speed, turn = mach * np.sqrt(GAMMA), np.radians(angle)
    return np.array([1.0, speed * np.cos(turn), speed * np.sin(turn), 1.0])


def signals(gas: Array, mesh: Mesh) -> Array:
    """How much area the fastest signals cross in a cell a time unit, through both pairs of faces."""
    sound = np.sqrt(GAMMA * gas[3] / gas[0])
    across = 0.5 * (mesh.across[:, 1:] + mesh.across[:, :-1])
    outward = 0.5 * (mesh.outward[:, :, 1:] + mesh.outward[:, :, :-1])
    rates = [np.abs((gas[1:3] * n).sum(0)) + sound * np.hypot(*n) for n in (across, outward)]
    return rates[0] + rates[1]


def residual(gas: Array, mesh: Mesh, far: Array) -> Array:
    """What flows out of each cell ``[1, 4, around, outward]``."""
    left, right = profiles(np.concatenate([gas[:, :, -2:], gas, gas[:, :, :2]], axis=2), axis=2)
    around = turned_flux(right[:, :, :-1], left[:, :, 1:], mesh.across)
    nearer, beyond = 2 * gas[..., :1] - gas[..., 1:2], np.broadcast_to(far[:, None, None], (1, *gas.shape[1:3], 2))
    left, right = profiles(np.concatenate([nearer, gas, beyond], axis=3), axis=3)
    outward = turned_flux(right[..., :-1], left[..., 1:], mesh.outward[:, :, 1:])
    wall = np.zeros_like(outward[..., :1])
    wall[:, 1:3, :, 0] = mesh.outward[:, :, 0] * (1.5 * gas[:, 3:, :, 0] - 0.5 * gas[:, 3:, :, 1])
    return np.diff(around, axis=2) + np.diff(np.concatenate([wall, outward], axis=3), axis=3)


def profiles(gas: Array, axis: int) -> tuple[Array, Array]:
    """The lower and upper ends of limited linear profiles along an axis, of all cells but the first and the last.

    The limiter is van Albada's (Astron. Astrophys. 108, 1982), which is smooth, so that the solution settles.
    """
    step = np.diff(gas, axis=axis)
    before, after = (np.take(step, np.arange(step.shape[axis] - 1) + shift, axis=axis) for shift in (0, 1))
    both = before * after
    slope = np.where(both > 0, both * (before + after) / (before**2 + after**2 + 1e-30), 0.0)
    inner = np.take(gas, np.arange(1, gas.shape[axis] - 1), axis=axis)
    return inner - slope / 2, inner + slope / 2


def turned_flux(left: Array, right: Array, normal: Array) -> Array:
    """Flux through faces with these normals, times the length of the face."""
    length = np.hypot(*normal)
    cos, sin = normal / np.where(length > 0, length, 1.0)

    def turned(x: Array, sign: int) -> Array:
        return np.stack(
            [x[:, 0], cos * x[:, 1] + sign * sin * x[:, 2], cos * x[:, 2] - sign * sin * x[:, 1], x[:, 3]], 1
        )

    return length * turned(hllc(turned(left, 1), turned(right, 1), GAMMA), -1)


def pressure_force(gas: Array, nodes: Array) -> Array:
    """Force of the gas ``[4, around, outward]`` on the body, along x and y."""
    wall = Mesh.of(nodes).outward[:, :, 0]
    return -(wall * (1.5 * gas[3, :, 0] - 0.5 * gas[3, :, 1])).sum(axis=1)
