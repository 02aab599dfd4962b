"""Another number of variables: which tensors change, and that nothing else does."""

import dataclasses
import logging
from typing import Any

import pytest
import torch

from humboldt.domains.pde import (
    Channel,
    FieldBatch,
    PDEConfig,
    build,
    inherit_channels,
    replace_channels,
    scot_core,
    select_channels,
)
from humboldt.foundations import ConfigError

EMBED = "embed.patches.projection.weight"
FRESH = {
    EMBED,
    "head.patches.projection.weight",
    "head.patches.projection.bias",
    "head.mix.weight",
}


def channels(*names):
    return tuple(Channel(name=name) for name in names)


@pytest.fixture
def model():
    core = scot_core(width=8, depths=(1, 1), heads=(2, 2), window=4, grid=4, skips=(1, 0))
    names = channels("density", "velocity_x", "pressure")
    model: Any = build(PDEConfig(inputs=names, outputs=names, core=core, patch=2))
    for part in (model.embed, model.head):
        part.normaliser.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
        part.normaliser.std.copy_(torch.tensor([4.0, 5.0, 6.0]))
    return model


def changed(old, new):
    before, after = old.state_dict(), new.state_dict()
    assert before.keys() == after.keys()
    return {k for k in before if not torch.equal(before[k], after[k]) and "normaliser" not in k}


def test_four_tensors_start_afresh_and_are_logged(model, caplog):
    with caplog.at_level(logging.WARNING):
        new = replace_channels(model, channels("u", "v"), channels("u", "v"))
    assert changed(model, new) == FRESH
    assert all(name in caplog.text for name in FRESH)
    assert new.core is not model.core


def test_fresh_values_follow_the_seed_and_the_default_of_convolutions(model):
    draws = [replace_channels(model, channels("u"), channels("u"), seed=s).state_dict() for s in (0, 0, 1)]
    bounds = {EMBED: (1 * 2 * 2) ** -0.5, "head.patches.projection.weight": (1 * 2 * 2) ** -0.5, "head.mix.weight": 0.2}
    for key, bound in bounds.items():
        assert torch.equal(draws[0][key], draws[1][key])
        assert not torch.equal(draws[0][key], draws[2][key])
        assert 0 < float(draws[0][key].abs().max()) <= bound


def test_more_inputs_alone_leave_the_recovery_alone(model):
    names = model.config.inputs
    new = replace_channels(model, (*names, Channel(name="forcing")), names)
    assert changed(model, new) == {EMBED}


def test_statistics_stay_with_the_name(model):
    new: Any = replace_channels(model, channels("pressure", "tracer"), channels("pressure", "tracer"))
    assert new.embed.normaliser.mean.tolist() == [3, 0]
    assert new.head.normaliser.std.tolist() == [6, 1]


def test_the_global_random_state_is_left_alone(model):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    replace_channels(model, channels("u"), channels("u"))
    assert torch.equal(torch.rand(1), expected)


def test_selected_channels_keep_their_slices(model):
    new: Any = select_channels(model, channels("pressure", "density"), channels("density"))
    assert changed(model, new) == FRESH
    old, own = model.state_dict(), new.state_dict()
    assert torch.equal(own[EMBED], old[EMBED][:, [2, 0]])
    assert torch.equal(own["head.patches.projection.weight"], old["head.patches.projection.weight"][:, :1])
    assert torch.equal(own["head.mix.weight"], old["head.mix.weight"][:1, :1])
    assert new.embed.normaliser.mean.tolist() == [3, 1]
    assert new(FieldBatch(fields=torch.randn(1, 2, 8, 8), lead_time=torch.ones(1))).fields.shape == (1, 1, 8, 8)


def test_all_channels_in_order_are_the_same_model(model):
    new = select_channels(model, model.config.inputs, model.config.outputs)
    assert changed(model, new) == set()


def test_an_unknown_channel_is_refused_with_the_nearest(model):
    with pytest.raises(ConfigError, match=r"not 'presure'; did you mean 'pressure'\?"):
        select_channels(model, channels("presure"), channels("density"))


def test_an_increment_needs_outputs_that_are_inputs(model):
    config = dataclasses.replace(model.config, increment=True)
    advancing = build(config)
    kept = replace_channels(advancing, channels("u", "v", "c"), channels("u", "v"))
    other = replace_channels(advancing, channels("permeability"), channels("pressure"))
    assert kept.config.increment
    assert not other.config.increment


@pytest.fixture
def general(model):
    names = channels("velocity_x", "scalar_1", "scalar_2")
    return replace_channels(model, names, names)


def test_unknown_variables_take_the_weights_of_free_scalars(general, caplog):
    wanted = channels("pressure", "velocity_x", "scalar_1", "gravity")
    with caplog.at_level(logging.WARNING):
        new: Any = inherit_channels(general, wanted, wanted)
    old = general.state_dict()
    taken = torch.tensor([2, 0, 1])  # scalar_2, velocity_x, scalar_1
    assert torch.equal(new.state_dict()[EMBED][:, :3], old[EMBED][:, taken])
    assert torch.equal(
        new.state_dict()["head.patches.projection.weight"][:, :3], old["head.patches.projection.weight"][:, taken]
    )
    assert torch.equal(new.state_dict()["head.patches.projection.bias"][:3], old["head.patches.projection.bias"][taken])
    assert torch.equal(new.state_dict()["head.mix.weight"][:3, :3], old["head.mix.weight"][taken][:, taken])
    assert changed(general.core, new.core) == set()
    assert new.embed.normaliser.mean.tolist() == [0, 2, 0, 0]  # of equal names only
    assert "'pressure': 'scalar_2'" in caplog.text
    assert "afresh: ['gravity']" in caplog.text


def test_under_another_name_a_free_scalar_predicts_the_same(general):
    start = FieldBatch(torch.randn(2, 1, 8, 8), torch.tensor([0.5, 1.0]))
    kept = select_channels(general, channels("scalar_1"), channels("scalar_1")).eval()
    new = inherit_channels(general, channels("temperature"), channels("temperature")).eval()
    for part in (new.embed, new.head):
        part.normaliser.load_state_dict(kept.embed.normaliser.state_dict())
    assert torch.equal(new(start).fields, kept(start).fields)
