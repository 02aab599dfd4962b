import numpy as np
import pytest
import torch

from humboldt.domains.pde import (
    Channel,
    conservation,
    divergence,
    model_forecaster,
    projected,
    totals,
    without_divergence,
)
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.problems import problem
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model, decay_trajectories

GAS = (Channel(name="density"), *VELOCITY, Channel(name="pressure"))


def test_a_gas_of_the_solver_keeps_mass_momentum_and_energy():
    path = torch.from_numpy(problem("ce-kh").solve(1, resolution=16, times=[0.0, 0.2])[0])
    found = totals(path, GAS)
    for name in ("mass", "momentum_x", "momentum_y", "energy"):
        torch.testing.assert_close(found[name][1], found[name][0], atol=1e-5, rtol=1e-5)
    assert found["energy"][0] == pytest.approx(2.5 / 0.4 + 0.5 * 1.5 * 0.25, rel=0.01)
    assert totals(path, (Channel(name="a"),) * 4) == {}


def test_a_velocity_of_the_solver_has_no_divergence_and_noise_has():
    flow = torch.from_numpy(problem("ns-gauss").solve(1, resolution=32, times=[0.0, 0.1])[0])
    assert divergence(flow).max() < 1e-4
    noise = torch.randn(2, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    assert divergence(noise).min() > 0.5


@pytest.mark.parametrize("axes", [2, 3])
def test_the_projection_takes_the_divergence_and_nothing_else(axes):
    noise = torch.randn(2, axes, *(8,) * axes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    once = without_divergence(noise)
    assert divergence(once).max() < 1e-6
    torch.testing.assert_close(without_divergence(once), once)
    torch.testing.assert_close(once.flatten(2).mean(2), noise.flatten(2).mean(2))
    gradient = noise - once
    assert (gradient * once).sum().abs() < 1e-9  # orthogonal: the nearest such velocity


def test_projected_forecasts_are_free_of_divergence():
    data = open_trajectories(decay_trajectories(), periodic=True)
    batch = data.batch([1])
    forecast = projected(model_forecaster(decay_model()), CHANNELS)
    (made,) = forecast(batch, [1.0])
    (plain,) = model_forecaster(decay_model())(batch, [1.0])
    assert divergence(plain.fields[:, :2]) > 0.1
    assert divergence(made.fields[:, :2]) < 1e-5
    torch.testing.assert_close(made.fields[:, 2], plain.fields[:, 2])
    with pytest.raises(ValueError, match="needs periodic axes, got periodic"):
        next(forecast(open_trajectories(decay_trajectories(), periodic=False).batch([1]), [1.0]))
    with pytest.raises(ValueError, match=r"needs the channels velocity_x, ..., got \['tracer'\]"):
        projected(forecast, CHANNELS[2:])


def test_the_report_shows_what_a_forecast_loses():
    """Velocities decay as exp(-t), so kinetic energy as exp(-2 t); a model that is 1.1 times as large keeps more."""
    data = open_trajectories(decay_trajectories(), periodic=True)
    found = conservation(model_forecaster(decay_model(1.1)), data, decay_config(), lead_steps=[2, 4])
    assert set(found) == {"momentum_x", "momentum_y", "energy", "divergence"}
    energy = found["energy"]
    assert energy.dims == ("forecast", "lead_step", "sample")
    np.testing.assert_allclose(energy.sel(forecast="truth", lead_step=2), np.exp(-2) - 1, rtol=1e-4)
    np.testing.assert_allclose(energy.sel(forecast="model", lead_step=4), 1.21 * np.exp(-4) - 1, rtol=1e-4)
