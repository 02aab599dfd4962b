import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from humboldt.foundations import AttentionConfig, ConfigError
from humboldt.foundations.attention import Attention


def plain(module, x):
    """Ordinary attention over the one axis of x."""
    q, k, v = rearrange(module.qkv(x), "b n (three h e) -> three b h n e", three=3, h=module.config.heads)
    return module.out(rearrange(F.scaled_dot_product_attention(q, k, v), "b h n e -> b n (h e)"))


def test_units_are_attention_inside_and_across_them():
    x = torch.randn(2, 3, 5, 8)
    inside = Attention(8, 2, AttentionConfig(heads=2, window=(1, None)))
    expected = rearrange(plain(inside, rearrange(x, "b u s d -> (b u) s d")), "(b u) s d -> b u s d", b=2)
    torch.testing.assert_close(inside(x), expected)
    across = Attention(8, 2, AttentionConfig(heads=2, window=(None, 1)))
    expected = rearrange(plain(across, rearrange(x, "b u s d -> (b s) u d")), "(b s) u d -> b u s d", b=2)
    torch.testing.assert_close(across(x), expected)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("shifted", [False, True])
def test_a_mask_of_all_tokens_is_no_mask(similarity, shifted):
    """The kernel for learned biases and the library's own agree, in every combination."""
    for padding in ("masked", "visible"):
        config = AttentionConfig(
            heads=2, window=(3, 4), shifted=shifted, similarity=similarity, position="log", padding=padding
        )
        module, x = Attention(8, 2, config), torch.randn(2, 7, 9, 8)
        everything = torch.ones(2, 7, 9, dtype=torch.bool)
        for periodic in ((), (True, False), (True, True)):
            ours, library = module(x, None, periodic), module(x, everything, periodic)
            torch.testing.assert_close(ours, library, atol=1e-5, rtol=1e-4)


def test_visible_padding_takes_part_as_zero_tokens():
    config = AttentionConfig(heads=1, window=(4,), bias="query_value", padding="visible")
    module, x = Attention(4, 1, config), torch.randn(1, 3, 4)
    torch.nn.init.normal_(module.qkv.value_bias)
    config = AttentionConfig(heads=1, window=(2,), bias="query_value", padding="visible")
    module.config = config
    padded = plain(module, F.pad(x[:, 2:], (0, 0, 0, 1)))[:, :1]
    torch.testing.assert_close(module(x)[:, 2:], padded)


def test_only_query_and_value_carry_a_bias():
    qkv = Attention(4, 1, AttentionConfig(heads=1, bias="query_value")).qkv
    torch.nn.init.ones_(qkv.query_bias), torch.nn.init.ones_(qkv.value_bias)
    assert qkv(torch.zeros(1, 4)).tolist() == [[1.0] * 4 + [0.0] * 4 + [1.0] * 4]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("masked", [False, True])
def test_half_types_stay_finite_beside_borders_and_padding(dtype, masked):
    config = AttentionConfig(heads=2, window=(4,), shifted=True, similarity="cosine", position="log")
    module, x = Attention(8, 1, config).to(dtype), torch.randn(2, 9, 8, dtype=dtype, requires_grad=True)
    out = module(x, torch.zeros(2, 9, dtype=torch.bool) if masked else None)
    out.float().square().sum().backward()
    assert torch.isfinite(out).all()
    assert torch.isfinite(x.grad).all()


def test_heads_divide_the_width():
    with pytest.raises(ConfigError, match="heads must divide the width, got heads=3, width=8"):
        Attention(8, 1, AttentionConfig(heads=3))
