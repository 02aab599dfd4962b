"""Cross-validation for places: folds that lie apart, and a check that refuses those that do not.

Sites near each other are alike, so a model is scored on what it was shown where the sites of validation lie among those
of training (Roberts et al. 2017, Ecography 40: 913).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError

from .places import Geometry, Places, checked_places

METRES_OF_DEGREE = 111_195.0


class LeakageError(DataError):
    """A split whose validation lies within the range of training; the message states rule, value and cure."""


@dataclass(frozen=True, eq=False)
class Folds:
    """Which sites are validated in which fold, and which train meanwhile.

    Attributes:
        fold: of each site, -1 for one that is never validated.
        names: of the folds, by number.
        dropped: per fold, sites that neither train nor are validated (a buffer).
    """

    fold: np.ndarray
    names: tuple[Hashable, ...]
    dropped: tuple[np.ndarray, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(numbers of training sites, numbers of validation sites), as scikit-learn's `cv` takes them."""
        for number in range(len(self.names)):
            held = self.fold == number
            trains = ~held
            if self.dropped:
                trains[self.dropped[number]] = False
            yield np.flatnonzero(trains), np.flatnonzero(held)

    def table(self, presence: np.ndarray) -> pd.DataFrame:
        """Sites and presences in training and validation of each fold."""
        y = np.asarray(presence, bool)
        rows = [(len(t), int(y[t].sum()), len(v), int(y[v].sum())) for t, v in self]
        columns = ["training", "training_presences", "validation", "validation_presences"]
        return pd.DataFrame(rows, columns=columns, index=list(self.names))


def block_folds(
    x: np.ndarray,
    y: np.ndarray,
    size: float,
    *,
    folds: int = 5,
    presence: np.ndarray | None = None,
    geometry: Geometry = "sphere",
    seed: int = 0,
) -> Folds:
    """Squares of `size` metres, dealt out so that folds have about as many presences (sites, where none are given).

    In degrees the squares have the same height everywhere, and the width that fits the latitude of their row.

    Raises:
        DataError: fewer blocks than folds, or a fold without presences.
    """
    blocks = block_numbers(x, y, size, geometry)
    weight = np.ones(len(blocks)) if presence is None else np.asarray(presence, float)
    count = int(blocks.max()) + 1
    if count < folds:
        raise DataError(
            f"every fold holds a block, got {count} blocks of {size:g} m for {folds} folds; take smaller blocks"
        )
    total = np.bincount(blocks, weight, count)
    shuffled = np.random.default_rng(seed).permutation(count)
    load, sites, fold_of = np.zeros(folds), np.zeros(folds), np.empty(count, int)
    of_block = np.bincount(blocks, minlength=count)
    for block in shuffled[np.argsort(-total[shuffled], kind="stable")]:
        target = np.lexsort((sites, load))[0]
        fold_of[block] = target
        load[target] += total[block]
        sites[target] += of_block[block]
    found = Folds(fold_of[blocks], tuple(range(folds)))
    return _with_presences(found, presence, "take smaller blocks or fewer folds")


def block_numbers(x: np.ndarray, y: np.ndarray, size: float, geometry: Geometry = "sphere") -> np.ndarray:
    """The square of each site, numbered from 0: also the blocks of `score_table`.

    Raises:
        DataError: no positive size, or coordinates that are missing or no degrees.
    """
    if not size > 0:
        raise DataError(f"a block has a positive size in metres, got {size}")
    x, y = checked_places(x, y, geometry)
    if geometry == "sphere":
        row = np.floor(y * METRES_OF_DEGREE / size)
        middle = np.clip((row + 0.5) * size / METRES_OF_DEGREE, -89, 89)
        column = np.floor(x * METRES_OF_DEGREE * np.cos(np.radians(middle)) / size)
    else:
        row, column = np.floor(y / size), np.floor(x / size)
    _, numbers = np.unique(np.stack([row, column]), axis=1, return_inverse=True)
    return np.asarray(numbers).ravel()


def cluster_folds(
    environment: np.ndarray, *, folds: int = 5, presence: np.ndarray | None = None, seed: int = 0
) -> Folds:
    """Clusters of sites with like environments (k-means on standardised columns): validation is a climate never seen.

    Raises:
        DataError: NaN, fewer distinct sites than folds, or a fold without presences.
    """
    from scipy.cluster.vq import kmeans2

    values = np.asarray(environment, float)
    if not np.isfinite(values).all():
        raise DataError(
            f"clusters take finite values, got {int((~np.isfinite(values)).sum())} that are not; drop these sites"
        )
    spread = values.std(0)
    standard = (values - values.mean(0)) / np.where(spread > 0, spread, 1)
    if len(np.unique(standard, axis=0)) < folds:
        raise DataError(f"every fold holds an environment of its own, got fewer distinct ones than {folds} folds")
    _, fold = kmeans2(standard, folds, minit="++", seed=seed)
    return _with_presences(Folds(fold, tuple(range(folds))), presence, "take fewer folds")


