"""Quantiles are within their stated error, whatever the order and the parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog.statistics.quantiles import ERROR, QuantileSketch, edges

SHARES = [0.0, 0.001, 0.1, 0.5, 0.77, 0.999, 1.0]


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["normal", "pressure", "heavy", "zeros", "tiny"]),
    cuts=st.lists(st.integers(0, 500), max_size=5),
    seed=st.integers(0, 99),
)
def test_within_the_error_whatever_the_parts(kind, cuts, seed):
    rng = np.random.default_rng(seed)
    x = {
        "normal": rng.standard_normal(501), "pressure": 101325 + 500 * rng.standard_normal(501),
        "heavy": rng.standard_cauchy(501) ** 3, "zeros": np.round(rng.standard_normal(501)),
        "tiny": 1e-300 * rng.standard_normal(501),
    }[kind]  # fmt: skip
    parts, whole = QuantileSketch(), QuantileSketch()
    whole.update(x)
    for piece in np.split(rng.permutation(x), sorted(cuts)):
        one = QuantileSketch()
        one.update(np.append(piece, np.nan))
        parts.merge(one)
    assert np.array_equal(parts.keys, whole.keys)
    assert np.array_equal(parts.weights, whole.weights)
    true = np.quantile(x, SHARES, method="inverted_cdf")
    found = parts.quantiles(SHARES)
    assert (np.abs(found - true) <= ERROR * np.abs(true) * 1.0001 + 1e-320).all()


def test_weights_count():
    sketch, doubled = QuantileSketch(), QuantileSketch()
    x = np.arange(1.0, 11.0)
    sketch.update(x, np.where(x > 5, 3.0, 1.0))
    doubled.update(np.concatenate([x, x[5:], x[5:]]))
    assert np.array_equal(sketch.quantiles(SHARES), doubled.quantiles(SHARES))


def test_bins_hold_their_values():
    x = np.array([-3.5, -1e-9, 0.0, 2.0, 7e8])
    for value in x:
        sketch = QuantileSketch()
        sketch.update(np.array([value]))
        low, high = edges(sketch.keys)
        assert low[0] <= value <= high[0]
        assert high[0] - low[0] <= ERROR * abs(value) * 1.0001 + 1e-305


def test_of_nothing():
    assert np.isnan(QuantileSketch().quantiles([0.5])).all()
    assert QuantileSketch().quantiles([0.5]).shape == pytest.approx((1,))
