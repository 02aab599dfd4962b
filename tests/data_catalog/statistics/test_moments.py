"""Weighted moments of parts are those of the whole, to the last digits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import Moments


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 60), max_size=4), shift=st.sampled_from([0.0, 1e6]), weighted=st.booleans())
def test_parts_give_the_whole(cuts, shift, weighted):
    rng = np.random.default_rng(len(cuts))
    x, w = shift + rng.standard_normal((60, 2, 5)), rng.random((60, 5))
    x[::7, 1] = np.nan
    w[:9] = 0
    moments = Moments(2)
    for piece in np.split(np.arange(60), sorted(cuts)):
        moments.update(x[piece], w[piece] if weighted else None)
    for channel in range(2):
        there = ~np.isnan(x[:, channel])
        weight = w[there] if weighted else np.ones(there.sum())
        mean = np.average(x[:, channel][there], weights=weight)
        np.testing.assert_allclose(moments.mean[channel], mean, rtol=1e-12)
        square = np.average((x[:, channel][there] - mean) ** 2, weights=weight)
        np.testing.assert_allclose(moments.variance[channel], square, rtol=1e-9)
        assert moments.count[channel] == there.sum()
        assert moments.missing[channel] == (~there).sum()
        assert (moments.minimum[channel], moments.maximum[channel]) == (
            np.nanmin(x[:, channel]), np.nanmax(x[:, channel]),
        )  # fmt: skip


def test_nothing_stays_nothing():
    moments = Moments(1)
    moments.merge(Moments(1))
    moments.update(np.full((2, 1, 3), np.nan))
    assert (moments.count[0], moments.missing[0], moments.variance[0]) == (0, 6, 0)
