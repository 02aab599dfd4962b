"""Classical models of species distributions: presences and points to contrast them to in, suitability out."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np

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


def _labelled(presences: np.ndarray, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([presences, contrast]), np.r_[np.ones(len(presences), int), np.zeros(len(contrast), int)]


PEERS: dict[str, Peer] = {"maxent": maxent, "forest": down_sampled_forest, "boosted": boosted_trees}
