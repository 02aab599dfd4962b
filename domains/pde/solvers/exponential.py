"""Exponential time differencing for stiff equations on periodic lines, squares and cubes."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from scipy import fft

from .runge_kutta import UnstableSolutionError, check_times
from .spectral import Array

Forcing = Callable[[Array], Array]
CONTOUR = 32


def exponential(
    start: Array, rates: Array, forcing: Forcing, times: Sequence[float], *, step: float, axes: int
) -> Array:
    """Solve ``v_t = rates v + N(v)`` for the spectra v of real fields, ``[sample, time, field, *space]``.

    The fourth-order scheme of Cox and Matthews with the stable coefficients of Kassam and Trefethen (SIAM J. Sci.
    Comput. 26, 2005): what is linear is solved exactly, however stiff it is.

    start: fields ``[sample, field, *space]`` on the last ``axes`` axes; rates: real, ``[field or 1, *modes]`` or
    ``[sample, field or 1, *modes]``; forcing: N of spectra ``[sample, field, *modes]``; step: the longest, the same for
    every sample. Raises `UnstableSolutionError`, which names the samples that did not stay finite.
    """
    check_times(times, 0.0)
    if not 0 < step < math.inf:
        raise ValueError(f"a step must be a positive time, got {step:g}")
    where, size = tuple(range(-axes, 0)), start.shape[-axes:]
    state, now, path = fft.rfftn(start, axes=where, norm="forward", workers=1), 0.0, []
    for time in times:
        count = math.ceil((time - now) / step - 1e-9)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(count):
                state = advanced(state, Coefficients.of(rates, (time - now) / count), forcing)
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

    def __init__(self, rates: Array, step: float) -> None:
        scaled = step * rates
        points = np.exp(1j * np.pi * (np.arange(CONTOUR) + 0.5) / CONTOUR)
        sums = np.zeros((4, *rates.shape))
        for point in points:  # means over a circle round each rate, where the formulas lose no digits
            z = scaled + point
            power = np.exp(z)
            sums[0] += ((np.exp(z / 2) - 1) / z).real
            sums[1] += ((-4 - z + power * (4 - 3 * z + z**2)) / z**3).real
            sums[2] += ((2 + z + power * (z - 2)) / z**3).real
            sums[3] += ((-4 - 3 * z - z**2 + power * (4 - z)) / z**3).real
        self.half_forcing, self.first, self.middle, self.last = step * sums / CONTOUR
        self.whole, self.half = np.exp(scaled), np.exp(scaled / 2)

    @staticmethod
    def of(rates: Array, step: float) -> "Coefficients":
        """The coefficients of these rates and this step (rounded to nine digits)."""
        return _kept(rates.tobytes(), rates.shape, float(f"{step:.9g}"))


@lru_cache(maxsize=8)
def _kept(rates: bytes, shape: tuple[int, ...], step: float) -> Coefficients:
    return Coefficients(np.frombuffer(rates).reshape(shape), step)


def advanced(state: Array, by: Coefficients, forcing: Forcing) -> Array:
    """The spectra one step later."""
    first = forcing(state)
    a = by.half * state + by.half_forcing * first
    second = forcing(a)
    b = by.half * state + by.half_forcing * second
    third = forcing(b)
    c = by.half * a + by.half_forcing * (2 * third - first)
    fourth = forcing(c)
    return by.whole * state + by.first * first + 2 * by.middle * (second + third) + by.last * fourth
