import pytest
from hypothesis import given
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.data_catalog.catalog.parts import Splits, check_parts
from humboldt.data_catalog.catalog.strict import checked


def splits(along="time", **parts):
    return checked({"along": along, **parts}, Splits, "splits")


@pytest.mark.parametrize(
    ("calendar", "parts", "message"),
    [
        (
            "noleap",
            {"train": ("2001", "2003"), "test": ("2003-12-31", "2004")},
            "train .* and test .* overlap along time",
        ),
        ("noleap", {"train": ("2001", "2003"), "test": ("2002", "2002")}, "overlap"),
        ("noleap", {"train": ("2003", "2001")}, "from its first to its last label, got 2003 to 2001"),
        ("noleap", {"train": ("2001-02-29", "2002")}, "no 2001-02-29"),
        (None, {"train": (0, 9), "test": (9, 12)}, "overlap"),
        (None, {"train": ("a", "b"), "test": ("c", "d")}, "a range of text has no order"),
        (None, {"train": (0.0, 1.5), "test": (1.5, 2.0)}, "overlap"),
    ],
)
def test_ranges_that_share_labels(calendar, parts, message):
    ranges = {name: {"first": first, "last": last} for name, (first, last) in parts.items()}
    with pytest.raises(DataError, match=message):
        check_parts(splits(**ranges), calendar)


def test_the_gap_is_kept():
    ranges = {"train": {"first": 2000, "last": 2009}, "test": {"first": "2010-01-06", "last": 2011}}
    check_parts(splits(gap=5, **ranges), "standard")
    with pytest.raises(DataError, match=r"a gap of 6 lies between parts, got 5 between train and test along time"):
        check_parts(splits(gap=6, **ranges), "standard")


def test_labels_one_by_one_and_files():
    check_parts(splits("x", train={"ids": ["a", "b"]}, test={"ids": ["c"]}), None)
    with pytest.raises(DataError, match=r"got 'b' in train and in test"):
        check_parts(splits("x", train={"ids": ["a", "b"]}, test={"ids": ["b"]}), None)
    with pytest.raises(DataError, match=r"got 'a.nc' in train and in test"):
        check_parts(splits("x", train={"files": ["a.nc"]}, test={"files": ["a.nc"]}), None)
    with pytest.raises(DataError, match=r"got 5 in"):
        check_parts(splits("x", train={"first": 0, "last": 9}, test={"ids": [5]}), None)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"first": 1, "last": 2, "count": 3}, "said in one way .* got first and last and count"),
        ({}, "got none"),
        ({"first": 1}, "said in one way"),
        ({"ids": [1, 1]}, "names each label once"),
        ({"files": ["../a"]}, "below its folder"),
        ({"count": -1}, "greater than or equal to 0"),
    ],
)
def test_a_part_is_said_in_one_way(part, message):
    with pytest.raises(DataError, match=message):
        splits(train=part)


@given(st.lists(st.integers(0, 60), min_size=4, max_size=4), st.integers(0, 20))
def test_two_ranges_pass_exactly_if_no_label_is_in_both_and_the_gap_is_there(ends, gap):
    a, b, c, d = ends
    if a > b or c > d:
        return
    one, other = set(range(a, b + 1)), set(range(c, d + 1))
    apart = max(min(other) - max(one), min(one) - max(other)) - 1
    said = splits("x", gap=gap, train={"first": a, "last": b}, test={"first": c, "last": d})
    if one & other or apart < gap:
        with pytest.raises(DataError):
            check_parts(said, None)
    else:
        check_parts(said, None)


def test_what_can_be_checked():
    assert splits(train={"ids": [1]}, test={"ids": [2]}).is_checkable
    assert not splits(train={"count": 1}, test={"ids": [2]}).is_checkable
    assert not splits(train={"ids": [1]}).is_checkable
