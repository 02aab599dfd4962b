"""From tokens to fields, and the loss."""

import pytest
import torch

from humboldt.domains.pde import Channel, FieldBatch, FieldPrediction, ForecastHead, PDEConfig, scot_core
from humboldt.foundations import Tokens

CHANNELS = (Channel(name="u", group="velocity"), Channel(name="v", group="velocity"), Channel(name="c", scored=False))


def head(**choices):
    core = scot_core(width=8, depths=(1,), heads=(2,), window=4, grid=4, skips=(0,))
    return ForecastHead(PDEConfig(inputs=CHANNELS, outputs=CHANNELS, core=core, patch=4, **choices))


def test_an_increment_of_nothing_is_the_state_in_physical_units():
    model = head(increment=True)
    model.mix.weight.data.zero_()
    model.normaliser.mean.fill_(100)
    model.normaliser.std.fill_(0.01)
    fields = 100 + 0.01 * torch.randn(2, 3, 16, 16)
    prediction = model(Tokens(torch.randn(2, 4, 4, 8)), FieldBatch(fields, torch.ones(2)))
    torch.testing.assert_close(prediction.fields, fields)


def test_known_places_are_copied_and_cost_nothing():
    model, target = head(), torch.randn(1, 3, 16, 16)
    known = torch.zeros(1, 3, 1, 1, dtype=torch.bool)
    known[:, 0] = True
    batch = FieldBatch(torch.randn(1, 3, 16, 16), torch.ones(1), target=target, known=known)
    prediction = model(Tokens(torch.randn(1, 4, 4, 8)), batch)
    assert torch.equal(prediction.fields[:, 0], target[:, 0])
    expected = (prediction.fields - target)[:, 1].abs().sum() / target[:, :2].abs().sum()
    torch.testing.assert_close(model.loss(prediction, batch), expected)


@pytest.mark.parametrize("order", [1, 2])
def test_a_plain_loss_is_the_mean_over_scored_channels(order):
    fields, target = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    batch = FieldBatch(torch.zeros(2, 3, 8, 8), torch.ones(2), target=target)
    found = head(loss="plain", loss_order=order).loss(FieldPrediction(fields), batch)
    torch.testing.assert_close(found, (fields - target)[:, :2].abs().pow(order).mean())


def test_a_sample_that_is_constant_at_its_mean_does_not_outweigh_the_others():
    model, target = head(loss_over="sample"), torch.randn(8, 3, 16, 16)
    model.normaliser.std.fill_(2.0)
    loud = model.loss(FieldPrediction(target + 0.1), FieldBatch(target, torch.ones(8), target=target))
    target[0] = 0.0
    loss = model.loss(FieldPrediction(target + 0.1), FieldBatch(target, torch.ones(8), target=target))
    assert loud < loss < loud + 1 / 8 + 1e-6  # an error of a twentieth of the deviation counts as the whole


def test_the_published_loss_over_a_batch_has_no_least_size():
    target = torch.full((2, 3, 8, 8), 1e-3)
    loss = head().loss(FieldPrediction(target + 1e-3), FieldBatch(target, torch.ones(2), target=target))
    torch.testing.assert_close(loss, torch.tensor(1.0))


def test_a_loss_needs_a_target():
    batch = FieldBatch(torch.zeros(1, 3, 8, 8), torch.ones(1))
    with pytest.raises(ValueError, match="a loss needs a target"):
        head().loss(FieldPrediction(torch.zeros(1, 3, 8, 8)), batch)
