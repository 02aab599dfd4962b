import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import niche_overlap, schoener_d, warren_i


def test_overlaps_by_hand() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert schoener_d(p, q) == pytest.approx(0.5)
    assert warren_i(p, q) == pytest.approx(0.5)
    assert schoener_d(p, 7 * p) == pytest.approx(1.0)
    assert warren_i(np.array([1, 0]), np.array([0, 1])) == pytest.approx(0.0)
    assert schoener_d(np.r_[p, np.nan], np.r_[q, 1.0]) == pytest.approx(0.5)
    with pytest.raises(DataError, match="at the same places, got 3 and 2"):
        schoener_d(p, q[:2])


def sample(random: np.random.Generator, background: np.ndarray, optimum: float, number: int) -> np.ndarray:
    """Rows of a background, likelier near an optimum of the first variable."""
    chance = np.exp(-0.5 * ((background[:, 0] - optimum) / 0.4) ** 2)
    return background[random.choice(len(background), number, p=chance / chance.sum())]


def test_the_same_niche_in_two_regions_overlaps_and_a_moved_one_does_not() -> None:
    random = np.random.default_rng(0)
    native, invaded = random.normal(0, 1, (3000, 3)), random.normal(0.4, 1, (3000, 3))
    kept = niche_overlap(sample(random, native, 0.0, 200), sample(random, invaded, 0.0, 200), native, invaded, draws=19)
    moved = niche_overlap(
        sample(random, native, -1.2, 200), sample(random, invaded, 1.4, 200), native, invaded, draws=19
    )
    assert kept.schoener_d > 0.55 > 0.25 > moved.schoener_d
    assert kept.warren_i > moved.warren_i
    assert moved.equivalency == pytest.approx(0.05)
    assert moved.expansion > 0.7 > 0.3 > kept.expansion


def test_what_is_common_in_a_region_is_not_preferred() -> None:
    """Presences drawn from backgrounds alone overlap, although the backgrounds differ."""
    random = np.random.default_rng(1)
    first, second = random.normal(-0.7, 1, (4000, 2)), random.normal(0.7, 1, (4000, 2))
    overlap = niche_overlap(first[:500], second[:500], first, second, draws=0)
    raw = niche_overlap(first[:500], second[:500], np.r_[first, second], np.r_[first, second], draws=0)
    assert overlap.schoener_d > raw.schoener_d + 0.1
    assert np.isnan(overlap.equivalency)


def test_few_records_of_one_niche_are_smoothed_more_and_overlap_as_they_should() -> None:
    random = np.random.default_rng(2)
    background = random.normal(size=(3000, 3))
    pairs = [[sample(random, background, 0.0, 30) for _ in range(2)] for _ in range(5)]
    fitting, fixed = (
        np.mean([niche_overlap(a, b, background, background, draws=0, bandwidth=h).schoener_d for a, b in pairs])
        for h in (None, 4.0)
    )
    assert fitting > fixed + 0.08


def test_a_niche_inside_another_expands_nowhere_and_leaves_most_of_it() -> None:
    background = np.random.default_rng(3).normal(size=(3000, 2))
    far = np.hypot(*background.T)
    overlap = niche_overlap(background[far < 1], background[far < 0.4], background, background, draws=0)
    assert overlap.expansion == pytest.approx(0, abs=0.01)
    assert overlap.unfilling > 0.6


def test_missing_values_are_refused() -> None:
    good = np.random.default_rng(0).normal(size=(10, 2))
    bad = np.where(np.arange(20).reshape(10, 2) == 3, np.nan, good)
    with pytest.raises(DataError, match="drop these points"):
        niche_overlap(bad, good, good, good)
    with pytest.raises(DataError, match=r"two points or more each, got tables of the shapes"):
        niche_overlap(good[:1], good, good, good)
