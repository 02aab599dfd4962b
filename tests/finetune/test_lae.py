"""One data set after another: a fast and a slow update, one expert at first, held while other parts learn."""

import copy

import pytest
import torch
from torch import nn

from humboldt import load_adapter
from humboldt.adapting import finetune
from humboldt.finetune import Recipe, fit, method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import ConfigError, Context
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model
from tests.humboldt.test_adapting import Trajectories

QUICK = {"steps": 4, "batch_size": 4, "progress": False, "keep_adapter": True}


def hook(**options):
    return shaken(method("lae", rank=2, **options).hook(nn.Linear(5, 4)))  # type: ignore[attr-defined]


def shaken(made):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def update(made, layer):
    return made.weights(dict(layer.named_parameters()), Context())["weight"].detach() - layer.weight.detach()


@pytest.mark.parametrize("serve", ["online", "offline", "mean"])
def test_there_is_one_expert_after_one_data_set_and_the_choice_of_two_after_more(serve):
    layer, made = nn.Linear(5, 4), hook(momentum=0.5, serve=serve)
    made.on_step(1, 2)
    torch.testing.assert_close(update(made.eval(), layer), made.fast().detach())
    made.on_next_run()
    shaken(made).on_step(1, 2)
    fast, slow = shaken(made).fast().detach(), made.slow
    torch.testing.assert_close(update(made.train(), layer), fast)
    expected = {"online": fast, "offline": slow, "mean": (fast + slow) / 2}[serve]
    torch.testing.assert_close(update(made.eval(), layer), expected)


def test_the_slow_copy_is_the_closed_form_over_all_later_data_sets():
    m, made = 0.9, hook(momentum=0.9)
    for step in range(3):
        shaken(made).on_step(step + 1, 3)
    path = [made.fast().detach()]
    for _ in range(2):
        made.on_next_run()
        for step in range(4):
            shaken(made).on_step(step + 1, 4)
            path.append(made.fast().detach())
    t = len(path) - 1
    expected = m**t * path[0] + (1 - m) * sum(m ** (t - j) * path[j] for j in range(1, t + 1))
    torch.testing.assert_close(made.slow, expected)
    assert not made.slow.requires_grad


@pytest.mark.parametrize("whole", [("embed", "head"), ()])
def test_a_later_run_holds_the_update_while_parts_that_are_trained_whole_learn(whole):
    model, batch = science("pde")
    way = method("lae", rank=2, hold=0.5, whole=whole)
    model = prepare(way, model)
    train(way, model, batch)
    way.prepare(model)
    before = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(way.parameter_groups(model, Recipe()))
    for step in range(4):
        optimiser.zero_grad()
        sum(way.loss(model, batch).values()).backward()
        way.on_gradients(model, step, 4)
        optimiser.step()
        held = all(torch.equal(a.b, b.b) for a, b in zip(hooks(model), hooks(before), strict=True))
        assert held == (bool(whole) and step < 2)
        assert not whole or not torch.equal(model.head.mix.weight, before.head.mix.weight)


def test_what_a_momentum_of_one_serves_is_what_the_first_data_set_taught_bit_for_bit():
    way = method("lae", rank=2, momentum=1.0, serve="offline", whole=())
    recipe = Recipe(steps=5, batch_size=4, core_rate=1e-2)
    first = fit(tiny_model(), Waves(6), None, recipe, way, progress=False, keep_adapter=True)
    second = fit(first, Waves(6, seed=9), None, recipe, way, progress=False, keep_adapter=True)
    assert any(not torch.equal(a.b, b.b) for a, b in zip(hooks(first), hooks(second), strict=True))
    with torch.no_grad():
        torch.testing.assert_close(second(Waves(3).all()).fields, first(Waves(3).all()).fields, rtol=0, atol=1e-6)


def test_a_run_goes_on_with_the_adapter_of_the_last_one_from_its_file(tmp_path):
    base, batch = tiny_model(), Waves(3).all()
    finetune(base, Trajectories(6), method="lae", rank=2, output=tmp_path / "1", **QUICK)
    one = load_adapter(base, tmp_path / "1")
    assert not any(bool(made.later) for made in hooks(one))
    again = {"method": "lae", "rank": 2, "output": tmp_path / "2", **QUICK}
    two = finetune(one, Trajectories(6, seed=4), **again)
    assert list(two.adapted) == ["default"]
    assert all(bool(made.later) for made in hooks(two))
    with torch.no_grad():
        expected = two(batch).fields
        assert torch.equal(load_adapter(base, tmp_path / "2")(batch).fields, expected)
        assert torch.equal(finetune(one, Trajectories(6, seed=4), **again)(batch).fields, expected)  # read back
        torch.testing.assert_close(method("lae", rank=2).merge(two)(batch).fields, expected, rtol=0, atol=0)


def test_what_cannot_be_merged_goes_on_as_well_and_other_options_are_another_adapter():
    choices = {"steps": 2, "batch_size": 4, "progress": False}
    one = finetune(tiny_model(), Trajectories(4), method="bottleneck", **choices)
    two = finetune(one, Trajectories(4), method="bottleneck", **choices)
    assert list(two.adapted) == ["default"]
    assert not torch.equal(two.head.mix.weight, one.head.mix.weight)
    with pytest.raises(ConfigError, match=r"got bottleneck .* differs in {'narrow': 8}; give these"):
        finetune(one, Trajectories(4), method="bottleneck", narrow=3, **choices)


def test_shares_that_are_none_are_refused():
    with pytest.raises(ConfigError, match=r"momentum is in \[0, 1\] .* got momentum=1.5, hold=0.5"):
        method("lae", momentum=1.5)
