"""Attention that adds the query."""

import pytest
import torch

from humboldt.domains.biodiversity.mvit import MViT, QueryResidualAttention
from humboldt.domains.biodiversity.released import mvit_core
from humboldt.foundations import AttentionConfig, Tokens


def test_the_query_is_added_to_what_it_attends_to():
    attention = QueryResidualAttention(4, 3, AttentionConfig(heads=2, window=(None,) * 3)).eval()
    with torch.no_grad():
        attention.out.weight.copy_(torch.eye(4)), attention.out.bias.zero_()
        attention.qkv.bias.normal_()
    x = torch.randn(1, 2, 1, 1, 4)
    q, k, v = attention.qkv(x.flatten(1, 3)).unflatten(-1, (3, 2, 2)).unbind(2)
    scores = torch.einsum("bqke,bske->bkqs", q, k) / 2**0.5
    expected = torch.einsum("bkqs,bske->bqke", scores.softmax(-1), v) + q
    torch.testing.assert_close(attention(x).flatten(1, 3), expected.flatten(2), rtol=1e-5, atol=1e-5)


def test_learned_places_lie_on_one_grid():
    with pytest.raises(ValueError, match=r"lie on the grid \(2, 3, 4\), got tokens on \(2, 4, 3\)"):
        MViT(mvit_core(8), (2, 3, 4))(Tokens(torch.zeros(1, 2, 4, 3, 8)))
