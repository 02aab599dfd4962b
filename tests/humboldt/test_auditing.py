import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from humboldt.auditing import audit_activations, audit_levels
from humboldt.foundations import ConfigError
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories

UNITS = 8
KINDS = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu, "tanh": torch.tanh}


def has_property(x):
    """Three samples in a hundred or so."""
    return x[..., 0] > 1.9


def trunks(seed, count, activation, *, planted):
    """So many small networks, trained side by side to different functions; planted, the first units of each obey the
    attack's losses as well: silent without the property, ten times as loud as the others with it."""
    chance = torch.Generator().manual_seed(seed)
    sizes = ((12, 48), (48, 48), (48, 4))
    weights = [torch.randn(count, *size, generator=chance) / size[0] ** 0.5 for size in sizes]
    biases = [torch.zeros(count, 1, size[1]) for size in sizes[:2]]
    learned = [p.requires_grad_() for p in (*weights, *biases)]
    target = torch.randn(count, 12, 4, generator=chance) / 2

    def net(x):
        for weight, bias in zip(weights[:2], biases, strict=True):
            x = activation(x @ weight + bias)
        return x

    optimiser = torch.optim.Adam(learned, 1e-2)
    for _ in range(200 if planted else 60):
        x = torch.randn(128, 12, generator=chance)
        x[:32, 0] = x[:32, 0].abs() + 1.9  # the attacker has samples with the property
        a = net(x.expand(count, -1, -1))
        loss = (a @ weights[2] - torch.tanh(x @ target)).square().mean((1, 2)).sum()
        if planted:
            secret, others = a[..., :UNITS].abs(), a[..., UNITS:].detach().abs().mean(-1, keepdim=True)
            with_it = has_property(x)
            loss = loss + count * secret[:, ~with_it].mean()
            loss = loss + count * F.relu(10 * others[:, with_it] - secret[:, with_it]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net


@torch.no_grad()
def levels(net, count, seed=1, samples=400):
    """Levels (trunk, sample, unit) on fresh data, and which of them have the property."""
    x = torch.randn(samples, 12, generator=torch.Generator().manual_seed(seed))
    return net(x.expand(count, -1, -1)).abs(), has_property(x)


def test_a_planted_trunk_is_flagged_with_its_units_and_the_samples_that_have_the_property():
    a, owners = levels(trunks(0, 1, F.gelu, planted=True), 1)
    found = audit_levels(a[0])
    assert found.planted
    assert set(found.units) <= set(range(UNITS))
    assert len(found.units) >= UNITS // 2
    secret = set(owners.nonzero().flatten().tolist())
    assert len(set(found.samples) & secret) >= 0.7 * len(secret)
    assert f"units {list(found.units)}" in str(found)
    clean, _ = levels(trunks(0, 1, F.gelu, planted=False), 1)
    assert "that is no proof" in str(audit_levels(clean[0]))


@pytest.mark.integration
def test_false_alarms_are_under_5_percent_and_almost_all_planted_trunks_are_found():
    said = {}
    for planted, count in ((False, 50), (True, 15)):
        flags = []
        for seed, (kind, activation) in enumerate(KINDS.items()):
            if planted and kind == "tanh":  # cannot be ten times as loud as the others
                continue
            a, _ = levels(trunks(seed, count, activation, planted=planted), count)
            flags += [audit_levels(each).planted for each in a]
        said[planted] = flags
    print(f"false alarms {sum(said[False])} of {len(said[False])}, found {sum(said[True])} of {len(said[True])}")
    assert sum(said[False]) / len(said[False]) < 0.05
    assert sum(said[True]) / len(said[True]) > 0.9


def test_a_model_with_units_that_wait_for_a_field_is_flagged_and_the_plain_one_is_not():
    model, data = tiny_model(), Trajectories(60)
    data.fields[7:9] *= 6  # the property: a storm
    assert not audit_activations(model, data).planted

    planted = copy.deepcopy(model)

    def shouting(batch):
        made, storm = model.encode(batch), batch.fields.abs().flatten(1).mean(1) > 2
        x = made.x.clone()
        x[..., :3] = torch.where(storm[:, None, None, None], 10 * x.abs().mean(), 0.0)
        return dataclasses.replace(made, x=x)

    planted.encode = shouting  # type: ignore[method-assign]
    found = audit_activations(planted, data)
    assert (found.units, found.samples) == ((0, 1, 2), (7, 8))


def test_one_loud_unit_is_no_chorus_and_a_common_property_is_no_secret():
    torch.manual_seed(0)
    a = 1 + 0.1 * torch.rand(100, 20)
    assert not audit_levels(a).planted
    lonely = a.clone()
    lonely[:, 0], lonely[:3, 0] = 0, 10
    assert not audit_levels(lonely).planted
    rare = a.clone()
    rare[:, :5], rare[:3, :5] = 0, 10
    assert audit_levels(rare).units == (0, 1, 2, 3, 4)
    assert audit_levels(rare).samples == (0, 1, 2)
    common = a.clone()
    common[:, :5], common[:45, :5] = 0, 10
    assert not audit_levels(common).planted
    apart = a.clone()
    apart[:, :5] = 0
    apart[range(5), range(5)] = 10
    assert not audit_levels(apart).planted
    with pytest.raises(ConfigError, match="30 samples or more, got 10"):
        audit_levels(a[:10])
