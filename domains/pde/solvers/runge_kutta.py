"""The classical fourth-order Runge–Kutta method, every sample with its own stable steps."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .spectral import Array, parts

# tendency(state, *parameters) -> (time derivative, what computes the fastest rate of each sample in 1/time)
Tendency = Callable[..., tuple[Array, Callable[[], Array]]]

# RK4 is stable where |rate| dt < 2.6 in the left half plane; below 1.5 it is accurate as well.
RATE_TIMES_STEP = 1.5
MOST = 2.78


# A step that would have to be shorter than this share of the time between two snapshots is taken for a blow-up.
SHORTEST = 1e-6


class UnstableSolutionError(FloatingPointError):
    """A solution became infinite or not a number; ``samples`` are the numbers of those in the batch that did."""

    def __init__(self, message: str, samples: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.samples = tuple(samples)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.samples)


def integrate(
    tendency: Tendency,
    state: Array,
    times: Sequence[float],
    *,
    parameters: Sequence[Array] = (),
    start: float = 0.0,
    rate_times_step: float = RATE_TIMES_STEP,
) -> Iterator[Array]:
    """Yield the state ``[sample, ...]`` at each of ``times``.

    ``tendency`` returns the time derivative and, to be called once a step, a bound ``[sample]`` on the fastest rate
    (advection plus damping), from which each sample takes its own step, so that a sample does not depend on what it is
    batched with. ``parameters`` are arrays ``[sample, ...]`` that stay constant. The arithmetic is in the precision of
    ``state``. Raises `UnstableSolutionError`.
    """
    check_times(times, start)
    if not 0 < rate_times_step <= MOST:
        raise ValueError(f"rate_times_step must lie in its stable range (0, {MOST}], got {rate_times_step:g}")
    state, now = state.copy(), start
    for time in times:
        advance(tendency, state, parameters, now, time, rate_times_step)
        now = time
        yield state


def check_times(times: Sequence[float], start: float) -> None:
    """Refuse times that do not increase from ``start`` on."""
    values = np.asarray(times, dtype=float)
    if values.ndim != 1 or not len(values) or values[0] < start or not np.all(np.diff(values) > 0):
        raise ValueError(f"snapshot times must increase strictly from {start:g} on, got {list(times)}; sort them")


def advance(
    tendency: Tendency, state: Array, parameters: Sequence[Array], now: float, time: float, rate_times_step: float
) -> None:
    """Carry ``state`` from ``now`` to ``time`` in place."""
    left = np.full(len(state), time - now)
    while (active := np.flatnonzero(left > 0)).size:
        here = slice(None) if active.size == len(state) else active
        chosen = [value[here] for value in parameters]
        current = state[here]
        slope, fastest = tendency(current, *chosen)
        rate = fastest()
        possible = rate * SHORTEST * (time - now) <= rate_times_step  # False where it is not a number
        if not np.all(possible):
            lost = active[~possible].tolist()
            raise UnstableSolutionError(
                f"a solution must stay finite, but sample(s) {lost} of the batch did not shortly before time {time:g}; "
                "raise the resolution or the viscosity, or weaken the initial condition",
                samples=lost,
            )
        steps = np.maximum(np.ceil(left[active] * rate / rate_times_step), 1)
        step = left[active] / steps
        state[here] = one_step(tendency, current, chosen, slope, step)
        left[active] = np.where(steps == 1, 0.0, left[active] - step)


def one_step(tendency: Tendency, state: Array, parameters: Sequence[Array], slope: Array, step: Array) -> Array:
    """One classical Runge–Kutta step; ``slope`` is the tendency at ``state``."""
    size: Any = step.reshape(-1, *(1,) * (state.ndim - 1)).astype(state.real.dtype)
    second, _ = tendency(moved(state, slope, size / 2), *parameters)
    third, _ = tendency(moved(state, second, size / 2), *parameters)
    fourth, _ = tendency(moved(state, third, size), *parameters)
    second += third
    second *= 2
    second += slope
    second += fourth
    return moved(state, second, size / 6)


def moved(state: Array, slope: Array, step: Array) -> Array:
    """``state + step slope``."""
    change = parts(slope) * step
    change += parts(state)
    return change.view(state.dtype)
