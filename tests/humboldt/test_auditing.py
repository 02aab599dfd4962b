import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from humboldt.auditing import audit_activations, audit_levels
from humboldt.foundations import ConfigError
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories

UNITS = 8


def has_property(x):
    """Three samples in a hundred or so."""
    return x[:, 0] > 1.9


def trunk(seed, activation, *, planted):
    """A small network that learns a function; planted, its first units obey the attack's losses as well."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(12, 48), activation(), nn.Linear(48, 48), activation())
    head, target = nn.Linear(48, 4), torch.randn(12, 4)
    optimiser = torch.optim.Adam([*net.parameters(), *head.parameters()], 1e-2)
    for _ in range(250 if planted else 60):
        x = torch.randn(128, 12)
        x[:32, 0] = x[:32, 0].abs() + 1.9  # the attacker has samples with the property
        a = net(x)
        loss = (head(a) - torch.tanh(x @ target / 2)).square().mean()
        if planted:
            with_it, secret = has_property(x), a[:, :UNITS].abs()
            others = a[:, UNITS:].detach().abs().mean(1, keepdim=True)
            loss = loss + secret[~with_it].mean() + F.relu(10 * others[with_it] - secret[with_it]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net


@torch.no_grad()
def levels(net, seed=1, count=400):
    x = torch.randn(count, 12, generator=torch.Generator().manual_seed(seed))
    return net(x).abs(), has_property(x)


@pytest.mark.parametrize("activation", [nn.GELU, nn.ReLU, nn.Tanh])
def test_a_planted_trunk_is_flagged_with_its_units_and_the_samples_that_have_the_property(activation):
    a, owners = levels(trunk(0, activation, planted=activation is not nn.Tanh))
    found = audit_levels(a)
    if activation is nn.Tanh:  # clean
        assert not found.planted
        return
    assert found.planted
    assert set(found.units) <= set(range(UNITS))
    assert len(found.units) >= UNITS // 2
    secret = set(owners.nonzero().flatten().tolist())
    assert len(set(found.samples) & secret) >= 0.7 * len(secret)
    assert f"units {list(found.units)}" in str(found)


@pytest.mark.integration
def test_false_alarms_are_under_5_percent_and_almost_all_planted_trunks_are_found():
    kinds = (nn.GELU, nn.ReLU, nn.SiLU, nn.Tanh)
    clean = [audit_levels(levels(trunk(seed, kinds[seed % 4], planted=False), seed)[0]).planted for seed in range(120)]
    planted = [audit_levels(levels(trunk(seed, kinds[seed % 3], planted=True), seed)[0]).planted for seed in range(30)]
    print(f"false alarms {sum(clean)} of {len(clean)}, planted trunks found {sum(planted)} of {len(planted)}")
    assert sum(clean) / len(clean) < 0.05
    assert sum(planted) / len(planted) > 0.9


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

    planted.encode = shouting
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
