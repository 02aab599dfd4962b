import torch

from humboldt.foundations import AttentionConfig, Block, BlockConfig, DropPath, FeedForward, Tokens

from .cores import attention, awake


def test_feed_forward_is_two_maps_around_the_exact_gelu():
    module, x = FeedForward(4, 8).double(), torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True)
    hidden = module.expand(x)
    expected = module.contract(hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5)))
    torch.testing.assert_close(module(x), expected)
    wanted = (x, *module.parameters())
    for ours, plain in zip(
        torch.autograd.grad(module(x).square().sum(), wanted),
        torch.autograd.grad(expected.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(ours, plain)


def test_drop_path_keeps_the_expectation_and_drops_whole_samples():
    drop, x = DropPath(0.25), torch.ones(20_000, 2, 3)
    out = drop(x)
    assert set(out.flatten().tolist()) <= {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(out, out[:, :1, :1].expand_as(out))
    assert abs(out.mean().item() - 1) < 0.02
    assert torch.equal(drop.eval()(x), x)


def test_pre_and_post_norm():
    for norm in ("pre", "post"):
        block = awake(Block(8, 1, 1, BlockConfig(attention=attention(1), hidden=16, norm=norm), 1e-5))
        tokens = Tokens(torch.randn(2, 6, 8), torch.rand(2, 1))
        x, t = tokens.x, tokens.condition
        for branch, normed in ((block.attention, block.attention_norm), (block.feed_forward, block.feed_forward_norm)):
            x = x + (normed(branch(x), t) if norm == "post" else branch(normed(x, t)))
        torch.testing.assert_close(block(tokens).x, x)


def test_feed_forward_with_the_approximate_gelu():
    module, x = FeedForward(4, 8, "gelu_tanh"), torch.randn(2, 3, 4)
    h = module.expand(x)
    approximate = 0.5 * h * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (h + 0.044715 * h**3)))
    torch.testing.assert_close(module(x), module.contract(approximate))


def test_a_block_without_biases_has_none():
    config = BlockConfig(attention=AttentionConfig(heads=2, bias="none"), hidden=16)
    plain = Block(8, 1, 0, config, 1e-5, bias=False)
    assert [name for name, _ in plain.named_parameters() if "bias" in name] == []
    zeroed = Block(8, 1, 0, config, 1e-5)
    zeroed.load_state_dict(plain.state_dict(), strict=False)
    torch.nn.init.zeros_(zeroed.attention.out.bias)
    torch.nn.init.zeros_(zeroed.feed_forward.expand.bias)
    torch.nn.init.zeros_(zeroed.feed_forward.contract.bias)
    tokens = Tokens(torch.randn(2, 6, 8))
    torch.testing.assert_close(plain(tokens).x, zeroed(tokens).x)
