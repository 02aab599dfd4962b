import torch

from humboldt.foundations import Block, BlockConfig, DropPath, FeedForward, Tokens

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
