"""Formulas, limits and schedules of single methods."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from humboldt.finetune import Featured, FeaturedBatch, Recipe, features_of, method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.features import mean_tokens
from humboldt.finetune.layers import depths
from humboldt.finetune.methods.aft import kernel_distance
from humboldt.finetune.methods.f_adapter import Bands
from humboldt.finetune.methods.moelora import Experts, balance
from humboldt.finetune.methods.taps import open_layers
from humboldt.finetune.rank_budget import rank_budget
from humboldt.finetune.testing import train
from humboldt.foundations import ConfigError, Context, Tokens
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves


def hook(name, layer, **options):
    return method(name, **options).hook(layer)  # type: ignore[attr-defined]


def shaken(made):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def test_hydra_merges_as_its_branches_add():
    layer, x = nn.Linear(6, 5), torch.randn(4, 6)
    made = shaken(hook("hydra", layer, rank=2, scale=0.7))
    new = made.weights(dict(layer.named_parameters()), Context())
    beside = x @ made.down.mT @ made.up.mT + made.shift
    behind = layer(x) @ made.down_behind.mT @ made.up_behind.mT
    torch.testing.assert_close(nn.functional.linear(x, new["weight"], new["bias"]), layer(x) + 0.7 * (beside + behind))


def test_oft_keeps_lengths_and_angles():
    layer = nn.Linear(8, 5)
    new = shaken(hook("oft", layer, block=4)).weights(dict(layer.named_parameters()), Context())["weight"]
    torch.testing.assert_close(new @ new.mT, layer.weight @ layer.weight.mT)
    assert not torch.allclose(new, layer.weight)


def test_nlt_of_a_convolution_has_a_pair_for_every_kernel():
    layer = nn.Conv2d(3, 4, 5)
    made = hook("nlt", layer)
    assert sum(p.numel() for p in made.parameters()) == 2 * 3 * 4


def test_a_budget_of_ranks_is_a_cubic():
    steps = (0, 100, 200, 450, 799, 801, 1000)
    assert [rank_budget(t, 1000, 96, 24, 100, 200) for t in steps] == [96, 96, 69, 33, 24, 24, 24]


def test_a_run_of_a_few_steps_keeps_all_ranks():
    model, batch = science("pde")
    way = method("lora_squared", rank=1, initial_rank=4, width=4)
    model = way.prepare(copy.deepcopy(model))
    train(way, model, batch, 9)
    assert all(bool(made.kept.all()) for made in hooks(model))


def test_lora_squared_ends_with_its_budget():
    model, batch = science("pde")
    way = method("lora_squared", rank=2, initial_rank=4, width=4)
    model = way.prepare(copy.deepcopy(model))
    optimiser = torch.optim.AdamW(way.parameter_groups(model, Recipe()))
    for step in range(12):
        optimiser.zero_grad()
        sum(way.loss(model, batch).values()).backward()
        way.on_gradients(model, step, 12)
        optimiser.step()
        way.on_step(model, step + 1, 12)
    mine = list(hooks(model))
    assert sum(int((made.e != 0).sum()) for made in mine) == 2 * len(mine)  # type: ignore[misc]


def test_taps_is_the_base_bit_for_bit_where_its_switch_is_closed():
    layer = nn.Linear(4, 4)
    made = shaken(hook("taps", layer))
    with torch.no_grad():
        made.s.fill_(0.05)
    new = made.weights(dict(layer.named_parameters()), Context())["weight"]
    assert torch.equal(new, layer.weight)
    model = method("taps").prepare(copy.deepcopy(science("pde")[0]))
    assert set(open_layers(model).values()) == {True}


def test_taps_moves_its_switch_by_what_the_update_would_gain():
    """The step function has no slope; its switch is given that of the identity (arXiv 2203.16708)."""
    layer = nn.Linear(4, 4)
    made = shaken(hook("taps", layer))
    push = torch.randn(4, 4)
    (made.weights(dict(layer.named_parameters()), Context())["weight"] * push).sum().backward()
    torch.testing.assert_close(made.s.grad, (made.delta.detach() * push).sum())


def test_taps_takes_norms_when_they_are_let_in():
    model = science("pde")[0]
    names = set(method("taps").sites(model))  # type: ignore[attr-defined]
    assert not [name for name in names if name.endswith("norm")]
    layers = nn.ModuleDict({"norm": nn.LayerNorm(4), "map": nn.Linear(4, 4)})
    assert method("taps", targets="").sites(layers) == ["map"]  # type: ignore[attr-defined]
    assert method("taps", targets="", exclude="").sites(layers) == ["norm", "map"]  # type: ignore[attr-defined]


def test_zeros_of_a_pruned_model_stay_zeros():
    model, batch = science("pde")
    model, way = copy.deepcopy(model), method("sparse")
    with torch.no_grad():
        for p in model.core.parameters():
            p.mul_((torch.rand(p.shape) > 0.5).float())
    before = {n: (p == 0).clone() for n, p in model.core.named_parameters() if p.dim() > 1}
    way.prepare(model)
    train(way, model, batch, 3)
    assert all(bool((p[before[n]] == 0).all()) for n, p in model.core.named_parameters() if n in before)
    assert any(bool(zero.any()) for zero in before.values())
    with pytest.raises(ConfigError, match="zeros survive AdamW alone, got optimiser='muon'"):
        way.parameter_groups(model, Recipe(optimiser="muon"))


def test_fisher_lets_a_share_of_every_matrix_move():
    model, batch = science("pde")
    way = method("fisher", share=0.25)
    model = way.prepare(copy.deepcopy(model))
    model.loss(batch).backward()
    way.on_gradients(model, 0, 1)
    weight = model.core.scales[0].down[0].feed_forward.expand.weight
    assert int((weight.grad != 0).sum()) == weight.numel() // 4


def test_rollout_updates_follow_the_step_and_end():
    model, batch = science("pde")
    model = method("rollout_lora", rank=2, steps=2).prepare(copy.deepcopy(model))
    with torch.no_grad():
        for made in hooks(model):
            made.b[1].add_(1.0)
        found = []
        for step in range(3):
            with model.context.at(rollout_step=step):
                found.append(model(batch).fields)
    assert not torch.equal(found[0], found[1])
    torch.testing.assert_close(found[0], found[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_training_goes_to_a_target_in_steps_and_moves_the_update_of_the_last(count, monkeypatch):
    model, batch = science("pde")
    way = method("rollout_lora", rank=2, steps=3)
    model = way.prepare(copy.deepcopy(model))
    monkeypatch.setattr(torch, "randint", lambda *_: torch.tensor(count))
    terms = way.loss(model, batch)
    state = dataclasses.replace(batch, lead_time=batch.lead_time / count)
    for step in range(count - 1):
        with torch.no_grad(), model.context.at(rollout_step=step):
            state = dataclasses.replace(state, fields=model(state).fields)
    torch.testing.assert_close(terms["loss"], model.loss(state))
    terms["loss"].backward()
    for made in hooks(model):
        assert [bool(b.any()) for b in made.b.grad] == [step == count - 1 for step in range(3)]


def test_steps_of_training_are_no_shorter_than_what_is_asked_for():
    way = method("rollout_lora", steps=6, shortest=0.25)
    assert {way.drawn(torch.tensor([1.0, 0.75])) for _ in range(60)} == {1, 2, 3}  # type: ignore[attr-defined]
    assert {way.drawn(torch.tensor([0.1])) for _ in range(9)} == {1}  # type: ignore[attr-defined]
    assert max(method("rollout_lora", steps=6).drawn(torch.ones(1)) for _ in range(60)) == 6  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"none is of negative length, got steps=8, shortest=-1"):
        method("rollout_lora", shortest=-1)


def test_balance_is_one_when_uniform_and_n_when_collapsed():
    even = torch.eye(4).repeat(3, 1)
    assert balance(even).item() == pytest.approx(1)
    assert balance(torch.eye(4)[:1].repeat(8, 1)).item() == pytest.approx(4)


def test_one_expert_is_lora():
    layer, x = nn.Linear(6, 5), torch.randn(4, 6)
    made = shaken(hook("moelora", layer, rank=2, alpha=4.0, experts=1, top=1)).eval()
    assert isinstance(made, Experts)
    expected = layer(x) + 2 * x @ made.a[0].mT @ made.b[0].mT
    torch.testing.assert_close(made.features(x, layer(x), Context()), expected)


def test_bands_cover_every_mode_once_and_zero_is_the_first():
    bands = Bands(4, 4, 3)
    found = bands.band((8, 8), torch.device("cpu"))
    assert found[0] == 0
    assert set(found.tolist()) == {0, 1, 2}
    assert len(found) == 8 * 5


def test_a_conv_adapter_follows_a_periodic_shift():
    model, batch = science("pde")
    block = model.core.scales[0].down[0]
    made, context = shaken(hook("conv", block)), Context()
    context.tokens = model.embed(batch)
    x = torch.randn(2, 4, 4, 8)
    y = torch.zeros_like(x)
    moved = made.features(x.roll(1, 1), y, context)
    torch.testing.assert_close(moved, made.features(x, y, context).roll(1, 1), rtol=1e-4, atol=1e-5)


def test_a_conv_adapter_of_a_causal_block_sees_no_future():
    block = science("graphs")[0].core.scales[0].down[0]
    made, x = shaken(hook("conv", block)), torch.randn(1, 9, 16)
    later = x.clone()
    later[:, 5:] += 1
    y = torch.zeros_like(x)
    torch.testing.assert_close(made.features(x, y, Context())[:, :5], made.features(later, y, Context())[:, :5])


def test_layerwise_rates_fall_from_the_head_to_the_embedding():
    model = science("pde")[0]
    order = depths(model)
    assert order["core.scales.0.up.0"] == 0
    assert order["core.scales.0.down.0"] == max(order.values())
    way = method("layerwise", decay=0.5)
    groups = way.parameter_groups(way.prepare(copy.deepcopy(model)), Recipe(core_rate=1.0))
    rates = {group["lr"] for group in groups if group["name"] == "core"}
    assert min(rates) == 0.5 ** max(order.values())


def test_regimes_need_to_know_the_sample():
    block = science("pde")[0].core.scales[0].down[0]
    made = method("regimes").hook(block)  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="the regimes adapter reads the instance of a forward pass, got none"):
        made.features(torch.zeros(1, 2, 2, 8), torch.zeros(1, 2, 2, 8), Context())


def test_kernels_are_blind_to_rotation_and_scale():
    features = torch.randn(9, 5, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q
    assert kernel_distance(features, 3 * features @ rotation).item() == pytest.approx(1e-4)
    assert kernel_distance(features, torch.randn(9, 5, dtype=torch.float64)).item() > 0.1
    student = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: kernel_distance(x, features), student)


def test_a_teacher_is_matched_without_being_there():
    model, batch = science("pde")
    teacher = torch.randn(len(batch), 6)
    with pytest.raises(ConfigError, match="aft reads 6 features of a teacher from every batch, got none"):
        method("aft", width=6).loss(copy.deepcopy(model), batch)
    way = method("aft", width=6, weight=5.0)
    student = way.prepare(copy.deepcopy(model))
    optimiser = torch.optim.AdamW(way.parameter_groups(student, Recipe(core_rate=1e-2)))
    found = []
    for _ in range(8):
        losses = way.loss(student, FeaturedBatch(batch, teacher))
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
        found.append(losses["kernels"].item())
    assert found[-1] < 0.8 * found[0]
    assert set(way.merge(student).state_dict()) == set(model.state_dict())


def test_a_sample_of_several_species_has_the_mean_of_their_tokens():
    x = torch.arange(24.0).view(4, 3, 2)
    found = mean_tokens(Tokens(x, torch.zeros(4, 1)), range(2))
    torch.testing.assert_close(found, torch.stack([x[:2].mean((0, 1)), x[2:].mean((0, 1))]))
    torch.testing.assert_close(mean_tokens(Tokens(x, torch.zeros(4, 1)), range(4)), x.mean(1))


def test_features_are_one_row_a_sample():
    data = Waves(5)
    rows = features_of(lambda batch: batch.fields.flatten(1)[:, :3], data, batch_size=2)
    featured = Featured(data, rows)
    assert torch.equal(featured.batch([3, 1]).features, rows[[3, 1]])
    assert featured.describe()["notes"] == {"features": [3]}
    with pytest.raises(ConfigError, match="a row of features for every sample, got 2 for 5"):
        Featured(data, rows[:2])