def region_folds(regions: Sequence[Hashable] | np.ndarray, *, presence: np.ndarray | None = None) -> Folds:
    """Each region is validated by a model of all others.

    Raises:
        DataError: one region, or one without presences.
    """
    fold, names = pd.factorize(np.asarray(regions))
    if len(names) < 2:
        raise DataError(f"leaving a region out takes two, got {[str(name) for name in names]}")
    return _with_presences(Folds(fold, tuple(names.tolist())), presence, "merge it with a neighbour")


def buffered(folds: Folds, x: np.ndarray, y: np.ndarray, metres: float, *, geometry: Geometry = "sphere") -> Folds:
    """The same folds, where no site trains within a distance of a validated one; what was left out before stays out.

    Raises:
        DataError: nothing is left to train on in a fold.
    """
    x, y = checked_places(x, y, geometry)
    dropped, before = [], folds.dropped or (np.empty(0, int),) * len(folds)
    for name, earlier, (training, validation) in zip(folds.names, before, folds, strict=True):
        near = _distance(x, y, training, validation, geometry) <= metres
        if near.all():
            raise DataError(f"a buffer of {metres:g} m leaves no site to train on in fold {name!r}; take a smaller one")
        dropped.append(np.union1d(earlier, training[near]))
    return Folds(folds.fold, folds.names, tuple(dropped))


def check_leakage(
    folds: Folds | Iterable[tuple[np.ndarray, np.ndarray]],
    x: np.ndarray,
    y: np.ndarray,
    metres: float,
    *,
    share: float = 0.0,
    geometry: Geometry = "sphere",
) -> pd.DataFrame:
    """Refuse folds in which validated sites lie within a distance (the range of autocorrelation) of training sites.

    Args:
        folds: of this module, or pairs of numbers of training and of validation sites, as `KFold(5).split(x)` gives.
        metres: 0 refuses the same place in both.
        share: of the validated sites of a fold that may lie so near.

    Returns:
        Per fold: `near` (the share within the distance), `nearest` and `median` distance in metres.

    Raises:
        LeakageError: names the fold, the share and the cure.
        DataError: folds without sites, or of more sites than there are coordinates.
    """
    x, y = checked_places(x, y, geometry)
    pairs = [(np.asarray(training), np.asarray(validation)) for training, validation in folds]
    last = max((int(sites.max()) for pair in pairs for sites in pair if len(sites)), default=-1)
    if last >= len(x):
        raise DataError(f"every site of a fold has coordinates, got site {last} and {len(x)} coordinates; give all")
    names, rows = list(folds.names) if isinstance(folds, Folds) else list(range(len(pairs))), []
    for name, (training, validation) in zip(names, pairs, strict=True):
        if not len(training) or not len(validation):
            raise DataError(f"a fold trains and validates, got {len(training)} and {len(validation)} sites in {name!r}")
        distance = _distance(x, y, validation, training, geometry)
        rows.append(((distance <= metres).mean(), distance.min(), np.median(distance)))
    table = pd.DataFrame(rows, columns=["near", "nearest", "median"], index=names)
    worst = int(table["near"].to_numpy().argmax())
    near, nearest = table["near"].iloc[worst], table["nearest"].iloc[worst]
    if near > share:
        raise LeakageError(
            f"validated sites lie farther than {metres:g} m from every training site, got {near:.0%} of fold "
            f"{names[worst]!r} nearer (the nearest at {nearest:.0f} m); take larger blocks, or "
            f"buffered(folds, x, y, {metres:g})"
        )
    return table


def _distance(x: np.ndarray, y: np.ndarray, of: np.ndarray, to: np.ndarray, geometry: Geometry) -> np.ndarray:
    return Places(x[of], y[of], geometry).nearest(Places(x[to], y[to], geometry))


def _with_presences(folds: Folds, presence: np.ndarray | None, cure: str) -> Folds:
    if presence is not None:
        table = folds.table(presence)
        lacking = table.index[(table["validation_presences"] == 0) | (table["training_presences"] == 0)]
        if len(lacking):
            raise DataError(f"every fold trains on and validates presences, got none in fold {lacking[0]!r}; {cure}")
    return folds
