"""The compressible Euler equations of an ideal gas: finite volumes with shocks, positive whatever happens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .riemann import conserved, hllc, primitive, sound_speed
from .runge_kutta import UnstableSolutionError, check_times
from .spectral import Array

Boundary = Literal["periodic", "outflow", "wall"]
COURANT = 0.8
GHOSTS = 2
STRIP = 4096


def euler(
    start: Array,
    spacing: float,
    times: Sequence[float],
    *,
    gamma: float = 1.4,
    boundary: Boundary = "periodic",
    potential: Array | None = None,
    courant: float = COURANT,
) -> Array:
    """Solve mass, momentum and energy conservation from time 0 on; primitive ``[sample, time, variable, x, y]``.

    The MUSCL-Hancock scheme (van Leer, SIAM J. Sci. Stat. Comput. 5, 1984): limited linear profiles of the primitive
    variables in each cell, carried half a step, HLLC fluxes between them; one direction after the other, in the reverse
    order after that. Second order where smooth. Where a step would leave a density or pressure that is not
    positive, it takes two half steps without profiles instead, which keep both positive. With gravity the profiles are
    those of the departure from hydrostatic equilibrium, which rests exactly (Käppeli and Mishra, A&A 587, 2016).

    start: primitive averages over square cells of side ``spacing``, ``[sample, variable, x, y]``: density, velocities,
    pressure, then concentrations that the gas carries; potential: of a constant gravity, ``[sample, x, y]``; courant:
    fastest signal in cells a step, at most 1. Raises ValueError for a start that is not a gas, and
    `UnstableSolutionError`.
    """
    check_times(times, 0.0)
    require_gas(start)
    if not 0 < courant <= 1:
        raise ValueError(f"the Courant number must lie in (0, 1], got {courant:g}; 0.8 is usual")
    paths = []
    for number, gas in enumerate(start):
        medium = Medium(gamma, boundary, None if potential is None else potential[number, None])
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                paths.append(solved(gas[None], spacing, times, medium, courant))
        except UnstableSolutionError as error:
            raise UnstableSolutionError(f"sample {number} of the batch: {error}", samples=[number]) from error
    return np.stack(paths)


def require_gas(start: Array) -> None:
    """Refuse a density or pressure that is not positive."""
    lowest = start[:, [0, 3]].min(axis=(2, 3))
    for sample, (density, pressure) in enumerate(lowest):
        if not (density > 0 and pressure > 0):
            raise ValueError(
                "density and pressure of a gas must be positive, got a least density of "
                f"{density:g} and pressure of {pressure:g} in sample {sample}; correct the initial state"
            )


@dataclass(frozen=True)
class Medium:
    """What a gas is in: its ratio of specific heats, what lies at the ends, and the potential ``[1, x, y]``."""

    gamma: float
    boundary: Boundary
    potential: Array | None = None

    def turned(self) -> "Medium":
        """With x and y exchanged."""
        return self if self.potential is None else replace(self, potential=self.potential.swapaxes(1, 2))

    def strip(self, first: int, end: int) -> "Medium":
        """Of these cells along y."""
        return self if self.potential is None else replace(self, potential=self.potential[:, :, first:end])

    def climbs(self) -> Array | None:
        """Potential differences along x from each cell to the next, ghost cells among them."""
        if self.potential is None:
            return None
        return np.diff(padded(self.potential[:, None], self.boundary)[:, 0], axis=1)


def solved(gas: Array, spacing: float, times: Sequence[float], medium: Medium, courant: float) -> Array:
    """The primitive state of one sample ``[1, variable, x, y]`` at each of ``times``, ``[time, variable, x, y]``.

    One sample at a time, since that stays in the cache: eight together took three times as long each at 64 x 64.
    """
    state, now, path = conserved(gas, medium.gamma), 0.0, []
    for time in times:
        left = time - now
        while left > 0:
            pairs = max(1, math.ceil(left * fastest_signal(state, medium.gamma, time) / (2 * courant * spacing)))
            ratio = left / (2 * pairs * spacing)
            for along_x in (True, False, False, True):
                state = sweep(state, ratio, medium, along_x)
            left = 0.0 if pairs == 1 else left - left / pairs
        now = time
        path.append(primitive(state, medium.gamma)[0])
    fastest_signal(state, medium.gamma, now)
    return np.stack(path)


def fastest_signal(state: Array, gamma: float, time: float) -> float:
    """Over all cells and both directions."""
    gas = primitive(state, gamma)
    speed = float((np.abs(gas[:, 1:3]).max(axis=1) + sound_speed(gas, gamma)).max())
    if not math.isfinite(speed):
        raise UnstableSolutionError(
            f"a gas must keep a positive density and pressure, but it did not shortly before time {time:g}; "
            "lower the Courant number or weaken the initial condition"
        )
    return speed


def sweep(state: Array, ratio: float, medium: Medium, along_x: bool) -> Array:
    """One step in one direction; ratio: of the step to the spacing."""
    if not along_x:
        order = [0, 2, 1, *range(3, state.shape[1])]
        turned = state[:, order].swapaxes(2, 3)
        return sweep(turned, ratio, medium.turned(), True)[:, order].swapaxes(2, 3)
    done = stepped(state, ratio, medium)
    if (primitive(done, medium.gamma)[:, [0, 3]] > 0).all():
        return done
    for _ in range(2):
        state = stepped(state, ratio / 2, medium, profiles=False)
    return state


def stepped(state: Array, ratio: float, medium: Medium, *, profiles: bool = True) -> Array:
    """The state after a step along x, in strips of `STRIP` cells, which stay in the cache and know nothing of another:
    half of the time from 128 x 128 cells on, to the same numbers."""
    later, width = np.empty(state.shape), max(1, STRIP // state.shape[2])
    for first in range(0, state.shape[3], width):
        strip = np.ascontiguousarray(state[..., first : first + width])
        within = medium.strip(first, first + width)
        later[..., first : first + width] = strip - ratio * outflow(strip, ratio, within, profiles=profiles)
    return later


def outflow(state: Array, ratio: float, medium: Medium, *, profiles: bool = True) -> Array:
    """What flows out of each cell to the right minus what flows in from the left, and what gravity takes."""
    gas, climbs = padded(primitive(state, medium.gamma), medium.boundary), medium.climbs()
    inner, weight = gas[:, :, 1:-1], 0.0
    if climbs is not None:
        weight = 0.5 * inner[:, 0] * (climbs[:, :-1] + climbs[:, 1:])
    if profiles:
        step = np.diff(gas, axis=2)
        if climbs is not None:
            step[:, 3] += 0.5 * (gas[:, 0, :-1] + gas[:, 0, 1:]) * climbs
        slope = limited(step)
        carried = half_step(inner, slope, ratio, medium.gamma, weight)
        left, right = carried - slope / 2, carried + slope / 2
    else:
        carried = inner
        left, right = inner.copy(), inner.copy()
    if climbs is not None:
        left[:, 3] += 0.5 * carried[:, 0] * climbs[:, :-1]
        right[:, 3] -= 0.5 * carried[:, 0] * climbs[:, 1:]
    empty = ((left[:, [0, 3]] <= 0) | (right[:, [0, 3]] <= 0)).any(axis=1, keepdims=True)
    left, right = np.where(empty, inner, left), np.where(empty, inner, right)
    flux = hllc(right[:, :, :-1], left[:, :, 1:], medium.gamma)
    leaving = np.diff(flux, axis=2)
    if climbs is not None:
        before, after = climbs[:, 1:-2], climbs[:, 2:-1]
        leaving[:, 1] += 0.5 * carried[:, 0, 1:-1] * (before + after)
        leaving[:, 3] += 0.5 * (flux[:, 0, :-1] * before + flux[:, 0, 1:] * after)
    return leaving


def padded(gas: Array, boundary: Boundary) -> Array:
    """With two more cells at both ends along x: those of the other end, copies of the last one, or its mirror image."""
    if boundary == "periodic":
        return np.concatenate([gas[:, :, -GHOSTS:], gas, gas[:, :, :GHOSTS]], axis=2)
    if boundary == "outflow":
        ends = [np.repeat(end, GHOSTS, axis=2) for end in (gas[:, :, :1], gas[:, :, -1:])]
    else:
        ends = [gas[:, :, GHOSTS - 1 :: -1].copy(), gas[:, :, : -GHOSTS - 1 : -1].copy()]
        for end in ends:
            end[:, 1:2] *= -1
    return np.concatenate([ends[0], gas, ends[1]], axis=2)


def limited(step: Array) -> Array:
    """Slope of a cell from the steps on its two sides: the monotonised central limiter (van Leer 1977)."""
    before, after = step[:, :, :-1], step[:, :, 1:]
    smallest = np.minimum(2 * np.minimum(np.abs(before), np.abs(after)), 0.5 * np.abs(before + after))
    return np.where(before * after > 0, np.sign(after) * smallest, 0.0)


def half_step(gas: Array, slope: Array, ratio: float, gamma: float, weight: Array | float = 0.0) -> Array:
    """The middle of each profile after half a step, by the equations of the primitive variables along x.

    weight: how much the pressure falls over a cell in equilibrium; its slope is that of the departure from it.
    """
    density, u, _, pressure = np.moveaxis(gas[:, :4], 1, 0)
    thickening, stretching, shearing, pushing, *mixing = np.moveaxis(slope, 1, 0)
    rate = np.stack(
        [
            u * thickening + density * stretching,
            u * stretching + pushing / density,
            u * shearing,
            u * (pushing - weight) + gamma * pressure * stretching,
            *(u * step for step in mixing),
        ],
        axis=1,
    )
    return gas - 0.5 * ratio * rate
