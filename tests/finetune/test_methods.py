"""What every method keeps to; a new one is tested by being registered."""

import copy

import pytest
import torch

from humboldt.finetune import METHODS, Recipe, method
from humboldt.foundations import ConfigError, TimeNorm
from tests.finetune.tiny import Waves, tiny_model

EVERY = pytest.mark.parametrize("name", sorted(METHODS))


def prepared(name, **options):
    torch.manual_seed(1)
    return method(name, **options).prepare(copy.deepcopy(tiny_model()).train())


def trained(name, steps=2, **options):
    way, model = method(name, **options), prepared(name, **options)
    optimiser = torch.optim.AdamW(way.parameter_groups(model, Recipe(core_rate=1e-2)))
    for _ in range(steps):
        optimiser.zero_grad()
        sum(way.loss(model, Waves().all()).values()).backward()
        optimiser.step()
    return way, model


def trainable(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def expected(name, model):
    """The rule of each method, said independently of its code."""
    names = {n for n, _ in model.named_parameters()}
    norms = {f"{m}.{p}" for m, x in model.named_modules() if isinstance(x, TimeNorm) for p, _ in x.named_parameters()}
    return {
        "full": names,
        "head": {n for n in names if n.split(".")[0] == "head"},
        "norms": norms | {n for n in names if n.split(".")[-1] in ("bias", "query_bias", "value_bias")},
        "lora": {n for n in names if "lora_A" in n or "lora_B" in n or n.split(".")[0] in ("embed", "head")},
    }[name]


@EVERY
def test_it_starts_where_the_model_was(name):
    batch = Waves().all()
    assert torch.equal(prepared(name)(batch).fields, tiny_model().train()(batch).fields)


@EVERY
def test_it_trains_exactly_what_it_says(name):
    model = prepared(name)
    assert trainable(model) == expected(name, model)


@EVERY
def test_what_is_frozen_stays_bitwise(name):
    before = prepared(name).state_dict()
    _, model = trained(name)
    free = trainable(model)
    for key, value in model.state_dict().items():
        assert key in free or torch.equal(value, before[key]), key


@EVERY
def test_all_that_is_trained_moves_within_two_steps(name):
    before = prepared(name).state_dict()
    _, model = trained(name)
    still = {k for k in trainable(model) if torch.equal(model.state_dict()[k], before[k])}
    assert not still


@EVERY
def test_every_trained_parameter_is_in_one_group(name):
    model = prepared(name)
    groups = method(name).parameter_groups(model, Recipe())
    members = [p for group in groups for p in group["params"]]
    assert len(members) == len(set(members))
    assert set(members) == {p for p in model.parameters() if p.requires_grad}


@EVERY
def test_merging_gives_plain_weights_that_compute_the_same(name):
    way, model = trained(name)
    batch = Waves().all()
    with torch.no_grad():
        before = model.eval()(batch).fields
        merged = way.merge(model)
        torch.testing.assert_close(merged(batch).fields, before, rtol=1e-5, atol=1e-6)
    assert merged.state_dict().keys() == tiny_model().state_dict().keys()
    assert trainable(merged) == {n for n, _ in merged.named_parameters()}


@EVERY
def test_its_state_goes_round(name):
    _, model = trained(name)
    other = prepared(name)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.eval()(Waves().all()).fields, model.eval()(Waves().all()).fields)


@EVERY
def test_its_description_makes_it_again(name):
    described = method(name).describe()
    assert method(**described) == method(name)


def test_an_unknown_method_and_an_unknown_option_name_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'lora'"):
        method("lore")
    with pytest.raises(ConfigError, match="no key 'rnk'; did you mean 'rank'"):
        method("lora", rnk=3)


def test_the_update_has_the_rank_that_was_asked_for():
    way, model = trained("lora", rank=2)
    key = "core.scales.0.down.0.feed_forward.expand.weight"
    change = way.merge(model).state_dict()[key] - tiny_model().state_dict()[key]
    assert torch.linalg.matrix_rank(change, tol=1e-6) == 2


def test_targets_choose_the_maps_and_whole_the_parts():
    model = prepared("lora", targets=r"qkv$", whole=())
    found = trainable(model)
    assert found
    assert all(".qkv.lora_" in name for name in found)
    with pytest.raises(ConfigError, match="targets must find a linear map of the core, got 'nothing'"):
        prepared("lora", targets="nothing")


def test_frozen_batch_norms_keep_their_statistics():
    model = method("head").prepare(tiny_model(skip_kind="resnet").train())
    before = copy.deepcopy(model.state_dict())
    model(Waves().all())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
