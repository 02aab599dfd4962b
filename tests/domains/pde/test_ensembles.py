import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.domains.pde import crps, ensemble_forecaster, ensemble_scores
from humboldt.domains.pde.data import open_trajectories
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model, decay_trajectories


def test_the_score_is_that_of_its_definition():
    members, target = torch.randn(5, 3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    pairs = (members[:, None] - members[None]).abs().sum((0, 1)) / (5 * 4)
    torch.testing.assert_close(crps(members, target), (members - target).abs().mean(0) - pairs / 2)
    torch.testing.assert_close(crps(members[:1], target), (members[0] - target).abs())


def test_the_true_distribution_scores_best_whatever_the_number_of_members():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(20000, generator=generator, dtype=torch.float64)
    draws = torch.randn(8, 20000, generator=generator, dtype=torch.float64)
    scores = {scale: float(crps(scale * draws, target).mean()) for scale in (0.5, 1.0, 2.0)}
    assert scores[1.0] < min(scores[0.5], scores[2.0])
    assert scores[1.0] == pytest.approx(1 / np.sqrt(np.pi), rel=0.02)  # of a standard normal about itself
    assert float(crps(draws[:2], target).mean()) == pytest.approx(scores[1.0], rel=0.03)


def test_a_mean_of_models_that_err_to_both_sides_is_exact():
    models = [decay_model(0.8), decay_model(1.2)]
    data = open_trajectories(decay_trajectories(), periodic=True)
    batch = data.frames(0, ahead=(2,)).batch([0, 1])
    (made,) = ensemble_forecaster(models)(batch, [1.0])
    torch.testing.assert_close(made.fields, batch.target)
    found = ensemble_scores(models, data, lead_steps=[1, 2])
    assert found["crps"].dims == ("lead_step", "sample", "group")
    assert float(found["error"].max()) < 1e-6
    size = np.abs(np.asarray(data.frames(0, ahead=(2,)).batch([1]).target[:, :2])).mean()
    assert float(found["member"].sel(lead_step=2, group="velocity")[1]) == pytest.approx(0.2 * size, rel=1e-4)
    assert float(found["crps"].max()) < 1e-6  # fair: |X - y| is half of |X - X'| here
    assert float(found["spread"].min()) > float(found["rmse"].max())


def test_the_spread_is_that_of_the_truth_among_its_members():
    """Variance of the members times (m + 1) / m: the squared error of their mean where the truth is one of them."""
    data = open_trajectories(decay_trajectories(), periodic=True)
    found = ensemble_scores([decay_model(0.8), decay_model(1.2)], data, lead_steps=[2])
    target = np.asarray(data.frames(0, ahead=(2,)).batch([0]).target, float)[0, 2]
    variance = 2 * (0.2 * target) ** 2  # of two members, over one degree of freedom
    assert float(found["spread"].sel(group="tracer")[0, 0]) == pytest.approx(np.sqrt(1.5 * variance.mean()), rel=1e-4)


def test_land_does_not_count():
    sea = xr.DataArray(np.arange(16) > 4, dims="x")
    trajectories = decay_trajectories()
    models = [decay_model(0.8), decay_model(1.3)]
    masked = open_trajectories(trajectories.where(sea), periodic=True, missing="mask")
    alone = open_trajectories(trajectories.isel(x=sea.values), periodic=False)
    found, expected = (ensemble_scores(models, data, lead_steps=[1, 2]) for data in (masked, alone))
    xr.testing.assert_allclose(found, expected, rtol=1e-4)


def test_models_of_an_ensemble_predict_the_same():
    other = decay_model(config=decay_config(CHANNELS, VELOCITY))
    with pytest.raises(ValueError, match="one or more models of the same outputs, got"):
        ensemble_forecaster([decay_model(), other])
    with pytest.raises(ValueError, match=r"one or more models of the same outputs, got \[\]"):
        ensemble_forecaster([])
