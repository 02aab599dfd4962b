"""How alike two niches are: of two species, or of one in two regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from humboldt.data_catalog import DataError

GRID = 100  # cells of environmental space along each of its two axes


def schoener_d(first: np.ndarray, second: np.ndarray) -> float:
    """D = 1 - sum |p - q| / 2 of two densities, each scaled to sum 1 (Schoener 1968); 1 for the same, 0 for apart.

    Raises:
        DataError: other places, negative values, or all zero.
    """
    p, q = _densities(first, second)
    return float(1 - 0.5 * np.abs(p - q).sum())


def warren_i(first: np.ndarray, second: np.ndarray) -> float:
    """I = 1 - sum (sqrt p - sqrt q)^2 / 2 (Warren, Glor and Turelli 2008, with the correction of 2009)."""
    p, q = _densities(first, second)
    return float(1 - 0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum())


def _densities(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, q = (np.asarray(x, float).ravel() for x in (first, second))
    if p.shape != q.shape:
        raise DataError(f"niches are compared at the same places, got {len(p)} and {len(q)}; predict both on one grid")
    known = np.isfinite(p) & np.isfinite(q)
    p, q = p[known], q[known]
    if not known.any() or min(p.min(), q.min()) < 0 or min(p.sum(), q.sum()) == 0:
        raise DataError("niches are densities of at least 0 and not 0 everywhere; got others, or none at common places")
    return p / p.sum(), q / q.sum()


@dataclass(frozen=True, eq=False)
class NicheOverlap:
    """Two niches in one environmental space.

    Attributes:
        schoener_d, warren_i: overlap from 0 to 1.
        equivalency: share of random divisions of all presences that overlap as little as the two sets do (a one-sided
            p-value: small where the niches differ).
        expansion: share of the second niche's density, in environments that both regions have, where the first is 0.
        unfilling: share of the first niche's density, in environments that both have, where the second is 0.
        first, second: occupancy on the grid of the two axes, (100, 100), largest value 1.
        explained: share of the variance of the environment along the two axes.
    """

    schoener_d: float
    warren_i: float
    equivalency: float
    expansion: float
    unfilling: float
    first: np.ndarray
    second: np.ndarray
    explained: float


def niche_overlap(
    first: np.ndarray,
    second: np.ndarray,
    first_background: np.ndarray,
    second_background: np.ndarray,
    *,
    draws: int = 99,
    bandwidth: float | None = None,
    seed: int = 0,
) -> NicheOverlap:
    """Niches compared as Broennimann et al. (2012, Global Ecology and Biogeography 21: 481) do (PCA-env).

    Occupancy is the smoothed density of presences over that of the background, on the first two principal components of
    both backgrounds together, so that what is common in a region does not count as preferred. Densities are those of
    normal kernels with the reference bandwidth of the presences (half the sum of the deviations along both axes, times
    n^(-1/6)), of the background around them too; a density below the least at any presence is 0.

    Args:
        first, second: environment of presences, (points, variables); for an invasion, the native range first.
        first_background, second_background: environment of the regions.
        draws: random divisions for the test of equivalency; 0 for none (NaN).
        bandwidth: of all kernels, in cells of the grid, instead of the reference.
        seed: of the divisions.

    Raises:
        DataError: fewer than two variables, fewer than two presences, other variables, or missing values.
    """
    tables = [np.asarray(t, float) for t in (first, second, first_background, second_background)]
    if len({t.shape[1] for t in tables}) > 1 or tables[0].shape[1] < 2 or min(map(len, tables)) < 2:
        raise DataError(
            f"niches are compared in the same two variables or more, from two points or more each, got tables of the "
            f"shapes {[t.shape for t in tables]}"
        )
    if not all(np.isfinite(t).all() for t in tables):
        raise DataError("niches are compared where every variable has a value, got missing ones; drop these points")
    space = _Space(tables[2], tables[3], bandwidth)
    p, q = space.occupancy(tables[0], 0), space.occupancy(tables[1], 1)
    d = schoener_d(p, q)
    both = space.available(0) & space.available(1)
    return NicheOverlap(
        schoener_d=d,
        warren_i=warren_i(p, q),
        equivalency=_equivalency(space, tables[0], tables[1], d, draws, np.random.default_rng(seed)),
        expansion=float(q[both & (p == 0)].sum() / q[both].sum()) if q[both].sum() else float("nan"),
        unfilling=float(p[both & (q == 0)].sum() / p[both].sum()) if p[both].sum() else float("nan"),
        first=p,
        second=q,
        explained=space.explained,
    )


class _Space:
    """Two principal components of two backgrounds, cut into cells."""

    def __init__(self, first: np.ndarray, second: np.ndarray, bandwidth: float | None) -> None:
        both = np.concatenate([first, second])
        self.mean, self.deviation = both.mean(0), np.where(both.std(0) > 0, both.std(0), 1)
        _, sizes, axes = np.linalg.svd((both - self.mean) / self.deviation, full_matrices=False)
        self.axes, self.explained = axes[:2].T, float((sizes[:2] ** 2).sum() / (sizes**2).sum())
        scores = self._scores(both)
        self.low, self.width = scores.min(0), np.ptp(scores, axis=0)
        self.bandwidth = bandwidth
        self.cells = [self._cells(b) for b in (first, second)]
        self.around = [self._density(cells, self._width(cells)) for cells in self.cells]

    def _scores(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean) / self.deviation @ self.axes

    def _cells(self, values: np.ndarray) -> np.ndarray:
        place = (self._scores(values) - self.low) / np.where(self.width > 0, self.width, 1)
        return np.clip((place * GRID).astype(int), 0, GRID - 1)

    def _width(self, cells: np.ndarray) -> float:
        return self.bandwidth or max(1.0, float(cells.std(0).mean()) * len(cells) ** (-1 / 6))

    def _density(self, cells: np.ndarray, bandwidth: float) -> np.ndarray:
        counts = np.zeros((GRID, GRID))
        np.add.at(counts, tuple(cells.T), 1)
        smooth = gaussian_filter(counts, bandwidth, mode="constant")
        return smooth / smooth.max()

    def available(self, region: int) -> np.ndarray:
        """Cells of the space that a region has, but for its rarest hundredth."""
        return self.around[region] > 0.01

    def occupancy(self, presences: np.ndarray, region: int) -> np.ndarray:
        """Presences over background where there is background, largest value 1."""
        cells = self._cells(presences)
        bandwidth = self._width(cells)
        density, around = self._density(cells, bandwidth), self._density(self.cells[region], bandwidth)
        density[density < density[tuple(cells.T)].min()] = 0
        ratio = np.where(self.available(region), density / np.maximum(around, 0.01), 0)
        if not ratio.max() > 0:
            raise DataError(
                "presences lie in environments that their background has, got none there; widen the background"
            )
        return ratio / ratio.max()


def _equivalency(
    space: _Space, first: np.ndarray, second: np.ndarray, d: float, draws: int, random: np.random.Generator
) -> float:
    if not draws:
        return float("nan")
    both, lower = np.concatenate([first, second]), 0
    for _ in range(draws):
        mixed = both[random.permutation(len(both))]
        lower += schoener_d(space.occupancy(mixed[: len(first)], 0), space.occupancy(mixed[len(first) :], 1)) <= d
    return (lower + 1) / (draws + 1)
