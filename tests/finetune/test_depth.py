"""Fewer blocks, more blocks, blocks on a line."""

import copy

import pytest
import torch
from torch import nn

from humboldt.domains.pde import PDEConfig, build
from humboldt.finetune import method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.depth import contributions, deepened, dropped, expanded, shallower, stacks
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import (
    AttentionConfig,
    BlockConfig,
    ConfigError,
    CoreConfig,
    ScaleConfig,
    load_strictly,
)
from tests.finetune.sciences import SCIENCES, science
from tests.finetune.tiny import Waves, tiny_model


def deep(blocks=4):
    def block(n):
        attention = AttentionConfig(heads=2, window=(4, 4), shifted=n % 2 == 1, similarity="cosine", position="log")
        return BlockConfig(attention=attention, hidden=16)

    core = CoreConfig(axes=2, condition=1, scales=(ScaleConfig(width=8, down=tuple(block(n) for n in range(blocks))),))
    like = tiny_model().config
    torch.manual_seed(0)
    model = build(PDEConfig(inputs=like.inputs, outputs=like.outputs, core=core, patch=4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_strategies_choose_their_blocks():
    stack = nn.ModuleList(nn.Linear(3, 3) for _ in range(6))
    assert dropped(stack, 2, "top") == [4, 5]
    assert dropped(stack, 2, "bottom") == [0, 1]
    assert dropped(stack, 2, "even") == [2, 4]
    assert dropped(stack, 2, "odd") == [3, 5]
    assert dropped(stack, 2, "symmetric") == [2, 3]
    assert dropped(stack, 1, "contribution", torch.tensor([0.1, 0.9, 0.2, 0.3, 0.1, 0.0])) == [1]
    with torch.no_grad():
        for number, block in enumerate(stack):
            block.weight.fill_(10.0 - number)
        stack[2].weight.fill_(0.1)
    assert dropped(stack, 2, "weights") == [2, 5]
    with pytest.raises(ConfigError, match="got 6 to drop of 6; drop fewer"):
        dropped(stack, 6, "top")
    with pytest.raises(ConfigError, match="got no scores"):
        dropped(stack, 1, "contribution")
    with pytest.raises(ConfigError, match=r"blocks are dropped by top, bottom, .*, got 'middle'; choose one"):
        dropped(stack, 1, "middle")


def test_a_dropped_block_is_one_that_does_nothing():
    model, batch = deep(), Waves(2).all()
    small = shallower(model, 1, "top").eval()
    by_hand = copy.deepcopy(model).eval()
    by_hand.core.scales[0].down[3].forward = lambda tokens: tokens
    assert torch.equal(small(batch).fields, by_hand(batch).fields)
    assert len(small.config.core.scales[0].down) == 3
    again = load_strictly(build(small.config), small.state_dict()).eval()
    assert torch.equal(again(batch).fields, small(batch).fields)
    with pytest.raises(ConfigError, match=r"got 4 to drop of \{'0.down': 4\}"):
        shallower(model, 4, "top")


def test_a_block_that_does_nothing_contributes_one_and_is_dropped():
    model, batch = deep(), Waves(2).all()
    idle = model.core.scales[0].down[1]
    with torch.no_grad():
        for parameter in idle.parameters():
            parameter.zero_()
    scores = contributions(model, batch)["0.down"]
    assert scores[1].item() == pytest.approx(1, abs=1e-6)
    assert scores.argmax() == 1
    assert torch.equal(shallower(model, 1, batch=batch)(batch).fields, model(batch).fields)


@pytest.mark.parametrize("field", sorted(SCIENCES))
def test_every_science_gets_deeper_and_runs(field):
    model, batch = science(field)
    made = deepened(model, 3)
    assert all(len(stack) == 3 for stack in stacks(made).values())
    assert all(len(s.down) in (0, 3) for s in made.config.core.scales)
    made(batch)


def test_expanded_weights_lie_on_a_line():
    first, last = ({"w": torch.randn(3, 3, dtype=torch.float64)} for _ in range(2))
    line = torch.stack([block["w"] for block in expanded(first, last, 5)])
    assert torch.equal(line[0], first["w"])
    assert torch.equal(line[-1], last["w"])
    assert line.diff(n=2, dim=0).abs().max() < 1e-12
    with pytest.raises(ConfigError, match="got depth 1"):
        expanded(first, last, 1)


def test_trained_blocks_lie_on_a_line_whose_last_point_is_both_ends_and_the_old_depth_is_met_again():
    model, batch, way = deep(), Waves(3).all(), method("learngene")
    tied = prepare(way, model)
    assert sum(made.start is not None for made in hooks(tied)) == 1
    train(way, tied, batch)
    owner = next(iter(hooks(tied)))
    ends = [b + a for b, a in zip(owner.start, owner.slope, strict=True)]
    merged = way.merge(tied)
    blocks = [torch.cat([p.flatten() for p in block.parameters()]) for block in merged.core.scales[0].down]
    assert torch.stack(blocks).diff(n=2, dim=0).abs().max() < 1e-5
    torch.testing.assert_close(blocks[-1], torch.cat([p.flatten() for p in ends]))
    again = deepened(merged, 4)
    for one, two in zip(again.parameters(), merged.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    longer = deepened(merged, 7)
    assert [b.attention.shifted for b in longer.config.core.scales[0].down] == [False, True] * 3 + [False]
