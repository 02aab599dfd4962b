"""Which frames of a series make a sample: one or two states, and the one to be predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError

from .time import hours_between

MINUTE = 1 / 60  # hours; times that differ by less are the same


@dataclass(frozen=True)
class Sample:
    """Positions of frames in a series.

    Attributes:
        inputs: of the states, in ascending time.
        target: of the state to be predicted; None where it is not there.
        lead_time: hours from the last state to the target.
        input_time: hours between the states, 0 where there is one.
        member: of the ensemble.
    """

    inputs: tuple[int, ...]
    target: int | None
    lead_time: float
    input_time: float
    member: int = 0


def enumerate_samples(
    times: Sequence[Any],
    *,
    input_times: int = 2,
    input_steps: Sequence[float | int] | None = None,
    lead_times: Sequence[float | int] | None = None,
    members: int = 1,
    targets: bool = True,
) -> tuple[Sample, ...]:
    """Every sample of a series, ordered by member, last state, input step, lead time.

    Args:
        times: rising, not necessarily even; all hours are computed from them.
        input_times: states per sample.
        input_steps: hours between the states; by default each state comes with the frame before it, whenever that was.
        lead_times: hours to the target, 0 for the last state itself, negative ones counted from the *first* state (as
            the released loader does); by default the next frame, whenever that is.
        targets: leave out samples whose target is not there; else they have none.

    Raises:
        DataError: no sample fits; says which steps there are.
    """
    if input_times < 1:
        raise DataError(f"a sample has at least one state, got input_times={input_times}; models take one or two")
    if len(times) < input_times:
        raise DataError(
            f"a sample has {input_times} states, got data with {len(times)} times; leave the ones before in them, too"
        )
    hours = [hours_between(times[0], t) for t in times]
    places = {round(h / MINUTE): i for i, h in enumerate(hours)}

    def place(hour: float) -> int | None:
        return places.get(round(hour / MINUTE))

    found: list[Sample] = []
    for last, now in enumerate(hours):
        for before, step in _starts(last, now, hours, place, input_times, input_steps):
            inputs = (*before, last)
            ahead: list[tuple[int | None, float]]
            if lead_times is None:
                ahead = [(last + 1, hours[last + 1] - now)] if last + 1 < len(hours) else []
                ahead = ahead or ([] if targets else [(None, float("nan"))])
            else:
                start = hours[inputs[0]]
                ahead = [(place((now if lead >= 0 else start) + lead), float(lead)) for lead in lead_times]
            for target, lead in ahead:
                if np.isfinite(lead) and (target is not None or not targets):
                    found.append(Sample(inputs, target, lead, step))
    if not found:
        steps = sorted({round(b - a, 3) for a, b in pairwise(hours)})
        raise DataError(
            f"a sample has {input_times} states {input_steps or 'one frame'} hours apart and a target "
            f"{lead_times or 'one frame'} hours ahead, but no frames fit; the {len(hours)} frames are {steps[:10]} "
            "hours apart; choose other input_steps or lead_times, or targets=False"
        )
    return tuple(Sample(s.inputs, s.target, s.lead_time, s.input_time, m) for m in range(members) for s in found)


def _starts(
    last: int, now: float, hours: list[float], place: Any, count: int, steps: Sequence[float | int] | None
) -> list[tuple[tuple[int, ...], float]]:
    """The frames before the last one, and the hours between them."""
    if count == 1:
        return [((), 0.0)]
    if steps is None:
        before = tuple(range(last - count + 1, last))
        if before[0] < 0:
            return []
        gaps = np.diff([hours[i] for i in (*before, last)])
        return [(before, float(gaps[0]))] if np.ptp(gaps) < MINUTE else []
    found = []
    for step in steps:
        if step <= 0:
            raise DataError(f"hours between states are positive, got input_steps={list(steps)}")
        before = tuple(place(now - k * step) for k in range(count - 1, 0, -1))
        if None not in before:
            found.append((before, float(step)))
    return found
