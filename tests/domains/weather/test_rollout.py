"""Forecasts over many steps."""

import dataclasses

import pytest
import torch

from humboldt.domains.weather import random_mask, rollout
from tests.domains.weather.models import batch, model


@torch.no_grad()
def test_each_prediction_is_the_newest_state_of_the_next_step():
    made, given = model(), batch()
    climates = [given.climate + k for k in range(3)]
    found = list(rollout(made, given, 3, lambda k, b: dataclasses.replace(b, climate=climates[k])))
    state = given
    for k in range(3):
        state = dataclasses.replace(state, climate=climates[k], time=given.time)
        out = made(state).fields
        torch.testing.assert_close(found[k].fields, out)
        state = state.step(out)
    assert [str(p.time[0]) for p in found] == ["2020-02-29T00:00:00", "2020-02-29T06:00:00", "2020-02-29T12:00:00"]


@torch.no_grad()
def test_only_the_first_step_is_masked():
    made, given = model(), batch()
    mask = random_mask("units", 0.5, 2, made.config.units((8, 16)))
    masks = []
    made.embed.register_forward_pre_hook(lambda part, args: masks.append(args[0].mask))
    list(rollout(made, given.masked(mask), 2))
    assert masks[0] is mask
    assert masks[1] is None


def test_a_rollout_is_lazy_and_has_steps():
    forecasts = rollout(model(), batch(), 10**9)
    assert next(forecasts).fields.shape == (2, 3, 8, 16)
    with pytest.raises(ValueError, match=r"at least one step, got 0"):
        next(rollout(model(), batch(), 0))
