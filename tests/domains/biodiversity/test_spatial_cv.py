"""Folds that lie apart, and the check that refuses those that do not."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import (
    LeakageError,
    block_folds,
    block_numbers,
    buffered,
    check_leakage,
    cluster_folds,
    region_folds,
)


@pytest.fixture
def sites():
    random = np.random.default_rng(0)
    x, y = random.uniform(0, 1e5, 400), random.uniform(0, 1e5, 400)
    return x, y, random.random(400) < 0.1


def test_blocks_stay_whole_and_presences_are_dealt_out(sites):
    x, y, presence = sites
    folds = block_folds(x, y, 2e4, folds=4, presence=presence, geometry="plane")
    blocks = block_numbers(x, y, 2e4, "plane")
    assert all(len(set(folds.fold[blocks == b])) == 1 for b in set(blocks))
    table = folds.table(presence)
    assert table["validation"].sum() == 400
    assert np.ptp(table["validation_presences"]) <= 3
    assert sum(len(set(t) & set(v)) for t, v in folds) == 0


def test_blocks_in_degrees_are_as_wide_in_the_north():
    x = np.array([11.0, 12.0, 11.0, 12.0])
    y = np.array([0.0, 0.0, 65.0, 65.0])
    numbers = block_numbers(x, y, 100_000.0)
    assert numbers[0] != numbers[1]
    assert numbers[2] == numbers[3]


def test_random_folds_leak_and_a_buffer_helps(sites):
    x, y, _ = sites
    random = region_folds(np.random.default_rng(1).integers(0, 4, 400))
    with pytest.raises(LeakageError, match=r"farther than 5000 m .* got \d+% of fold .* buffered\(folds, x, y, 5000\)"):
        check_leakage(random, x, y, 5000.0, geometry="plane")
    blocks = block_folds(x, y, 5e4, folds=2, geometry="plane")
    with pytest.raises(LeakageError):
        check_leakage(blocks, x, y, 5000.0, geometry="plane")
    apart = buffered(blocks, x, y, 5000.0, geometry="plane")
    table = check_leakage(apart, x, y, 5000.0, geometry="plane")
    assert (table["nearest"] > 5000).all()
    assert (apart.table(x > 0)["training"] < blocks.table(x > 0)["training"]).all()
    assert check_leakage(blocks, x, y, 5000.0, share=0.9, geometry="plane")["near"].max() < 0.9


@pytest.mark.parametrize("again", [2000.0, 5000.0, 8000.0])
def test_a_second_buffer_brings_nothing_back(sites, again):
    x, y, _ = sites
    once = buffered(block_folds(x, y, 5e4, folds=2, geometry="plane"), x, y, 5000.0, geometry="plane")
    twice = buffered(once, x, y, again, geometry="plane")
    check_leakage(twice, x, y, max(again, 5000.0), geometry="plane")
    before, after = once.table(x > 0)["training"], twice.table(x > 0)["training"]
    assert (after == before).all() if again <= 5000.0 else (after < before).all()


def test_the_same_place_in_both_is_refused():
    x, y = np.array([1.0, 1.0, 5.0, 6.0]), np.zeros(4)
    with pytest.raises(LeakageError, match="the nearest at 0 m"):
        check_leakage(region_folds(["a", "b", "a", "b"]), x, y, 0.0)


def test_clusters_are_environments_apart():
    random = np.random.default_rng(0)
    environment = np.concatenate([random.normal(0, 0.1, (50, 2)), random.normal([5, 500], [0.1, 10], (50, 2))])
    folds = cluster_folds(environment, folds=2)
    assert len(set(folds.fold[:50])) == len(set(folds.fold[50:])) == 1
    with pytest.raises(DataError, match="fewer distinct ones than 3 folds"):
        cluster_folds(np.ones((5, 1)), folds=3)
    with pytest.raises(DataError, match="clusters take finite values, got 1"):
        cluster_folds(np.array([[1.0], [np.nan]]), folds=2)


def test_regions_are_left_out_by_name():
    folds = region_folds(["AWT", "NZ", "NZ"])
    assert folds.names == ("AWT", "NZ")
    assert [v.tolist() for _, v in folds] == [[0], [1, 2]]
    with pytest.raises(DataError, match="got none in fold 'AWT'; merge it"):
        region_folds(["AWT", "NZ", "NZ"], presence=np.array([0, 1, 1]))
    with pytest.raises(DataError, match=r"leaving a region out takes two, got \['NZ'\]"):
        region_folds(["NZ", "NZ"])


def test_too_few_blocks_and_too_wide_buffers_are_refused(sites):
    x, y, _ = sites
    with pytest.raises(DataError, match="got 1 blocks of 1e\\+06 m for 5 folds; take smaller"):
        block_folds(x, y, 1e6, geometry="plane")
    folds = block_folds(x, y, 5e4, folds=2, geometry="plane")
    with pytest.raises(DataError, match="leaves no site to train on in fold 0"):
        buffered(folds, x, y, 1e6, geometry="plane")


def test_folds_of_other_libraries_are_checked_too(sites):
    x, y, _ = sites
    half = np.arange(400) < 200
    pairs = [(np.flatnonzero(half), np.flatnonzero(~half)), (np.flatnonzero(~half), np.flatnonzero(half))]
    with pytest.raises(LeakageError, match=r"got \d+% of fold [01] nearer"):
        check_leakage(iter(pairs), x, y, 5000.0, geometry="plane")
    far = [(np.array([0]), np.array([1]))]
    assert check_leakage(far, np.array([0.0, 3e4]), np.zeros(2), 5000.0, geometry="plane")["nearest"].tolist() == [3e4]
    with pytest.raises(DataError, match="got site 399 and 395 coordinates; give all"):
        check_leakage(pairs, x[:395], y[:395], 5000.0, geometry="plane")
    with pytest.raises(DataError, match="a fold trains and validates, got 0 and 1 sites in 0"):
        check_leakage([(np.array([], int), np.array([1]))], x, y, 5000.0, geometry="plane")


def test_metres_are_no_degrees_and_places_are_not_missing(sites):
    x, y, _ = sites
    with pytest.raises(DataError, match=r"y up to 99950.1; are they swapped, or metres \(geometry='plane'\)\?"):
        block_folds(x, y, 2e4)
    with pytest.raises(DataError, match="got some that are NaN"):
        block_numbers(np.array([1.0, np.nan]), np.zeros(2), 100.0)
    with pytest.raises(DataError, match=r"got arrays of the shapes \(2,\) and \(3,\)"):
        block_numbers(np.zeros(2), np.zeros(3), 100.0)
