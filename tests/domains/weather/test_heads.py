"""From tokens to states: what is corrected, what masked places know, the loss."""

import dataclasses

import numpy as np
import pytest
import torch

from humboldt.domains.weather import given_mask, random_mask, squared_error
from humboldt.foundations import ConfigError
from tests.domains.weather.models import batch, model


def silent(**choices):
    """A model whose network says nothing."""
    made = model(**choices)
    with torch.no_grad():
        made.head.unembed.weight.zero_(), made.head.unembed.bias.zero_()
    return made


def test_what_is_corrected():
    given = dataclasses.replace(batch(samples=3), lead_time=torch.tensor([0.0, 6.0, -3.0]))
    assert torch.equal(silent(residual="climate")(given).fields, given.climate)
    temporal = silent(residual="temporal")(given).fields
    assert torch.equal(temporal, torch.stack([given.fields[0, 0], given.fields[1, 1], given.fields[2, 0]]))
    mean = silent(residual="none")
    assert torch.equal(mean(given).fields[1, 2], mean.head.normaliser.mean[2].expand(8, 16))


def test_a_missing_base_is_made_of_what_is_around_it_or_else_the_mean():
    given = batch()
    given.climate[0, 1, 2, 3] = torch.nan
    given.climate[0, 0] = torch.nan
    made = silent()
    fields, around = made(given).fields, given.climate[0, 1, 2:4, 2:4]
    assert around[around.isfinite()].min() <= fields[0, 1, 2, 3] <= around[around.isfinite()].max()
    torch.testing.assert_close(fields[0, 0], made.head.normaliser.mean[0].expand_as(fields[0, 0]))


def test_hidden_places_do_not_reach_the_prediction():
    made, given = model(), batch()
    hidden = torch.zeros(2, 2, dtype=torch.bool)
    hidden[0, 1] = True
    mask = given_mask("units", hidden, 2, made.config.units((8, 16)))
    other = given.fields.clone()
    other[..., :4, 8:] += 5  # the points of the hidden unit
    masked = [made(dataclasses.replace(given, fields=f, mask=mask)).fields for f in (given.fields, other)]
    assert torch.equal(*masked)
    assert not torch.allclose(made(given).fields, made(dataclasses.replace(given, fields=other)).fields)


def test_the_natural_order_is_deterministic_and_a_shuffled_one_is_another_result():
    made, given = model(), batch()
    assert torch.equal(made(given).fields, made(given).fields)
    shuffled = random_mask("slots", 0.0, 2, made.config.units((8, 16)), shuffled=True)
    assert not torch.allclose(made(given.masked(shuffled)).fields, made(given).fields)
    natural = shuffled.in_natural_order()
    torch.testing.assert_close(made(given.masked(natural)).fields, made(given).fields)


@pytest.mark.parametrize("shape", [(8, 16), (6, 14), (9, 17), (12, 24), (3, 5)])
def test_any_grid_is_taken_and_returned(shape):
    made, given = model(), batch(*shape)
    prediction = made(given)
    assert prediction.fields.shape == (2, 3, *shape)
    assert torch.isfinite(prediction.fields).all()
    assert prediction.grid == given.grid
    assert prediction.time == (np.datetime64("2020-02-29T00:00:00"),) * 2


def test_a_stack_that_ends_shifted_stays_so_only_where_it_is_asked_for():
    given = batch()
    settled, left = (model(pairs=(2, 1), ends_shifted=flag) for flag in (False, True))
    assert not torch.allclose(settled(given).fields, left(given).fields)
    even = [model(pairs=(2, 2), ends_shifted=flag)(given).fields for flag in (False, True)]
    assert torch.equal(*even)


def test_the_loss_weighs_rows_and_channels_and_leaves_out_what_is_missing():
    made, given = model(), batch()
    given.target[0, 0, 1] = torch.nan
    prediction = made(given)
    rows = np.cos(np.deg2rad(given.grid.latitude))
    error = (prediction.fields - given.target).detach().numpy() / made.head.normaliser.std.numpy()[:, None, None]
    wanted = np.nanmean(rows[:, None] * error**2)
    assert made.head.loss(prediction, given).item() == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match=r"a loss needs a target"):
        made.head.loss(prediction, dataclasses.replace(given, target=None))


def test_the_squared_error_of_nothing_is_zero():
    nothing = torch.full((1, 1, 2, 2), torch.nan)
    assert squared_error(torch.zeros(1, 1, 2, 2), nothing).item() == 0


def remembering(**changes):
    made = silent(residual="temporal", memory=36.0, **changes)
    return made, dataclasses.replace(batch(samples=3), lead_time=torch.tensor([0.0, 6.0, 1e6]))


def test_deviations_grow_with_the_lead_time_as_those_of_a_red_noise():
    made, given = remembering()
    longest = made.head.normaliser.std
    grown = made.head.deviation(given)
    wanted = torch.stack([0 * longest, longest * (1 - np.exp(-6 / 36)) ** 0.5, longest])
    torch.testing.assert_close(grown, wanted[:, :, None, None].expand_as(grown))


def test_where_the_last_state_is_missing_the_deviation_is_the_longest():
    made, given = remembering()
    given.fields[0, :, 1, 2, 3] = torch.nan
    assert made.head.deviation(given)[0, 1, 2, 3] == made.head.normaliser.std[1]
    assert made.head.deviation(given)[0, 1, 2, 4] == 0


def test_errors_are_measured_in_deviations_and_what_is_given_is_not_scored():
    made, given = remembering()
    made.head.unembed.bias.data.fill_(2.0)
    base = made.head.base(given)
    rows = torch.as_tensor(given.grid.cosine_weights()).float()
    loss = made.head.loss(made(given), dataclasses.replace(given, target=base))
    torch.testing.assert_close(loss, 4 * rows.mean())
    gradient = torch.autograd.grad(loss, made.head.unembed.bias)[0]
    assert torch.isfinite(gradient).all()


def test_a_memory_goes_with_the_last_state():
    with pytest.raises(ConfigError, match=r"memory is a positive number of hours .*got 36.0 with 'climate'"):
        model(residual="climate", memory=36.0)


def test_a_step_on_the_way_is_told_its_own_calendar_and_keeps_the_target():
    made, given = model(residual="temporal"), batch()
    half = dataclasses.replace(given, lead_time=given.lead_time / 2)
    prediction = made(half)
    onward = made.head.onward(prediction, half)
    assert onward is not None
    assert torch.equal(onward.fields, torch.stack([given.fields[:, 1], prediction.fields], dim=1))
    assert torch.equal(onward.target, given.target)
    assert onward.input_time.tolist() == onward.lead_time.tolist() == [3, 3]
    assert onward.time == (np.datetime64("2020-02-28T21:00:00"),) * 2
    later = dataclasses.replace(onward, lead_time=torch.tensor([6.0, 6.0]))  # over midnight, into the leap day
    after = made.head.onward(made(later), later)
    assert after.static[0, 2, 0, 0].item() == pytest.approx(np.cos(2 * np.pi * 60 / 366))
    assert torch.equal(after.static[:, 3], given.static[:, 3])  # a field of the data stays what it is
    with pytest.raises(ConfigError, match=r"needs the climatology of its own time, got a model that corrects a climat"):
        model().head.onward(model()(given), given)
