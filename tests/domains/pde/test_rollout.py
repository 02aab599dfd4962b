"""An exact semigroup gives the same forecast directly and step by step."""

import math

import pytest
import torch

from humboldt.domains.pde import Channel, FieldBatch, FieldPrediction, model_forecaster, rollout
from humboldt.domains.pde.rollout import next_fields
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model


def start(channels: int = 3) -> FieldBatch:
    fields = torch.randn(2, channels, 16, 16, generator=torch.Generator().manual_seed(0))
    return FieldBatch(fields, torch.zeros(2), periodic=(True, True))


@pytest.mark.parametrize("step", [None, 0.5, 0.3, 10.0])
def test_every_rollout_of_an_exact_model_is_exact(step):
    times = [0.2, 0.5, 1.0, 1.7]
    made = list(rollout(decay_model(), start(), times, step))
    assert len(made) == len(times)
    for time, prediction in zip(times, made, strict=True):
        assert torch.allclose(prediction.fields, start().fields * math.exp(-time), atol=1e-6)


@pytest.mark.parametrize(("step", "applied"), [(None, [1, 1, 1]), (0.5, [1, 2, 3]), (0.4, [2, 3, 4])])
def test_errors_grow_with_the_number_of_steps(step, applied):
    """Each application multiplies by 1.1: lead times between steps cost one more."""
    made = rollout(decay_model(1.1), start(), [0.5, 1.0, 1.5], step)
    for prediction, time, count in zip(made, [0.5, 1.0, 1.5], applied, strict=True):
        assert torch.allclose(prediction.fields, start().fields * math.exp(-time) * 1.1**count, rtol=1e-5)


def test_inputs_that_are_not_predicted_keep_their_values():
    seen = []
    model = decay_model(config=decay_config(CHANNELS, VELOCITY))
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].fields))
    made = list(rollout(model, start(), [1.0, 2.0], step=1.0))
    assert made[0].fields.shape[1] == 2
    assert torch.equal(seen[1][:, 2], start().fields[:, 2])
    assert torch.equal(seen[1][:, :2], made[0].fields)


def test_missing_inputs_stay_missing():
    seen = []
    model = decay_model()
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].fields))
    batch = start()
    batch.fields[:, 1] = torch.nan
    list(rollout(model, batch, [2.0], step=1.0))
    assert seen[1][:, 1].isnan().all()
    assert not seen[1][:, [0, 2]].isnan().any()
    prediction = FieldPrediction(torch.ones_like(batch.fields))  # of a model that says something everywhere
    onward = next_fields(decay_config(), batch.fields, prediction)
    assert onward[:, 1].isnan().all()
    assert (onward[:, [0, 2]] == 1).all()


@pytest.mark.parametrize("times", [[], [-0.5], [1.0, 0.5], [1.0, 1.0], [math.nan], [1.0, math.nan], [math.inf]])
def test_lead_times_rise(times):
    with pytest.raises(ValueError, match="are 0 or more, finite and strictly rising"):
        list(rollout(decay_model(), start(), times))
    with pytest.raises(ValueError, match="are positive, finite and strictly rising"):
        list(rollout(decay_model(), start(), times, 0.5))


def test_a_state_itself_is_asked_for_at_once_and_by_no_step():
    (made,) = rollout(decay_model(1.1), start(), [0.0])
    assert torch.allclose(made.fields, 1.1 * start().fields)
    with pytest.raises(ValueError, match=r"got \[0.0, 1.0\]; sort them and drop 0"):
        list(rollout(decay_model(), start(), [0.0, 1.0], 0.5))


@pytest.mark.parametrize("step", [0.0, -1.0, math.nan])
def test_steps_are_positive(step):
    with pytest.raises(ValueError, match="steps of a positive length"):
        list(rollout(decay_model(), start(), [1.0], step))


def test_a_field_group_is_found_by_name():
    config = decay_config((Channel(name="forcing"), *VELOCITY), VELOCITY)
    made = list(rollout(decay_model(config=config), start(), [1.0, 2.0], step=1.0))
    assert torch.allclose(made[1].fields, start().fields[:, 1:] * math.exp(-2.0), atol=1e-6)


def test_between_two_predictions_gradients_are_as_the_caller_left_them():
    batch = FieldBatch(torch.randn(1, 3, 8, 8), torch.zeros(1), periodic=(True, True))
    made = model_forecaster(decay_model())(batch, [0.5, 1.0])
    assert not next(made).fields.requires_grad
    assert torch.is_grad_enabled()
