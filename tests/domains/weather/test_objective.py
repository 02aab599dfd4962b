"""Masked reconstruction and forecasting mixed; rollouts whose memory does not grow."""

import dataclasses

import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.weather import MaskedForecasts, make_climatology, open_weather, rollout_loss
from humboldt.domains.weather.objective import torn
from humboldt.finetune import method
from humboldt.finetune.adapted import hooks
from humboldt.foundations import ConfigError
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import CHANNELS, batch, model


def opened(frames=12, **choices):
    data = analyses(frames=frames, rows=8, columns=16)
    data = data.assign(t2m=data["msl"].assign_attrs(units="K"))
    data = data.assign(PHIS=(data["t2m"].isel(time=0, drop=True) * 0).assign_attrs(units="m2 s-2"))
    static = model().config.static
    return open_weather(data, channels=CHANNELS, static=static, climatology=make_climatology(data, 3), **choices)


def test_steps_lead_times_kinds_and_ratios_are_all_drawn():
    data = opened(input_steps=[6, 12], lead_times=[0, 6, 12])
    made = MaskedForecasts(data=data, config=model().config, ratios=(0.25, 0.5))
    assert len(made) == 11
    seen = set()
    for first in range(9):
        for second in range(9):
            batch = made.batch([first, second])
            hidden = batch.mask.hidden
            seen |= {("kind", hidden.dim()), ("count", hidden.dim(), hidden.shape[-1])}
            seen |= {("lead", h) for h in batch.lead_time.tolist()} | {("step", h) for h in batch.input_time.tolist()}
    assert seen == {
        *(("lead", h) for h in (0, 6, 12)), *(("step", h) for h in (6, 12)), ("kind", 2), ("kind", 3),
        ("count", 2, 1), ("count", 2, 2), ("count", 3, 2), ("count", 3, 4),
    }  # fmt: skip


def test_what_is_drawn_depends_on_the_indices_alone():
    made = MaskedForecasts(data=opened(), config=model().config)
    torch.manual_seed(1)
    one = made.batch([3, 5])
    torch.manual_seed(2)
    assert torch.equal(one.mask.hidden, made.batch([3, 5]).mask.hidden)
    assert torch.isfinite(model().loss(one))


def test_a_ratio_of_zero_is_a_dense_forecast_and_bad_ratios_are_refused():
    made = MaskedForecasts(data=opened(), config=model().config, ratios=(0.0,))
    assert made.batch([0]).mask is None
    with pytest.raises(ConfigError, match=r"ratios in \[0, 1\), got .*ratios=\(1.0,\)"):
        MaskedForecasts(data=opened(), config=model().config, ratios=(1.0,))


