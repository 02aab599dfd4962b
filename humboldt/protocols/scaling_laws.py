"""How an error falls with the amount of data, and when it does not: fits with intervals, and a flag for misalignment.

L(D) = E + A D^-a for a loss, and f(D) = (log A + a log D)^b for a score that rises (scaling laws of downstream
tasks, arXiv 2402.04177). Where pretraining is not aligned with the task, the score wobbles or falls
while the loss goes down: that is flagged, and nothing should be extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from ..results import Result
from .states import ProtocolError

SIZES = 4
"""Different sizes that a fit takes at least."""

LOSS, SCORE = "E + A D^-a", "(log A + a log D)^b"
Values = Sequence[float | int] | np.ndarray
Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ScalingFit:
    """A fitted law.

    Attributes:
        law: as a formula.
        parameters: by name.
        intervals: 90 % of the bootstrap, by name.
        residual: root mean square of the relative residuals.
        misaligned: the measured values do not go one way, beyond their noise; do not extrapolate.
    """

    law: str
    parameters: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    residual: float
    misaligned: bool

    def __call__(self, sizes: Values) -> Float[np.ndarray, " n"]:
        """The fitted values at other sizes."""
        curve = LAWS[self.law][0]
        return curve(np.asarray(sizes, float), np.log(list(self.parameters.values())))


def fit_loss(sizes: Values, losses: Values, *, bootstrap: int = 100, seed: int = 0) -> ScalingFit:
    """L(D) = E + A D^-a, with E, A, a positive, through values that are positive.

    Args:
        sizes: amounts of data, several values of one size are repetitions.
        losses: of each.
        bootstrap: fits of resampled residuals.
        seed: of the resampling.

    Raises:
        ProtocolError: fewer than four different sizes, or values that are not positive.
    """
    return _fit(LOSS, sizes, losses, bootstrap, seed, falling=True)


def fit_score(sizes: Values, scores: Values, *, bootstrap: int = 100, seed: int = 0) -> ScalingFit:
    """f(D) = (log A + a log D)^b, with A > 1 and a, b positive, through scores that rise with D.

    Args, raises: as in `fit_loss`.
    """
    return _fit(SCORE, sizes, scores, bootstrap, seed, falling=False)


def curves(results: Iterable[Result]) -> dict[tuple[str, ...], list[tuple[int, float]]]:
    """Numbers of samples and values of the records that differ in nothing else, by protocol, model, data, metric and
    method; and the same of the mean score over samples, where lower ones are better."""
    found: dict[tuple[str, ...], list[tuple[int, float]]] = {}
    for result in results:
        if result.samples is None:
            continue
        name = f"{result.method}{' (random)' if result.control else ''}"
        question = (result.protocol, result.model, result.data)
        found.setdefault((*question, result.metric, name), []).append((result.samples, result.value))
        if (scores := result.scores) is not None and scores.better == "lower":
            found.setdefault((*question, f"mean {scores.metric}", name), []).append((result.samples, scores.mean))
    return found


def misaligned(sizes: Values, values: Values, *, falling: bool) -> bool:
    """Whether values go the wrong way between two sizes, by more than twice the noise.

    The noise is the standard error of the mean of each size where sizes are repeated, else a hundredth of the range.

    Args:
        sizes, values: as in `fit_loss`.
        falling: whether values should fall with size.
    """
    x, y = np.asarray(sizes, float), np.asarray(values, float) * (1 if falling else -1)
    groups = [y[x == size] for size in np.unique(x)]
    means = np.array([group.mean() for group in groups])
    repeated = [group.std(ddof=1) / len(group) ** 0.5 for group in groups if len(group) > 1]
    noise = float(np.sqrt(np.mean(np.square(repeated)))) if repeated else 0.01 * float(np.ptp(means)) / 2
    best = np.minimum.accumulate(means)
    return bool(((means - best) > 2 * noise * 2**0.5).any())


def _loss(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.exp(p[0]) + np.exp(p[1] - np.exp(p[2]) * np.log(d))


def _score(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (np.exp(p[0]) + np.exp(p[1]) * np.log(d)) ** np.exp(p[2])


LAWS: dict[str, tuple[Curve, tuple[str, ...]]] = {
    LOSS: (_loss, ("E", "A", "a")),
    SCORE: (_score, ("log A", "a", "b")),
}


def _fit(law: str, sizes: Values, values: Values, bootstrap: int, seed: int, *, falling: bool) -> ScalingFit:
    x, y = np.asarray(sizes, float), np.asarray(values, float)
    count = len(np.unique(x[np.isfinite(x)]))
    if count < SIZES:
        raise ProtocolError(
            f"a scaling law takes {SIZES} different sizes or more, got {count}: any curve goes through fewer; measure "
            "at more sizes"
        )
    if len(x) != len(y) or not all(np.isfinite(v).all() and (v > 0).all() for v in (x, y)):
        raise ProtocolError(
            f"sizes and values come in pairs, positive and finite, got {list(sizes)} and {list(values)}; leave out "
            "what is not"
        )
    curve, names = LAWS[law]
    best = _solved(curve, x, y, falling)
    fitted, chance = curve(x, best), np.random.default_rng(seed)
    relative = y / fitted - 1
    drawn = [
        np.exp(_solved(curve, x, fitted * (1 + chance.choice(relative, len(x))), falling, best))
        for _ in range(bootstrap)
    ]
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0) if drawn else (np.exp(best), np.exp(best))
    return ScalingFit(
        law=law,
        parameters={n: float(v) for n, v in zip(names, np.exp(best), strict=True)},
        intervals={n: (float(a), float(b)) for n, a, b in zip(names, low, high, strict=True)},
        residual=float(np.sqrt(np.mean(relative**2))),
        misaligned=misaligned(sizes, values, falling=falling),
    )


def _solved(curve: Curve, x: np.ndarray, y: np.ndarray, falling: bool, start: np.ndarray | None = None) -> np.ndarray:
    """Logarithms of the parameters with the least relative residuals, from several starts or a given one."""
    y = np.maximum(y, 1e-12)
    slopes = (0.2, 0.5, 1.0)
    if falling:
        starts = [[np.log(0.5 * y.min()), np.log(y.max()) + a * np.log(x.min()), np.log(a)] for a in slopes]
    else:
        starts = [[np.log(max(y.mean() ** (1 / b), 1e-3)), np.log(0.1), np.log(b)] for b in slopes]
    tried = [
        least_squares(lambda p: np.clip(curve(x, p), 1e-12, 1e12) / y - 1, s, bounds=(-30, 30), max_nfev=400)
        for s in (starts if start is None else [start])
    ]
    return np.asarray(min(tried, key=lambda r: r.cost).x)
