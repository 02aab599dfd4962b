"""How far predicted properties can be trusted: intervals and probabilities, calibrated on molecules that were held out.

Regression (split conformal prediction, Lei and others 2018, arXiv 1604.04173), with mean m and deviation d of an
ensemble and the mean deviation d_0 of the calibration molecules (d + d_0 = 1 for a single model):

    s_i = |y_i - m_i| / (d_i + d_0),     interval  m - q (d + d_0)  to  m + q (d + d_0)

with q the ceil((n + 1) level)-th smallest of the n scores: such an interval holds the value of a new molecule with a
probability of at least `level`, if it comes from where the calibration molecules come from. A scaffold that nobody has
seen does not.

Classification (Platt 1999): p' = sigmoid(a logit(p) + b), with a and b the most likely on the calibration labels, which
are moved a little from 0 and 1 as Platt does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from humboldt.data_catalog import DataError
from humboldt.foundations import ConfigError

Values = Float[np.ndarray, "k n p"]
CLOSE = 1e-6  # of a probability to 0 and 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What held-out molecules say of the predictions of some models, for every property.

    Attributes:
        task: `regression` or `classification`.
        level: share of the intervals that should hold the value.
        floor: d_0, in the units of the properties; 0 for a single model.
        quantile: q.
        slope, offset: a and b.
    """

    task: Literal["regression", "classification"]
    level: float
    floor: Float[np.ndarray, " p"]
    quantile: Float[np.ndarray, " p"]
    slope: Float[np.ndarray, " p"]
    offset: Float[np.ndarray, " p"]

    @classmethod
    def of(
        cls,
        values: Values,
        target: Float[np.ndarray, "n p"],
        names: tuple[str, ...],
        task: Literal["regression", "classification"],
        level: float = 0.9,
    ) -> Calibration:
        """Calibrate.

        Args:
            values: what each of k models predicts for n molecules that none of them has learned from.
            target: what was measured, NaN where it was not.
            names: of the properties.
            task: what the models do.
            level: of the intervals, in (0, 1).

        Raises:
            ConfigError: a level outside of (0, 1).
            DataError: too few values are known for this level, or labels of one class only.
        """
        if not 0 < level < 1:
            raise ConfigError(f"a level is a share in (0, 1), got {level}; 0.9 is usual")
        count = len(names)
        floor = _deviation(values).mean(0)
        found = cls(
            task=task, level=level, floor=floor,
            quantile=np.full(count, math.nan), slope=np.ones(count), offset=np.zeros(count),
        )  # fmt: skip
        mean, scale = values.mean(0), found.scale(values)
        for place, name in enumerate(names):
            known = ~np.isnan(target[:, place])
            y, m = target[known, place], mean[known, place]
            if task == "regression":
                found.quantile[place] = _quantile(np.abs(y - m) / scale[known, place], level, name)
            else:
                found.slope[place], found.offset[place] = _platt(m, y, name)
        return found

    def scale(self, values: Values) -> Float[np.ndarray, "n p"]:
        """d + d_0 of every prediction, 1 for a single model."""
        return _deviation(values) + np.where(self.floor > 0, self.floor, 1.0)

    def interval(self, values: Values) -> tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "n p"]]:
        """Ends of the intervals of a regression."""
        mean, reach = values.mean(0), self.quantile * self.scale(values)
        return mean - reach, mean + reach

    def probability(self, values: Values) -> Float[np.ndarray, "n p"]:
        """Calibrated probabilities of a classification."""
        return 1 / (1 + np.exp(-(self.slope * _logit(values.mean(0)) + self.offset)))


def _deviation(values: Values) -> Float[np.ndarray, "n p"]:
    return np.asarray(values.std(0), dtype=float)


def _quantile(scores: np.ndarray, level: float, name: str) -> float:
    rank = math.ceil((len(scores) + 1) * level - 1e-9)  # 100 x 0.55 is 55, and a little more in floating point
    if rank > len(scores):
        least = math.ceil(level / (1 - level) - 1e-9)
        raise DataError(
            f"an interval of level {level:g} takes {least} held-out molecules with a known value or more, got "
            f"{len(scores)} with {name!r}; hold out more of them or lower the level"
        )
    return float(np.sort(scores)[rank - 1])


def _logit(p: np.ndarray) -> np.ndarray:
    bounded = np.clip(p, CLOSE, 1 - CLOSE)
    return np.log(bounded) - np.log1p(-bounded)


def _platt(p: np.ndarray, labels: np.ndarray, name: str, steps: int = 100) -> tuple[float, float]:
    """Slope and offset by Newton's method on the cross-entropy with Platt's targets."""
    positive, negative = float((labels == 1).sum()), float((labels == 0).sum())
    if not positive or not negative:
        raise DataError(
            f"probabilities are calibrated on held-out molecules of both classes, got {positive:.0f} of class 1 and "
            f"{negative:.0f} of class 0 with {name!r}; hold out more of them"
        )
    wanted = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    design = np.stack([_logit(p), np.ones_like(p)], axis=1)

    def loss(at: np.ndarray) -> float:
        z = design @ at
        return float(np.sum(np.logaddexp(0, z) - wanted * z))

    found = np.array([0.0, math.log((positive + 1) / (negative + 1))])
    for _ in range(steps):
        fitted = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        curve = (design * (fitted * (1 - fitted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step, here = np.linalg.solve(curve, design.T @ (fitted - wanted)), loss(found)
        while loss(found - step) > here and np.abs(step).max() > 1e-9:
            step = step / 2
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])
