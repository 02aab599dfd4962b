"""Perceiver: grouped-query attention against its formula, and what queries may see."""

import pytest
import torch

from humboldt.foundations import ConfigError, GroupedQueryAttention, Perceiver, PerceiverConfig

CONFIG = PerceiverConfig(heads=4, groups=2, head_width=3, depth=1, bands=4, highest=5.0)


def test_a_head_of_keys_serves_consecutive_heads_of_queries():
    attention = GroupedQueryAttention(6, 5, CONFIG).eval()
    x, sources = torch.randn(2, 3, 6), torch.randn(2, 7, 5)
    q = attention.query(x).view(2, 3, 4, 3)
    k, v = (f(sources).view(2, 7, 2, 3).repeat_interleave(2, dim=2) for f in (attention.key, attention.value))
    weights = (torch.einsum("bqke,bske->bkqs", q, k) / 3**0.5).softmax(-1)
    expected = attention.out(torch.einsum("bkqs,bske->bqke", weights, v).flatten(2))
    torch.testing.assert_close(attention(x, sources), expected)


def test_masked_sources_are_not_read_and_order_matters():
    perceiver = Perceiver(6, 5, CONFIG).eval()
    sources, queries, mask = torch.randn(1, 7, 6), torch.randn(1, 2, 6), torch.ones(1, 7, dtype=torch.bool)
    mask[:, 3] = False
    other = sources.clone()
    other[:, 3] += 1
    assert torch.equal(perceiver(sources, queries, mask), perceiver(other, queries, mask))
    assert not torch.equal(perceiver(sources, queries), perceiver(other, queries))
    assert not torch.allclose(perceiver(sources.flip(1), queries), perceiver(sources, queries))


def test_queries_do_not_see_each_other():
    perceiver = Perceiver(6, 5, CONFIG).eval()
    sources, queries = torch.randn(1, 7, 6), torch.randn(1, 2, 6)
    alone = perceiver(sources, queries[:, :1])
    torch.testing.assert_close(perceiver(sources, queries)[:, :1], alone)


def test_heads_are_shared_evenly():
    with pytest.raises(ConfigError, match="got heads=4 and groups=3"):
        PerceiverConfig(heads=4, groups=3, head_width=2, depth=1)
