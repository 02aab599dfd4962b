"""Exponential time differencing for stiff equations on periodic lines, squares and cubes."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import DTypeLike
from scipy import fft

from .runge_kutta import UnstableSolutionError, check_times
from .spectral import Array, parts, scaled, twice

Forcing = Callable[[Array], Array]
CONTOUR = 32
BACKWARD = 4


def exponential(
    start: Array,
    rates: Array,
    forcing: Forcing,
    times: Sequence[float],
    *,
    step: float,
    axes: int,
    multistep: bool = False,
) -> Array:
    """Solve ``v_t = rates v + N(v)`` for the spectra v of real fields, ``[sample, time, field, *space]``.

    What is linear is solved exactly, however stiff it is; N by the fourth-order methods of Cox and Matthews (J. Comput.
    Phys. 176, 2002) with the stable coefficients of Kassam and Trefethen (SIAM J. Sci. Comput. 26, 2005): Runge–Kutta,
    which evaluates it four times a step, or, if ``multistep``, Adams–Bashforth, which evaluates it once, is more
    accurate at half the step, and stable where N changes by less than about 0.4 of itself in one.

    start: fields ``[sample, field, *space]`` on the last ``axes`` axes, whose precision the arithmetic takes; rates:
    real, ``[field or 1, *modes]`` or ``[sample, field or 1, *modes]``, of as many modes along the last axis as shall be
    kept; forcing: a new array of N of spectra ``[sample, field, *modes]``; step: the longest, the same for every
    sample. Raises `UnstableSolutionError`, which names the samples that did not stay finite.
    """
    check_times(times, 0.0)
    if not 0 < step < math.inf:
        raise ValueError(f"a step must be a positive time, got {step:g}")
    where, size = tuple(range(-axes, 0)), start.shape[-axes:]
    spectra = fft.rfftn(start, axes=where, norm="forward", workers=1)
    state, now, path = np.ascontiguousarray(spectra[..., : rates.shape[-1]]), 0.0, []
    past = Past(state) if multistep else None
    length = 0.0
    for time in times:
        count = math.ceil((time - now) / step - 1e-9)
        if count and not math.isclose(length, (time - now) / count, rel_tol=1e-9):
            length = (time - now) / count
            past = Past(state) if multistep else None
        by = Coefficients.of(rates, length, start.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(count):
                state = advanced(state, by, forcing, past)
        lost = np.flatnonzero(~np.isfinite(state).reshape(len(state), -1).all(axis=1)).tolist()
        if lost:
            raise UnstableSolutionError(
                f"a solution must stay finite, but sample(s) {lost} of the batch did not before time {time:g}; shorten "
                "the step or weaken the initial condition",
                samples=lost,
            )
        now = time
        path.append(fft.irfftn(state, s=size, axes=where, norm="forward", workers=1))
    return np.stack(path, axis=1)


class Coefficients:
    """What a step of one length multiplies by; kept for the next step of that length."""

    def __init__(self, rates: Array, step: float, precision: DTypeLike) -> None:
        exact = step * rates
        points = np.exp(1j * np.pi * (np.arange(CONTOUR) + 0.5) / CONTOUR)
        sums = np.zeros((4 + BACKWARD, *rates.shape))
        for point in points:  # means over a circle round each rate, where the formulas lose no digits
            z = exact + point
            power = np.exp(z)
            sums[0] += ((np.exp(z / 2) - 1) / z).real
            sums[1] += ((-4 - z + power * (4 - 3 * z + z**2)) / z**3).real
            sums[2] += ((2 + z + power * (z - 2)) / z**3).real
            sums[3] += ((-4 - 3 * z - z**2 + power * (4 - z)) / z**3).real
            moments = [(power - 1) / z]  # of exp((1 - s) z) over a step: with s^0, s^1, ...
            for n in range(1, BACKWARD):
                moments.append((n * moments[-1] - 1) / z)
            for number, weights in enumerate(INTERPOLATION):
                sums[4 + number] += sum(w * moment for w, moment in zip(weights, moments, strict=True)).real
        found = [twice(values, precision) for values in step * sums / CONTOUR]
        self.half_forcing, self.first, self.middle, self.last, *backward = found
        self.backward = np.stack(backward)
        self.whole, self.half = twice(np.exp(exact), precision), twice(np.exp(exact / 2), precision)

    @staticmethod
    def of(rates: Array, step: float, precision: DTypeLike) -> "Coefficients":
        """The coefficients of these rates and this step in that precision."""
        return _kept(rates.tobytes(), rates.shape, step, np.dtype(precision))


def lagrange(number: int) -> Array:
    """Powers of the polynomial that is 1 a ``number`` of steps ago and 0 at the other backward steps."""
    nodes = [step for step in range(BACKWARD) if step != number]
    product = math.prod((Polynomial([node, 1.0]) / (node - number) for node in nodes), start=Polynomial([1.0]))
    return np.asarray(product.coef)


INTERPOLATION = [lagrange(number) for number in range(BACKWARD)]


@lru_cache(maxsize=8)
def _kept(rates: bytes, shape: tuple[int, ...], step: float, precision: np.dtype) -> Coefficients:
    return Coefficients(np.frombuffer(rates).reshape(shape), step, precision)


class Past:
    """The forcings of the last steps of one length, each kept twice, so that the latest ones always lie in a row."""

    def __init__(self, state: Array) -> None:
        self.forcings = np.empty((2 * BACKWARD, *state.shape), state.dtype)
        self.count = 0

    def latest(self, forcing: Array) -> Array | None:
        """The last forcings, this one first, ``[BACKWARD, ...]``; None while they are too few."""
        self.count += 1
        place = -self.count % BACKWARD
        self.forcings[place] = self.forcings[place + BACKWARD] = forcing
        return self.forcings[place : place + BACKWARD] if self.count >= BACKWARD else None


def advanced(state: Array, by: Coefficients, forcing: Forcing, past: Past | None) -> Array:
    """The spectra one step later: a step of Runge and Kutta's if there is no past, or not enough of it yet."""
    now = forcing(state)
    latest = past.latest(now) if past else None
    if latest is None:
        return runge_kutta(state, by, forcing, now)
    later = np.einsum("j...,j...->...", parts(latest), by.backward)
    later += parts(state) * by.whole
    return later.view(state.dtype)


def runge_kutta(state: Array, by: Coefficients, forcing: Forcing, first: Array) -> Array:
    """The spectra one step later, from the forcing there and at three stages in between."""
    half = scaled(state, by.half)
    a = half + scaled(first, by.half_forcing)
    second = forcing(a)
    b = half + scaled(second, by.half_forcing)
    third = forcing(b)
    c = scaled(a, by.half) + scaled(2 * third - first, by.half_forcing)
    later = scaled(state, by.whole) + scaled(first, by.first)
    later += 2 * scaled(second + third, by.middle)
    later += scaled(forcing(c), by.last)
    return later