def kept(steps, gradient_steps):
    """Bytes of distinct tensors that the backward pass keeps."""
    made, series = model().train(), opened().series(0, steps)
    found = {}

    def pack(x):
        found[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        loss = rollout_loss(made, series, gradient_steps)
    loss.backward()
    assert torch.isfinite(made.head.unembed.weight.grad).all()
    return sum(found.values())


def test_a_rollout_in_longer_steps_is_told_how_far_its_states_are_apart():
    made, seen = model(), []
    made.embed.register_forward_pre_hook(lambda _, given: seen.append(given[0].input_time.item()))
    rollout_loss(made, opened(input_steps=[6], lead_times=[12]).series(0, 3))
    assert seen == [6, 12, 12]


def test_memory_does_not_depend_on_the_number_of_steps():
    one = kept(1, 1)
    assert kept(6, 1) < 1.05 * one
    assert kept(4, 4) < one  # only the states of checkpointed steps are kept


def test_the_loss_is_that_of_the_last_steps():
    made, series = model(), opened().series(2, 3)
    state, losses = series[0].fields, []
    for told in series:
        batch = type(told)(**{**vars(told), "fields": state})
        prediction = made(batch)
        losses.append(made.head.loss(prediction, batch))
        state = torch.cat([state[:, 1:], prediction.fields[:, None]], dim=1)
    torch.testing.assert_close(rollout_loss(made, series, 2), torch.stack(losses[1:]).mean())
    with pytest.raises(ValueError, match=r"a rollout of 3 steps has 1 to 3 gradient steps, got 4"):
        rollout_loss(made, series, 4)
    with pytest.raises(DataError, match=r"a rollout of 20 steps of 6 h from sample 2 has data for 8"):
        opened().series(2, 20)


@pytest.mark.parametrize("gradient_steps", [1, 2])
def test_every_step_is_told_to_the_updates_that_are_its_own(gradient_steps):
    """Also where a step is computed again in the backward pass."""
    made = method("rollout_lora", rank=2, steps=3).prepare(model(pairs=(1, 1)))
    rollout_loss(made, opened().series(2, 3), gradient_steps).backward()
    updates = [hook.b.grad for hook in hooks(made)]
    assert updates
    for grads in updates:
        assert [bool(grad.any()) for grad in grads] == [False] * (3 - gradient_steps) + [True] * gradient_steps


def test_what_is_hidden_does_not_reach_a_prediction_by_the_last_state():
    config = model(residual="temporal").config
    made = MaskedForecasts(data=opened(lead_times=[6]), config=config, kinds=("units",), ratios=(0.5,))
    batch = made.batch([0, 1])
    hidden = batch.mask.field(config.units((8, 16))).repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert hidden.any()
    assert not hidden.all()
    assert torch.equal(batch.fields.isnan(), hidden[:, None, None].expand_as(batch.fields))
    assert not batch.target.isnan().any()


def test_holes_are_rectangles_of_about_the_share_that_is_asked_for():
    fields = torch.ones(40, 2, 3, 30, 40)
    missing = torn(fields, 0.25, torch.Generator().manual_seed(0), most=1).isnan()
    assert torch.equal(missing, missing[:, :1, :1].expand_as(missing))  # alike at all times and in all channels
    shares = missing[:, 0, 0].float().mean((1, 2))
    assert (shares - 0.25).abs().max() < 0.03
    for hole in missing[:, 0, 0]:
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert int(hole.sum()) == len(rows) * len(columns)
    assert torch.equal(torn(fields, 0.25, torch.Generator().manual_seed(0), most=1).isnan(), missing)


def test_rollout_updates_are_trained_on_what_the_steps_before_them_make(monkeypatch):
    way = method("rollout_lora", rank=2, steps=3, shortest=2.0)
    made = way.prepare(model(residual="temporal", pairs=(1, 1)))
    given = batch()
    monkeypatch.setattr(torch, "randint", lambda *_: torch.tensor(3))
    loss = way.loss(made, given)["loss"]
    state = dataclasses.replace(given, lead_time=given.lead_time / 3)
    for step in range(2):
        with torch.no_grad(), made.context.at(rollout_step=step):
            onward = made.head.onward(made(state), state)
        assert onward is not None
        state = onward
    torch.testing.assert_close(loss, made.loss(state))
    assert state.time == (np.datetime64("2020-02-28T22:00:00"),) * 2
    loss.backward()
    assert [bool(b.any()) for b in next(hooks(made)).b.grad] == [False, False, True]
    still = dataclasses.replace(given, lead_time=torch.tensor([0.0, 6.0]))
    torch.testing.assert_close(way.loss(made, still)["loss"], made.loss(still))  # nothing lies on the way


def test_points_are_the_same_stations_throughout_a_batch_and_units_without_any_are_hidden():
    config = model(residual="temporal").config
    made = MaskedForecasts(data=opened(lead_times=[0]), config=config, kinds=("points",), ratios=(0.98,))
    batch = made.batch([0, 1])
    known = ~batch.fields.isnan()
    assert torch.equal(known, known[:1, :1, :1].expand_as(known))
    assert int(known[0, 0, 0].sum()) == round(0.02 * 8 * 16)
    assert not batch.target.isnan().any()
    units = known[0, 0, 0].view(2, 4, 2, 8).any(3).any(1).flatten()
    assert batch.mask.seen[0].tolist() == units.nonzero().flatten().tolist()
    other = made.batch([2, 3])
    assert not torch.equal(other.fields[0, 0, 0].isnan(), batch.fields[0, 0, 0].isnan())
    with pytest.raises(ConfigError, match=r"masks are those of a model, got none; add config=model.config"):
        MaskedForecasts(data=opened(), kinds=("points",)).batch([0])
