"""A cache says what the whole sequence says, also when others have left."""

from typing import Any

import pytest
import torch

from humboldt.foundations import AttentionConfig, BlockConfig, Cache, ConfigError, Core, CoreConfig, ScaleConfig, Tokens


def core(condition: int = 0, **attention: Any) -> Core:
    choices: dict[str, Any] = {"heads": 2, "causal": True} | attention
    block = BlockConfig(attention=AttentionConfig(**choices), hidden=16)
    scale = ScaleConfig(width=8, down=(block, block))
    model = Core(CoreConfig(axes=1, scales=(scale,), condition=condition, final_norm=True)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("condition", [0, 3])
def test_steps_agree_with_the_whole_sequence(condition):
    model = core(condition)
    told = torch.randn(3, 3).double() if condition else None
    x = torch.randn(3, 9, 8).double()
    whole = model(Tokens(x, told)).x
    cache, found = Cache(model, 3, 9), []
    for start, end in [(0, 4), (4, 5), (5, 8), (8, 9)]:
        found.append(cache.advance(Tokens(x[:, start:end], told)).x)
    torch.testing.assert_close(torch.cat(found, 1), whole, rtol=1e-12, atol=1e-12)


def test_sequences_that_have_ended_leave():
    model, x = core(), torch.randn(4, 6, 8).double()
    whole, cache, rows = model(Tokens(x)).x, Cache(model, 4, 6), torch.tensor([3, 1])
    cache.advance(Tokens(x[:, :3]))
    cache.keep(rows)
    found = cache.advance(Tokens(x[rows, 3:])).x
    torch.testing.assert_close(found, whole[rows, 3:], rtol=1e-12, atol=1e-12)


def test_places_are_taken_by_new_sequences():
    """Sequences through two places, in a room for little more than one: each says what it says alone."""
    model, x = core(), torch.randn(6, 7, 8).double()
    whole, cache, found = model(Tokens(x)).x, Cache(model, 2, 8), torch.zeros(6, 7, 8).double()
    ends, here, at, following = [7, 3, 7, 5, 6, 2], torch.tensor([0, 1]), torch.tensor([0, 0]), 2
    while following < 7:
        assert cache.lengths.tolist() == at.tolist()
        found[here, at] = cache.advance(Tokens(x[here, at][:, None])).x[:, 0]
        at += 1
        for row in (at == torch.tensor(ends)[here]).nonzero().flatten().tolist():
            cache.restart(torch.tensor([row]))
            here[row], at[row], following = following % 6, 0, following + 1
    for row in range(4):
        torch.testing.assert_close(found[row, : ends[row]], whole[row, : ends[row]], rtol=1e-12, atol=1e-12)


def test_too_many_tokens_are_refused():
    cache = Cache(core(), 2, 4)
    with pytest.raises(ValueError, match="2 sequences of at most 4 tokens, got 2 with 5 tokens after 0"):
        cache.advance(Tokens(torch.zeros(2, 5, 8).double()))


def test_a_core_that_looks_ahead_has_no_cache():
    with pytest.raises(ConfigError, match=r"got causal=False.*run the whole sequence"):
        Cache(core(causal=False), 1, 4)
