"""How many numbers a method trains of one layer, by its formula and by counting."""

import pytest
from torch import nn

from humboldt.finetune import HookAdapter, method, trained_parameters
from tests.finetune.sciences import science

I, O = 8, 12  # noqa: E741
CASES = [
    ("adalora", {"initial_rank": 3, "rank": 1}, 3 * (I + O) + 3),
    ("boft", {"block": 2, "factors": 3}, 3 * (I // 2) * 1),
    ("c3a", {"block": 4}, I * O // 4),
    ("corda", {"rank": 3}, 3 * (I + O)),
    ("eva", {"rank": 3}, 3 * (I + O)),
    ("glora", {"rank": 2}, 2 * 2 * (I + O) + I + 2 * O),
    ("hydra", {"rank": 2}, 2 * (I + O) + 2 * (O + O) + O),
    ("lae", {"rank": 2}, 2 * (I + O) + 1),
    ("lora_ga", {"rank": 3}, 3 * (I + O)),
    ("lora_squared", {"initial_rank": 3, "rank": 2, "width": 4}, 4 * (I + O) + 2 * 3 * 4 + 3),
    ("moelora", {"rank": 2, "experts": 3, "top": 1}, 3 * 2 * (I + O) + 3 * I),
    ("nlt", {}, 2 * O),
    ("oft", {"block": 4}, (I // 4) * 6),
    ("parameters", {"parameters": "weight|bias"}, I * O + O),
    ("pissa", {"rank": 3}, 3 * (I + O)),
    ("poly", {"tasks": 3, "skills": 2, "rank": 2}, 2 * 2 * (I + O) + 3 * 2),
    ("rollout_lora", {"rank": 2, "steps": 4}, 4 * 2 * (I + O)),
    ("shira", {"rank": 2}, 2 * (I + O)),
    ("taps", {}, I * O + 1),
]


@pytest.mark.parametrize(("name", "options", "expected"), CASES)
def test_a_method_trains_as_many_numbers_as_its_formula_says(name, options, expected):
    way = method(name, **options)
    assert isinstance(way, HookAdapter)
    assert sum(p.numel() for p in way.hook(nn.Linear(I, O)).parameters()) == expected


D, R = 8, 3  # width of a block's tokens, of what is added
BLOCKS = [
    ("bottleneck", {"narrow": R}, R * D + R + D * R + D),
    ("conv", {"narrow": R, "kernel": 5}, 2 * D + (D + 1) * 2 * R + (R * 25 + R) + 2 * R + (R + 1) * D),
    ("f_adapter", {"narrow": 4, "bands": 2}, sum((2 * D + 1) * w + 2 * D * w for w in (8, 3))),
    ("regimes", {"narrow": R, "regimes": 2}, 3 * 2 * R * D),
    ("rna", {"signal": 2, "hidden": 6}, (D + 2 * 2 + 1) * 6 + (6 + 1) * 2 * D),
    ("patch_scales", {"narrow": R, "scales": (1, 2), "top": 1}, 2 * 2 * R * D + 2 * (2 * D) * 2),
    ("cma", {"directions": 5, "population": 4}, 5),
    ("prompts", {"length": R}, R * D + 2),
    ("prefix", {"length": R}, 2 * R * D + 2),
    ("tape", {"bank": 5, "most": 2}, 5 * D + D * D + 2),
    ("tail_drop", {"tokens": R}, R * D + 2 * D * D + 2),
]


@pytest.mark.parametrize(("name", "options", "expected"), BLOCKS)
def test_what_stands_around_a_block_has_as_many(name, options, expected):
    way, block = method(name, **options), science("pde")[0].core.scales[0].down[0]
    assert isinstance(way, HookAdapter)
    layer = next(part for part in (block, block.attention, block.feed_forward) if way.accepts(part))
    assert sum(p.numel() for p in way.hook(layer).parameters()) == expected


def test_what_blocks_share_counts_once():
    model, code, narrow, tasks = science("pde")[0], 5, 2, 3
    way = method("pha", code=code, narrow=narrow, tasks=tasks, whole=())
    sites = len(way.sites(model))  # type: ignore[attr-defined]
    inner = (2 * code + 1) * 2 * code + (2 * code + 1) * code + 2 * code
    made = (code + 1) * (2 * narrow * D + narrow + D)
    retriever = (D + 1) * code + (code + 1) * code
    assert trained_parameters(way, model) == sites * code + tasks * code + inner + made + retriever
    line = method("learngene", whole=())
    stacks = {name.rpartition(".")[0] for name in line.sites(model)}  # type: ignore[attr-defined]
    one = sum(p.numel() for p in model.core.scales[0].down[0].parameters())
    two = sum(p.numel() for p in model.core.scales[1].down[0].parameters())
    assert len(stacks) == 3
    assert trained_parameters(line, model) == 2 * (one + one + two)
    width, hidden = D, 6
    decoder = method("decoder", hidden=hidden, whole=())
    assert trained_parameters(decoder, model) == 2 * width + (width + 1) * hidden + (hidden + 1) * width
