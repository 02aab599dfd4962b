"""What a model gains over a reference: in accuracy at equal data, and in data at equal accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping

Curve = Mapping[int, float]


def accuracy_gain(model: Curve, reference: Curve, samples: int) -> float:
    """AG: error of the reference over error of the model, both trained on `samples` (arXiv 2405.19101, section 8).

    Args:
        model, reference: {number of training samples: error}.

    Raises:
        ValueError: a curve that was not measured at `samples`.
    """
    return _at(reference, samples, "reference") / _at(model, samples, "model")


def efficiency_gain(model: Curve, reference: Curve, samples: int) -> float:
    """EG: `samples` over the number from which the model needs no more to be as good as the reference with `samples`.

    That number is read off the model's curve, by straight lines between its points in logarithms (arXiv 2405.19101,
    section 8). A model that is as good with its fewest samples has at least the gain that is returned; one that never
    is has the gain 0, as in the paper's tables.

    Raises:
        ValueError: a reference that was not measured at `samples`, a model without a point, an error that is not
            positive.
    """
    aim = _at(reference, samples, "reference")
    points = sorted(model.items())
    if not points:
        raise ValueError("a gain is read off a curve of at least one point, got none; run the model first")
    for count, error in points:
        if not error > 0:
            raise ValueError(f"errors of a curve are positive, got {error} at {count} samples; leave the point out")
    needed = math.inf
    before: tuple[int, float] | None = None
    for count, error in points:
        if error <= aim:
            needed = count if before is None else _crossing(before, (count, error), aim)
            break
        before = count, error
    return samples / needed


def _at(curve: Curve, samples: int, name: str) -> float:
    if samples not in curve:
        raise ValueError(f"the {name} was trained on {sorted(curve)} samples, got {samples}; choose one of them")
    return curve[samples]


def _crossing(above: tuple[int, float], below: tuple[int, float], aim: float) -> float:
    """Where the line between two points meets an error, in logarithms."""
    (few, high), (many, low) = above, below
    share = math.log(high / aim) / math.log(high / low)
    return few * (many / few) ** share
