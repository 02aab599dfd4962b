"""Two results on the same samples: how far apart they are, and whether that is more than the choice of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from humboldt.foundations import ConfigError, SampleScores

from .results import Result, digest

DRAWS = 2000
"""Resamples of the samples that an interval is made from."""
BLOCK = 2**20
"""Numbers that are resampled at a time, which bounds the memory."""


@dataclass(frozen=True)
class Paired:
    """The mean over samples of first less second, in the unit of the scores by sample.

    Attributes:
        difference: mean over the samples that both have, each the mean over the columns that both have.
        low, high: ends of the interval.
        samples: how many.
        better: share of them on which the first is better; ties count half.
        metric, unit: of what.
    """

    difference: float
    low: float
    high: float
    samples: int
    better: float
    metric: str
    unit: str

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return (
            f"{self.difference:+.3g} [{self.low:+.3g}, {self.high:+.3g}] {self.unit}, better on {self.better:.0%} of "
            f"{self.samples} samples: {self.metric}"
        )


def paired(first: Result, second: Result, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Paired:
    """How two results differ sample by sample, with the percentile interval of the bootstrap over samples.

    What makes a sample hard is the same for both and falls out of the difference, so a pair tells apart what two
    numbers do not (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). The interval is of these two sets of
    weights: another seed of training is another result. It is too narrow for fewer than about twenty samples, and for
    samples that resemble each other (hours of one week).

    Args:
        first, second: records of the same version of data and metric, with scores by sample.
        confidence: of the interval.
        draws: resamples.
        seed: of them.

    Raises:
        ConfigError: records that cannot be compared: no scores by sample, other data, another metric, unit or column,
            fewer than two samples that both have; or a confidence outside of (0, 1).
    """
    if not 0 < confidence < 1 or draws < 1:
        raise ConfigError(f"an interval takes a confidence in (0, 1) and a draw or more, got {confidence} and {draws}")
    one, other = comparable(first, second)
    difference, sign = differences(one, other), 1 if one.better == "lower" else -1
    if len(difference) < 2:
        raise ConfigError(
            f"a pair has two samples or more in common, got {len(difference)}; measure both on one part of the data"
        )
    from scipy.stats import bootstrap

    ends = bootstrap(
        (difference,), np.mean, n_resamples=draws, confidence_level=confidence, method="percentile", random_state=seed,
        batch=max(1, BLOCK // len(difference)),
    ).confidence_interval  # fmt: skip
    return Paired(
        difference=float(difference.mean()),
        low=float(ends.low),
        high=float(ends.high),
        samples=len(difference),
        better=float((sign * difference < 0).mean() + (difference == 0).mean() / 2),
        metric=one.metric,
        unit=one.unit,
    )


def comparable(first: Result, second: Result) -> tuple[SampleScores, SampleScores]:
    """The scores by sample of two results that can be paired.

    Raises:
        ConfigError: says why they cannot.
    """
    one, other = _kept(first), _kept(second)
    said = [
        ("version of the data", first.data_version, second.data_version),
        ("metric", one.metric, other.metric),
        ("unit", one.unit, other.unit),
    ]
    for word, mine, yours in said:
        if mine != yours or mine is None:
            raise ConfigError(f"a pair is of one {word}, got {mine!r} and {yours!r}; measure both alike")
    if set(one.columns) != set(other.columns):
        got = f"{list(one.columns)} and {list(other.columns)}"
        raise ConfigError(f"a pair is scored on the same columns, got {got}; measure both at the same lead times")
    return one, other


def differences(one: SampleScores, other: SampleScores) -> Float[np.ndarray, " n"]:
    """First less second of every sample that both have, mean over the columns in which both have a value.

    Raises:
        ConfigError: an infinite score among them, which no mean outweighs.
    """
    mine, yours = one.by_column(), other.by_column()
    common = set(other.samples)
    names = [name for name in one.samples if name in common]
    for word, found in (("first", mine), ("second", yours)):
        away = [name for name in names if any(math.isinf(row[name]) for row in found.values())]
        if away:
            raise ConfigError(
                f"a pair takes finite scores, got infinite ones of the {word} on {len(away)} of {len(names)} samples "
                f"(the first is {away[0]!r}): its predictions have no bound there; train it at lower rates, or longer"
            )
    table = np.array([[mine[column][name] - yours[column][name] for name in names] for column in one.columns])
    return np.asarray(np.nanmean(table[:, ~np.isnan(table).all(0)], axis=0))


def rivals(result: Result, results: Sequence[Result]) -> list[tuple[Result, Paired]]:
    """The other records of the same question, budget of samples, seed and settings that can be paired with one: the
    nearest first. What validation chose (`strength`) may differ."""
    asked, found = _question(result), []
    for other in results:
        if other.key == result.key or _question(other) != asked:
            continue
        try:
            found.append((other, paired(result, other)))
        except ConfigError:
            continue
    return sorted(found, key=lambda pair: abs(pair[1].difference))


def _question(result: Result) -> tuple[object, ...]:
    settings = {name: value for name, value in result.settings.items() if name != "strength"}
    return result.protocol, result.data, result.metric, result.samples, result.seed, digest(settings)


def _kept(result: Result) -> SampleScores:
    if result.scores is None:
        raise ConfigError(
            f"a pair takes scores by sample, got a record of {result.method!r} without; measure it again with a model "
            "whose science has such scores"
        )
    return result.scores
