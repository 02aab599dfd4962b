"""Scores of species distributions: of suitability against presence and absence, or against background points.

All take 1-D arrays: `observed` holds 0 and 1 (or true and false), `predicted` the suitability. A score that needs both
classes is refused where there is one. With background points in place of absences, AUC tells presences from the
background, not from absences; say so where you print it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

Score = Callable[[np.ndarray, np.ndarray], float]
SMALLEST = 1e-15


def auc_roc(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Probability that a presence has a higher suitability than an absence, ties counting half (Mann and Whitney).

    Raises:
        ValueError: one class alone, or predictions that are not finite.
    """
    y, p = _checked(observed, predicted)
    positives = int(y.sum())
    ranks = rankdata(p)[y].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * (len(y) - positives)))


def auc_pr(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Average precision: sum over thresholds of (recall_k - recall_{k-1}) precision_k; the prevalence for no skill."""
    y, p = _checked(observed, predicted)
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    last = np.r_[np.flatnonzero(np.diff(p)), len(p) - 1]
    hits = np.cumsum(y)[last]
    precision, recall = hits / (last + 1), hits / y.sum()
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def log_loss(observed: np.ndarray, predicted: np.ndarray) -> float:
    """-mean(y log p + (1 - y) log(1 - p)), with p at least 1e-15 from 0 and 1.

    Raises:
        ValueError: predictions outside of [0, 1].
    """
    y, p = _probabilities(observed, predicted)
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    return float(-np.mean(np.where(y, np.log(p), np.log1p(-p))))


def confusion(observed: np.ndarray, predicted: np.ndarray, threshold: float) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives and true negatives where p >= threshold counts as presence."""
    y, p = _checked(observed, predicted)
    said = p >= threshold
    return int((y & said).sum()), int((~y & said).sum()), int((y & ~said).sum()), int((~y & ~said).sum())


def true_skill(observed: np.ndarray, predicted: np.ndarray, threshold: float | None = None) -> float:
    """TSS = sensitivity + specificity - 1 (Allouche et al. 2006); at the threshold where it is largest by default.

    A threshold that is chosen on the data that it is scored on flatters; choose it on training data (`best_threshold`).
    """
    threshold = best_threshold(observed, predicted) if threshold is None else threshold
    tp, fp, fn, tn = confusion(observed, predicted, threshold)
    return tp / (tp + fn) + tn / (tn + fp) - 1


def kappa(observed: np.ndarray, predicted: np.ndarray, threshold: float | None = None) -> float:
    """Cohen's kappa: agreement beyond chance, (p_o - p_e) / (1 - p_e); at the threshold of the best TSS by default."""
    threshold = best_threshold(observed, predicted) if threshold is None else threshold
    tp, fp, fn, tn = confusion(observed, predicted, threshold)
    n = tp + fp + fn + tn
    agreement = (tp + tn) / n
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    return (agreement - chance) / (1 - chance)


def best_threshold(observed: np.ndarray, predicted: np.ndarray) -> float:
    """The suitability with the largest TSS, the lowest of several."""
    y, p = _checked(observed, predicted)
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    last = np.r_[np.flatnonzero(np.diff(p)), len(p) - 1]
    hits, alarms = np.cumsum(y)[last] / y.sum(), np.cumsum(~y)[last] / (~y).sum()
    skill = np.round(hits - alarms, 12)
    return float(p[last[len(skill) - 1 - np.argmax(skill[::-1])]])


def boyce(
    presences: np.ndarray, background: np.ndarray, *, bins: int = 101, window: float = 0.1, drop_repeats: bool = True
) -> float:
    """Continuous Boyce index: Spearman correlation of suitability with P/E, in a moving window (Hirzel et al. 2006).

    A window of a tenth of the range of suitability moves over it in `bins` places; P is the share of presences in it,
    E that of the background. From -1 over 0 (chance) to 1. Neighbouring places with the same P/E count once.

    `ecospat.boyce` builds its windows so that the last one leaves the most suitable places out (ecospat issue 99); here
    both ends of a window belong to it and the last one ends at the largest value.

    Args:
        presences: suitability where the species is; background: where it was looked up, the whole raster or a sample.

    Raises:
        ValueError: no presence or background, values that are not finite, all of them the same, or no window.
    """
    p, e = (np.asarray(x, float).ravel() for x in (presences, background))
    if not len(p) or not len(e):
        raise ValueError(f"a Boyce index takes presences and background, got {len(p)} and {len(e)} values")
    if not np.isfinite(p).all() or not np.isfinite(e).all():
        raise ValueError("suitability is finite where a Boyce index is taken, got NaN or infinity; drop these places")
    if bins < 2 or not 0 < window < 1:
        raise ValueError(f"a window of 0 to 1 of the range moves over 2 places or more, got {window} and bins={bins}")
    low, high = min(p.min(), e.min()), max(p.max(), e.max())
    if low == high:
        raise ValueError(f"a Boyce index takes suitabilities that differ, got {low:g} everywhere: nothing is predicted")
    width = window * (high - low)
    starts = np.linspace(low, high - width, bins)
    ends = np.r_[starts[:-1] + width, high]
    ratio_of_presences = _shares(p, starts, ends)
    expected = _shares(e, starts, ends)
    known = expected > 0
    ratio, middle = ratio_of_presences[known] / expected[known], (starts + ends)[known] / 2
    ratio = np.round(ratio, 12)  # counts with the same ratio are the same, whatever the rounding
    if drop_repeats:
        kept = np.r_[True, np.diff(ratio) != 0]
        ratio, middle = ratio[kept], middle[kept]
    return float(spearmanr(middle, ratio).statistic) if len(ratio) > 1 and np.ptp(ratio) > 0 else float("nan")


def _shares(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Share of the values in each closed interval; a value at its end is in it, whatever the rounding of the end."""
    ordered, margin = np.sort(values), 1e-9 * (ends[-1] - starts[0])
    last, first = np.searchsorted(ordered, ends + margin, "right"), np.searchsorted(ordered, starts - margin, "left")
    return (last - first) / len(values)


def calibration(observed: np.ndarray, predicted: np.ndarray, *, bins: int = 10) -> pd.DataFrame:
    """Observed prevalence against predicted probability, in bins of as many points each, as far as equal ones allow.

    Returns:
        Per bin: `predicted` (mean), `observed` (share of presences), `count`. The attribute `error` holds
        sum_k n_k / n |observed_k - predicted_k|, `slope` and `intercept` those of the line through the bins.
    """
    y, p = _probabilities(observed, predicted)
    number = np.floor((rankdata(p) - 0.5) * bins / len(p))  # equal predictions share a bin
    parts = [np.flatnonzero(number == k) for k in np.unique(number)]
    rows = [{"predicted": p[part].mean(), "observed": y[part].mean(), "count": len(part)} for part in parts]
    table = pd.DataFrame(rows)
    gap = (table["observed"] - table["predicted"]).abs()
    table.attrs["error"] = float((gap * table["count"]).sum() / len(y))
    line = np.full(2, np.nan)
    if table["predicted"].nunique() > 1:
        line = np.polyfit(table["predicted"], table["observed"], 1, w=np.sqrt(table["count"]))
    table.attrs["slope"], table.attrs["intercept"] = map(float, line)
    return table


def sorensen(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """2 a / (2 a + b + c) of each site: a species in both communities, b and c in one alone; NaN where both are empty.

    Args:
        observed, predicted: 0 and 1, sites by species.

    Raises:
        ValueError: other values, or other shapes.
    """
    y, p = (np.asarray(x) for x in (observed, predicted))
    if y.shape != p.shape or y.ndim != 2:
        raise ValueError(f"communities are tables of sites by species of one shape, got {y.shape} and {p.shape}")
    if not (np.isin(y, (0, 1)).all() and np.isin(p, (0, 1)).all()):
        raise ValueError("communities hold 0 and 1; apply a threshold to suitabilities first")
    shared, together = (y * p).sum(1), y.sum(1) + p.sum(1)
    return np.where(together > 0, 2 * shared / np.where(together > 0, together, 1), np.nan)


SCORES: Mapping[str, Score] = {
    "auc_roc": auc_roc,
    "auc_pr": auc_pr,
    "true_skill": true_skill,
    "kappa": kappa,
    "log_loss": log_loss,
}


def score_table(
    observed: np.ndarray,
    predicted: np.ndarray,
    *,
    blocks: Sequence[Hashable] | np.ndarray | None = None,
    scores: Mapping[str, Score] = SCORES,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every score with an interval: percentiles over bootstrap samples of whole spatial blocks.

    Neighbouring sites are alike, so samples of single sites would make intervals too narrow; without `blocks` a site is
    a block of its own. Samples with one class alone are drawn again.

    Returns:
        Per score: `value`, `lower`, `upper`.

    Raises:
        ValueError: fewer than two blocks or draws, or a level that is no share.
    """
    y, p = _checked(observed, predicted)
    if draws < 2 or not 0 < level < 1:
        raise ValueError(f"an interval is of two draws or more and a level from 0 to 1, got {draws} draws and {level}")
    codes, names = pd.factorize(np.arange(len(y)) if blocks is None else np.asarray(blocks))
    if len(codes) != len(y) or len(names) < 2:
        raise ValueError(f"an interval takes at least two blocks, and one for each of {len(y)} sites, got {len(names)}")
    members = [np.flatnonzero(codes == k) for k in range(len(names))]
    random, samples = np.random.default_rng(seed), []
    for _ in range(50 * draws):
        chosen = np.concatenate([members[k] for k in random.integers(len(names), size=len(names))])
        if 0 < y[chosen].sum() < len(chosen):
            samples.append([score(y[chosen], p[chosen]) for score in scores.values()])
        if len(samples) == draws:
            break
    tail = (1 - level) / 2
    lower, upper = np.quantile(np.asarray(samples), [tail, 1 - tail], axis=0)
    values = [score(y, p) for score in scores.values()]
    return pd.DataFrame({"value": values, "lower": lower, "upper": upper}, index=list(scores))


def _checked(observed: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(observed).ravel(), np.asarray(predicted, float).ravel()
    if y.shape != p.shape:
        raise ValueError(f"every observation has a prediction, got {len(y)} observations and {len(p)} predictions")
    if not np.isin(y, (0, 1)).all():
        raise ValueError(f"observations are 0 (absent) or 1 (present), got {sorted(set(y.tolist()) - {0, 1})[:3]}")
    if not np.isfinite(p).all():
        raise ValueError(f"predictions are finite, got {int((~np.isfinite(p)).sum())} that are not; drop these sites")
    y = y.astype(bool)
    if y.all() or not y.any():
        raise ValueError(
            f"a score takes presences and absences, got {int(y.sum())} presences at {len(y)} sites; add the other "
            "class, or use boyce, which takes a background"
        )
    return y, p


def _probabilities(observed: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = _checked(observed, predicted)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"a probability lies in [0, 1], got {p.min():g} to {p.max():g}; calibrate suitabilities first")
    return y, p
