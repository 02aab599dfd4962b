"""Pair tables against the formulas of arXiv 2405.19101."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.domains.pde.pairs import Pairs, frame_pairs, pair_table
from humboldt.foundations import ConfigError


@settings(max_examples=15)
@given(frames=st.integers(2, 40))
def test_all2all_is_every_pair_in_order(frames):
    table = Pairs().table(frames)
    assert table.tolist() == [[i, j] for i in range(frames) for j in range(i, frames)]
    assert len(table) == frames * (frames + 1) // 2


@pytest.mark.parametrize(
    ("scheme", "frames", "count"),
    [
        (Pairs(stride=2, steps=10), 21, 66),
        (Pairs(stride=2, steps=7), 21, 36),
        (Pairs(steps=7), 11, 36),
        (Pairs(stride=2, steps=9), 20, 55),
    ],
)
def test_published_pair_counts(scheme, frames, count):
    table = scheme.table(frames)
    assert len(table) == count
    assert table.max() == scheme.stride * scheme.steps
    assert not (table % scheme.stride).any()


def test_vanilla_and_fixed_input():
    assert pair_table("vanilla", 4).tolist() == [[0, 1], [0, 2], [0, 3]]
    assert Pairs(input_frame=3, stride=2).table(9).tolist() == [[3, 5], [3, 7]]


def test_lead_steps_and_horizon():
    assert Pairs(lead_steps=(0, 3)).table(5).tolist() == [[0, 0], [0, 3], [1, 1], [1, 4], [2, 2], [3, 3], [4, 4]]
    leads = np.diff(Pairs(horizon=2, stride=3).table(13), axis=1)
    assert set(leads.ravel().tolist()) == {0, 3, 6}


def test_semigroup_property():
    table = {tuple(pair) for pair in Pairs().table(7).tolist()}
    assert all((i, k) in table for i, j in table for j2, k in table if j == j2)


def test_pairs_as_a_file_or_a_command_says_them():
    assert pair_table({"stride": 2, "lead_steps": [0, 1]}, 5).tolist() == [[0, 0], [0, 2], [2, 2], [2, 4], [4, 4]]
    assert pair_table([[1, 3], [0, -1]], 5).tolist() == [[1, 3], [0, 4]]
    with pytest.raises(ConfigError, match="Pairs has no key 'strid'; did you mean 'stride'"):
        pair_table({"strid": 2}, 5)
    for odd in ([[0, 5]], [[-6, 0]], [[3, 1]]):
        with pytest.raises(DataError, match="frames from 0 to 4, the input's not after the target's, got"):
            pair_table(odd, 5)
    for odd in ([], [[0, 1, 2]], [[0, 1], [2]]):
        with pytest.raises(DataError, match=r"\[\[input, target\], ...\], got"):
            pair_table(odd, 5)


def test_frame_pairs():
    assert frame_pairs(6, 1, (2, 4)).tolist() == [[1, 3], [1, 5]]
    with pytest.raises(DataError, match=r"frames 0 to 5, got start=1 and ahead=\(5,\)"):
        frame_pairs(6, 1, (5,))


def test_schemes_that_cannot_be():
    with pytest.raises(DataError, match="need 21 frames, the data have 11"):
        Pairs(stride=2, steps=10).table(11)
    with pytest.raises(DataError, match="no pair of 3 frames fits"):
        Pairs(lead_steps=(5,)).table(3)
    with pytest.raises(
        DataError, match=r"'all2all', 'vanilla', a Pairs value or \[\[input, target\], ...\], got 'all'"
    ):
        pair_table("all", 5)
    with pytest.raises(DataError, match="stride is at least 1 frame, got 0"):
        Pairs(stride=0)
    with pytest.raises(DataError, match=r"0 or more, got \(-1,\)"):
        Pairs(lead_steps=(-1,))
