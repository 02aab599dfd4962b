"""Splits: sizes, positions, and no unit in two parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import DataError, Split, split_units


@settings(max_examples=40)
@given(count=st.integers(1, 3000))
def test_default_covers_everything_once_in_order(count):
    split = split_units(count)
    assert (*split.train, *split.validation, *split.test) == tuple(range(count))
    assert len(split.train) >= count / 2


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 0)), (24, (16, 0, 8)), (48, (29, 3, 16)), (9000, (8616, 128, 256))]
)
def test_default_sizes(count, sizes):
    split = split_units(count)
    assert (len(split.train), len(split.validation), len(split.test)) == sizes


def test_sizes_count_from_the_published_ends():
    split = split_units(20, {"train": 4, "validation": 3, "test": 5})
    assert split == Split(train=(0, 1, 2, 3), validation=(12, 13, 14), test=tuple(range(15, 20)))


@pytest.mark.parametrize(
    ("count", "choice", "sizes"),
    [
        (240, {"train": 0.7, "test": 0.3}, (168, 0, 72)),  # what is not named does not take from what is
        (240, {"train": 0.8, "validation": 0.1, "test": 0.1}, (192, 24, 24)),
        (7, {"train": 0.5, "test": 0.5}, (4, 0, 3)),  # none is left out
        (240, {"test": 0.25}, (165, 15, 60)),
        (240, {"train": 0.5}, (120, 15, 80)),
        (240, {"train": 200, "test": 0.1}, (200, 15, 24)),
        (60, {"train": 50, "test": 10}, (50, 0, 10)),
    ],
)
def test_shares_of_all(count, choice, sizes):
    split = split_units(count, choice)
    assert (len(split.train), len(split.validation), len(split.test)) == sizes
    assert split.train[0] == 0
    assert split.test[-1] == count - 1


def test_shares_that_cannot_be():
    with pytest.raises(DataError, match=r"make up 1 at most, got \{'train': 0.9, 'test': 0.2\}, together 1.1"):
        split_units(40, {"train": 0.9, "test": 0.2})
    with pytest.raises(DataError, match=r"lie in 0 to 1 .* got 8.0 for train; or give whole numbers"):
        split_units(40, {"train": 8.0})


def test_lists_are_taken_and_train_is_the_rest():
    assert split_units(6, {"test": [0, 3]}) == Split(train=(1, 2, 4, 5), test=(0, 3))
    assert split_units(6, {"train": [5, 1], "test": [0]}).train == (5, 1)


def test_overlap_is_refused():
    with pytest.raises(DataError, match="disjoint, got unit 2 in train and in test; take it out"):
        split_units(6, {"train": [1, 2], "test": [2, 3]})
    with pytest.raises(DataError, match="got unit 1 in train and in train"):
        Split(train=(1, 1))


def test_what_cannot_be_split():
    with pytest.raises(DataError, match="test takes 0 to the 6 units that are left, got 7; ask for fewer"):
        split_units(6, {"test": 7})
    with pytest.raises(DataError, match="numbered 0 to 5, got 6 in test"):
        split_units(6, {"test": [6]})
    with pytest.raises(DataError, match="names train, validation, test, got 'valid'"):
        split_units(6, {"valid": 2})
    with pytest.raises(DataError, match=r"no validation part \(16 train, 0 validation, 8 test\); give its size"):
        split_units(24).part("validation")
    with pytest.raises(DataError, match="a part is one of train, validation, test, got 'dev'"):
        split_units(24).part("dev")
