"""How many numbers a method trains of one layer, by its formula and by counting."""

import pytest
from torch import nn

from humboldt.finetune import HookAdapter, method

I, O = 8, 12  # noqa: E741
CASES = [
    ("adalora", {"initial_rank": 3, "rank": 1}, 3 * (I + O) + 3),
    ("boft", {"block": 2, "factors": 3}, 3 * (I // 2) * 1),
    ("hydra", {"rank": 2}, 2 * (I + O) + 2 * (O + O) + O),
    ("lae", {"rank": 2}, 2 * (I + O) + 1),
    ("lora_squared", {"initial_rank": 3, "rank": 2, "width": 4}, 4 * (I + O) + 2 * 3 * 4 + 3),
    ("moelora", {"rank": 2, "experts": 3, "top": 1}, 3 * 2 * (I + O) + 3 * I),
    ("nlt", {}, 2 * O),
    ("oft", {"block": 4}, (I // 4) * 6),
    ("parameters", {"parameters": "weight|bias"}, I * O + O),
    ("pissa", {"rank": 3}, 3 * (I + O)),
    ("poly", {"tasks": 3, "skills": 2, "rank": 2}, 2 * 2 * (I + O) + 3 * 2),
    ("rollout_lora", {"rank": 2, "steps": 4}, 4 * 2 * (I + O)),
    ("taps", {}, I * O + 1),
]


@pytest.mark.parametrize(("name", "options", "expected"), CASES)
def test_a_method_trains_as_many_numbers_as_its_formula_says(name, options, expected):
    way = method(name, **options)
    assert isinstance(way, HookAdapter)
    assert sum(p.numel() for p in way.hook(nn.Linear(I, O)).parameters()) == expected
