"""Chunks, shards and regions cover an array once, within their sizes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.data_catalog.converter.chunking import chunk_lengths, plan_array

FLOAT = np.dtype("f4")


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ({"sample": 9, "time": 5, "x": 8}, {"sample": 1, "time": 5, "x": 8}),
        ({"time": 5, "lat": 8}, {"time": 1, "lat": 8}),
        ({"number": 3, "time": 5, "lat": 8}, {"number": 1, "time": 1, "lat": 8}),
        ({"y": 5, "x": 8}, {"y": 5, "x": 8}),
    ],
)
def test_a_chunk_is_a_sample(sizes, lengths):
    assert chunk_lengths(sizes) == lengths
    first, *_, last = sizes
    assert chunk_lengths(sizes, {first: -1, last: 4}) == {**lengths, first: sizes[first], last: 4}


def test_windows_that_do_not_fit():
    with pytest.raises(DataError, match=r"names dimensions of the data, got 'tim'; .*did you mean 'time'"):
        chunk_lengths({"time": 4}, {"tim": 1})
    with pytest.raises(DataError, match="1 to 4 long along time, or -1 for all of it, got 5"):
        chunk_lengths({"time": 4}, {"time": 5})
    with pytest.raises(DataError, match=r"at most 536870912 bytes, got 1073741824 for u .*window={'x': 134217728}"):
        plan_array("u", "tx", (9, 2**28), FLOAT, {"t": 1, "x": 2**28}, native={}, shard_bytes=1, region_bytes=1)


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    data=st.data(),
    shard=st.integers(4, 4000),
    more=st.integers(1, 20),
)
def test_shards_cover_the_array_once_within_their_size(shape, data, shard, more):
    dims = ["a", "b", "c"][: len(shape)]
    lengths = {d: data.draw(st.integers(1, n)) for d, n in zip(dims, shape, strict=True)}
    native = {d: data.draw(st.integers(1, n)) for d, n in zip(dims, shape, strict=True)}
    plan = plan_array("u", dims, shape, FLOAT, lengths, native=native, shard_bytes=shard, region_bytes=shard * more)
    count = np.zeros(shape, int)
    keys = []
    for box in plan.boxes():
        for key, inner in plan.shards_in(box):
            count[inner] += 1
            keys.append(key)
    assert (count == 1).all()
    assert len(set(keys)) == len(keys) == plan.shard_count
    assert all(s % c == 0 for s, c in zip(plan.shards, plan.chunks, strict=True))
    assert all(r % s == 0 for r, s in zip(plan.region, plan.shards, strict=True))
    assert np.prod(plan.shards) * 4 <= max(shard, np.prod(plan.chunks) * 4)
    assert np.prod(plan.region) * 4 <= max(shard * more, np.prod(plan.shards) * 4)


def test_amplification_counts_what_is_read_twice():
    """Frames in the source, columns in the store: each region of columns reads all frames again."""
    cut = {"native": {"t": 1, "x": 64}, "shard_bytes": 4 * 32 * 16}
    few, one = (
        plan_array("u", ["t", "x"], (32, 64), FLOAT, {"t": 32, "x": 16}, region_bytes=size, **cut)
        for size in (4 * 32 * 16, 4 * 32 * 64)
    )
    assert (few.amplification, one.amplification) == (4.0, 1.0)
    frames = np.zeros((32, 1), int)
    for box in few.boxes():
        frames[box[0]] += 1
    assert (frames == few.amplification).all()


def test_tiles_are_in_order():
    plan = plan_array("u", ["t"], (7,), FLOAT, {"t": 1}, native={}, shard_bytes=8, region_bytes=8)
    assert [box[0] for box in plan.boxes()] == [slice(a, min(a + 2, 7)) for a in range(0, 7, 2)]
    assert [key for box in plan.boxes() for key, _ in plan.shards_in(box)] == [f"u/c/{n}" for n in range(4)]
    assert list(itertools.islice(plan.boxes(), 9)) == list(plan.boxes())
