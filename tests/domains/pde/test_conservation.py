import numpy as np
import pytest
import torch
import xarray as xr

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
from tests.domains.pde.trajectory_files import pdegym

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


def test_a_box_of_other_sides_has_other_derivatives():
    """sin and cos of one period along x and two along y: free of divergence on the unit square alone."""
    x, y = torch.meshgrid(torch.arange(32) / 32, torch.arange(32) / 32, indexing="ij")
    stream = 2 * torch.pi * (x + 2 * y)
    flow = torch.stack([2 * stream.cos(), -stream.cos()])[None].double()
    assert divergence(flow) < 1e-5
    assert divergence(flow, (1.0, 1.0)) < 1e-5
    assert divergence(flow, (2.0, 1.0)) > 0.2
    assert divergence(without_divergence(flow, (2.0, 1.0)), (2.0, 1.0)) < 1e-6
    wide = flow[:, :, :, :16]  # half of a box whose points are as far apart: one period along y
    assert divergence(wide) < 1e-5
    assert divergence(wide, (1.0, 1.0)) > 0.3
    with pytest.raises(ValueError, match=r"a box of 2 axes has as many sides that are not 0, got \[1.0\]"):
        divergence(flow, (1.0,))


def test_an_axis_that_falls_has_its_slopes_along_its_coordinate():
    """A flow free of divergence, stored from north to south, had one of 1, and a projection left nothing of it."""
    place = np.arange(32) / 32
    x, y = 2 * np.pi * place[:, None], 2 * np.pi * place
    columns = {"velocity_x": np.sin(x) * np.cos(y), "velocity_y": -np.cos(x) * np.sin(y)}
    fields = {name: (("sample", "time", "x", "y"), np.tile(value, (3, 2, 1, 1))) for name, value in columns.items()}
    data = xr.Dataset(fields, {"x": place, "y": place}, {"periodic": ["x", "y"]}).isel(y=slice(None, None, -1))
    opened, config = open_trajectories(data), decay_config(VELOCITY, VELOCITY)
    assert opened.sides == (1.0, -1.0)
    still = model_forecaster(decay_model(config=config))
    found = conservation(still, opened, config, lead_steps=[1])
    assert (found["divergence"] < 1e-5).all()
    batch = opened.batch([0])
    (plain,), (kept,) = still(batch, [1.0]), projected(still, VELOCITY, opened.sides)(batch, [1.0])
    torch.testing.assert_close(kept.fields, plain.fields)


def test_energy_counts_gravity():
    path = torch.from_numpy(problem("gce-rt", refinement="1").solve(1, resolution=32, times=[0.0, 2.5, 5.0])[0])
    star = (*GAS, Channel(name="gravity"))
    whole, without = totals(path, star, gamma=2.0)["energy"], totals(path, GAS, gamma=2.0)["energy"]
    torch.testing.assert_close(whole, whole[:1].expand(3), rtol=1e-5, atol=0)
    assert (without - without[0]).abs().max() > 10 * (whole - whole[0]).abs().max()


def test_the_pressure_of_a_published_gas_is_whole(tmp_path):
    """Half of the energy is taken off on reading; a loss of a tenth of the pressure stays a loss of a tenth."""
    gas = np.ones((3, 2, 5, 8, 8), np.float32)
    gas[:, :, 1:3], gas[:, :, 3] = 0, 2.513
    gas[:, 1, 3] *= 0.9
    data = open_trajectories(pdegym(tmp_path / "CE-Gauss.nc", data=gas))
    config = decay_config(data.channels, data.channels)
    found = conservation(model_forecaster(decay_model(config=config)), data, config, lead_steps=[1])
    np.testing.assert_allclose(found["energy"].sel(forecast="truth"), -0.1, rtol=1e-4)


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


def test_land_does_not_count():
    """With NaN on land the means are those of the sea, and there is no Fourier series."""
    trajectories, land = decay_trajectories(), np.zeros((16, 16), bool)
    data = open_trajectories(trajectories, periodic=True)
    land[: data.grid[0] // 3] = True
    masked = trajectories.where(xr.DataArray(~land[: data.grid[0], : data.grid[1]], dims=data.space))
    sea = open_trajectories(masked, periodic=True, missing="mask")
    found = conservation(model_forecaster(decay_model(1.1)), sea, decay_config(), lead_steps=[2, 4], batch_size=1)
    assert set(found) == {"momentum_x", "momentum_y", "energy"}
    energy = found["energy"]
    assert energy.sizes == {"forecast": 2, "lead_step": 2, "sample": data.trajectories}
    np.testing.assert_allclose(energy.sel(forecast="truth", lead_step=2), np.exp(-2) - 1, rtol=1e-4)
    np.testing.assert_allclose(energy.sel(forecast="model", lead_step=4), 1.21 * np.exp(-4) - 1, rtol=1e-4)


def test_what_is_missing_later_does_not_count_before_either():
    """A part of the square that dries: its share of the first state is left out of the comparison."""
    trajectories = decay_trajectories()
    wet = xr.DataArray(np.arange(16) > 4, dims="x") | (trajectories["time"] < 1)
    data = open_trajectories(trajectories.where(wet), periodic=True, missing="mask")
    found = conservation(model_forecaster(decay_model()), data, decay_config(), lead_steps=[2])
    np.testing.assert_allclose(found["energy"], np.exp(-2) - 1, rtol=1e-4)


def test_between_walls_there_is_no_divergence_by_fourier_series():
    data = open_trajectories(decay_trajectories(), periodic=["x"])
    found = conservation(model_forecaster(decay_model()), data, decay_config(), lead_steps=[2])
    assert "energy" in found
    assert "divergence" not in found


def test_channels_of_which_nothing_is_kept_are_refused():
    data = open_trajectories(decay_trajectories().rename(velocity_x="u", velocity_y="v"))
    config = decay_config(data.channels, data.channels)
    with pytest.raises(
        ValueError, match=r"is known of density, velocity_x, .*got \['u', 'v', 'tracer'\]; open the data"
    ):
        conservation(model_forecaster(decay_model(config=config)), data, config, lead_steps=[2])
