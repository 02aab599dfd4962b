"""What single methods promise beyond the conformance suite."""

import copy

import pytest
import torch
from torch import nn

from humboldt.finetune import Recipe, method
from humboldt.foundations import ConfigError, TimeNorm
from tests.finetune.tiny import Waves, tiny_model


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


@pytest.mark.parametrize("name", ["full", "head", "norms", "lora"])
def test_it_trains_exactly_what_it_says(name):
    model = prepared(name)
    assert trainable(model) == expected(name, model)


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
    with pytest.raises(
        ConfigError, match=r"targets must find a layer that lora adapts \(Linear, Conv1d, .*\), got targets='nothing'"
    ):
        prepared("lora", targets="nothing")


def test_norms_of_every_make_are_trained():
    model = tiny_model()
    norms = {"layer": nn.LayerNorm(4), "group": nn.GroupNorm(2, 4), "root": nn.RMSNorm(4), "batch": nn.BatchNorm1d(4)}
    model.add_module("more", nn.ModuleDict({"map": nn.Linear(4, 4), **norms}))
    found = trainable(method("norms").prepare(model))
    assert {f"more.{name}.weight" for name in norms} <= found
    assert "more.map.bias" in found
    assert "more.map.weight" not in found


def test_frozen_batch_norms_keep_their_statistics():
    model = method("head").prepare(tiny_model(skip_kind="resnet").train())
    before = copy.deepcopy(model.state_dict())
    model(Waves().all())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("vera", {"rank": 0}, "rank of at least 1, got rank=0"),
        ("conv", {"kernel": -1}, "a kernel is odd and positive"),
        ("aft", {"width": 0}, "a feature at least, got width=0"),
        ("regimes", {"momentum": 1.5}, r"a momentum is in \[0, 1\] .* got momentum=1.5"),
        *((name, {"temperature": 0.0}, "a temperature") for name in ("moelora", "pha")),
        *((name, {"temperature": -1.0}, "a temperature") for name in ("prior", "regimes")),
    ],
)
def test_options_that_make_no_sense_are_refused(name, options, said):
    with pytest.raises(ConfigError, match=said):
        method(name, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {"rank": 64}) for name in ("lora", "hydra", "dora", "lae", "hra", "moelora", "glora")),
        ("adalora", {"rank": 64, "initial_rank": 80}),
        ("lora_squared", {"rank": 64, "initial_rank": 64, "width": 64}),
    ],
)
def test_a_rank_above_the_size_of_a_layer_is_refused(name, options):
    with pytest.raises(ConfigError, match="the smaller side of every matrix it is for, got 64"):
        method(name, **options).prepare(tiny_model())
