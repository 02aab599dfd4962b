"""Classical models of species distributions: presences and points to contrast them to in, suitability out."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np

KNOTS = 9  # of the functions of `additive`
Peer = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
"""(presences, contrast, queries), each (points, variables), and a seed, to the suitability of the queries."""


def maxent(presences: np.ndarray, contrast: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """MaxEnt of elapid with its own settings (linear, hinge and product features, cloglog)."""
    import elapid

    model = elapid.MaxentModel(n_cpus=1, random_state=seed)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        model.fit(*_labelled(presences, contrast))
        return np.asarray(model.predict(queries), float)


def down_sampled_forest(presences: np.ndarray, contrast: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """Two hundred trees, each of a bootstrap of the presences and as many points of contrast (Valavi et al. 2021)."""
    from sklearn.tree import DecisionTreeClassifier

    random, total = np.random.default_rng(seed), np.zeros(len(queries))
    presences, contrast, queries = (table.astype(np.float32) for table in (presences, contrast, queries))
    number = len(presences)
    for _ in range(200):
        rows = presences[random.integers(number, size=number)], contrast[random.integers(len(contrast), size=number)]
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=int(random.integers(2**31)))
        tree.fit(*_labelled(*rows), check_input=False)
        total += tree.predict_proba(queries, check_input=False)[:, 1]
    return total / 200


def boosted_trees(presences: np.ndarray, contrast: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """Boosted regression trees (Elith et al. 2008): depth 3, rate 0.05, both classes with the same total weight."""
    from sklearn.ensemble import GradientBoostingClassifier

    x, y = _labelled(presences, contrast)
    weight = np.where(y == 1, 1.0, len(presences) / len(contrast))
    model = GradientBoostingClassifier(
        n_estimators=100, learning_rate=0.05, max_depth=3, subsample=0.75, max_features="sqrt", random_state=seed
    )
    return np.asarray(model.fit(x, y, weight).predict_proba(queries)[:, 1])


def additive(presences: np.ndarray, contrast: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """Penalised additive logistic regression on quantiles of the contrast, both classes with the same total weight.

    A variable is a piecewise linear function with nine knots; the penalty is the sum of its squares and twenty times
    that of its second differences, so that few presences give nearly straight lines. Newton's method, eight steps.
    """
    from scipy.special import expit

    knots = np.linspace(0, 1, KNOTS)
    ordered = np.sort(contrast, axis=0)

    def functions(points: np.ndarray) -> np.ndarray:
        pairs = list(zip(ordered.T, points.T, strict=True))
        share = [np.searchsorted(o, p) + np.searchsorted(o, p, "right") for o, p in pairs]
        u = np.stack(share, 1) / (2 * len(contrast))
        hats = np.clip(1 - np.abs(u[:, :, None] - knots) * (KNOTS - 1), 0, 1)
        return np.column_stack([np.ones(len(points)), hats.reshape(len(points), -1)])

    x, y = _labelled(presences, contrast)
    design, weight = functions(x), np.where(y == 1, 1.0, len(presences) / len(contrast))
    bends = np.diff(np.eye(KNOTS), 2, axis=0)
    penalty = np.kron(np.eye(presences.shape[1]), np.eye(KNOTS) + 20 * bends.T @ bends)
    whole = np.pad(penalty, ((1, 0), (1, 0)))
    whole[0, 0] = 1e-6
    beta = np.zeros(design.shape[1])
    for _ in range(8):
        p = expit(np.clip(design @ beta, -15, 15))
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + whole
        beta += np.linalg.solve(curvature, design.T @ (weight * (y - p)) - whole @ beta)
    return np.asarray(functions(queries) @ beta)


def _labelled(presences: np.ndarray, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([presences, contrast]), np.r_[np.ones(len(presences), int), np.zeros(len(contrast), int)]


PEERS: dict[str, Peer] = {
    "maxent": maxent,
    "forest": down_sampled_forest,
    "boosted": boosted_trees,
    "additive": additive,
}
