"""An order sees everything once, shares it out without overlap, and goes on where it stood."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humboldt.data_catalog import DataError, Order, Sampler, block_shuffle


@given(samples=st.integers(12, 60), batch=st.integers(1, 3), ranks=st.integers(1, 2), workers=st.integers(1, 2))
def test_ranks_and_workers_never_see_the_same_sample(samples, batch, ranks, workers):
    order = Order(samples=samples, batch_size=batch)
    parts = [order.split(r, ranks).split(w, workers) for r in range(ranks) for w in range(workers)]
    seen = np.concatenate([part.batch(n) for part in parts for n in range(len(part))])
    assert len(set(seen.tolist())) == len(seen)
    assert len(seen) > samples - batch * ranks * workers
    assert len({len(part) for part in parts}) == 1


def test_passes_differ_and_repeat_with_the_seed():
    order, again, other = (Order(samples=30, batch_size=5, seed=s) for s in (0, 0, 1))
    assert np.array_equal(order.batch(7), again.batch(7))
    assert not np.array_equal(order.epoch(0), order.epoch(1))
    assert not np.array_equal(order.epoch(0), other.epoch(0))
    assert Order(samples=6, batch_size=2, seed=None).batch(4).tolist() == [2, 3]


@given(chunk=st.integers(1, 9), together=st.integers(1, 4), seed=st.integers(0, 99))
def test_a_block_shuffle_needs_each_chunk_in_one_stretch_of_few_chunks(chunk, together, seed):
    groups = np.arange(60) // chunk
    order = block_shuffle(groups, seed, together)
    assert sorted(order.tolist()) == list(range(60))
    if chunk > 1:
        stretches = [groups[order[np.isin(order, np.flatnonzero(groups == g))]] for g in range(groups.max() + 1)]
        assert sum(map(len, stretches)) == 60
        for g in range(groups.max() + 1):
            where = np.flatnonzero(groups[order] == g)
            assert where[-1] - where[0] < chunk * together


def test_a_sampler_goes_on_at_the_same_sample():
    order = Order(samples=20, batch_size=3)
    whole = [b.tolist() for b in Sampler(order, passes=2)]
    cut = Sampler(order, passes=2)
    taken = [next(iter(cut)).tolist() for _ in range(7)]
    rest = Sampler(Order(samples=20, batch_size=3), passes=2)
    rest.load_state_dict(cut.state_dict())
    assert taken + [b.tolist() for b in rest] == whole
    with pytest.raises(DataError, match="same batch_size, got 4 after 3"):
        Sampler(Order(samples=20, batch_size=4)).load_state_dict(cut.state_dict())


class Numbers:
    """Samples that are their own numbers."""

    def read_many(self, samples, out=None):
        """A batch."""
        return np.asarray(samples, float)


def test_what_was_read_ahead_does_not_count_as_seen():
    order = Order(samples=20, batch_size=3)
    whole = [b.tolist() for b in Sampler(order).read(Numbers())]
    assert whole == [b.tolist() for b in Sampler(order)]
    cut = Sampler(order)
    batches = cut.read(Numbers(), threads=2, most_bytes=10**6)
    assert [next(batches).tolist() for _ in range(2)] == whole[:2]
    rest = Sampler(order)
    rest.load_state_dict(cut.state_dict())
    assert [b.tolist() for b in rest.read(Numbers())] == whole[2:]


def test_shares_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="numbered 0 to 1, got 2"):
        Order(samples=9, batch_size=1, share=2, shares=2)
    with pytest.raises(DataError, match="5 samples in batches of 8; make batches smaller"):
        Order(samples=5, batch_size=8)
