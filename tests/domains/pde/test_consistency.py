import pytest
import torch

from humboldt.domains.pde import FieldBatch, best_step, semigroup_error
from humboldt.domains.pde.data import open_trajectories
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model, decay_trajectories


def start():
    fields = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return FieldBatch(fields, torch.zeros(2), periodic=(True, True))


def test_an_exact_flow_composes_and_one_that_adds_a_tenth_each_time_does_not():
    assert semigroup_error(decay_model(), start(), 0.5, 1.0).max() < 1e-6
    found = semigroup_error(decay_model(1.1), start(), 0.5, 1.0)
    assert found.shape == (2, 2)
    torch.testing.assert_close(found, torch.full((2, 2), 0.1), atol=1e-5, rtol=0)


def test_what_is_not_predicted_is_carried_along():
    model = decay_model(config=decay_config(CHANNELS, VELOCITY))
    assert semigroup_error(model, start(), 0.5, 1.0).max() < 1e-6


def test_channels_that_the_data_lack_have_no_error():
    data = open_trajectories(decay_trajectories()[["velocity_x", "velocity_y"]], periodic=True)
    config = decay_config()
    found = semigroup_error(decay_model(1.1), data.arranged(config.inputs, config.outputs).batch([0]), 0.5, 1.0)
    torch.testing.assert_close(found, torch.tensor([[0.1, torch.nan]]), equal_nan=True, atol=1e-5, rtol=0)


@pytest.mark.parametrize("times", [(0.0, 1.0), (1.0, -1.0), (1.0, float("inf"))])
def test_lead_times_must_be_positive(times):
    with pytest.raises(ValueError, match="lead times are positive, got"):
        semigroup_error(decay_model(), start(), *times)


def test_the_step_with_the_least_error_is_chosen():
    """A factor of 1.1 at every application: the fewest applications are best."""
    data = open_trajectories(decay_trajectories(), periodic=True)
    chosen, errors = best_step(decay_model(1.1), data, lead_steps=[4], candidates=[0.5, 1.0, 2.0])
    assert chosen == 2.0
    assert errors[2.0] == pytest.approx(0.1, rel=1e-3)
    assert errors[1.0] == pytest.approx(0.21, rel=1e-3)
    chosen, _ = best_step(decay_model(1.1), data, lead_steps=[2, 4], candidates=[0.5, None])
    assert chosen is None
    with pytest.raises(ValueError, match="among candidates, got none"):
        best_step(decay_model(), data, lead_steps=[1], candidates=[])
