"""xarray in, xarray out."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.domains.pde import Channel, super_resolution
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.forecast import state_pieces
from humboldt.forecasting import predict
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model, decay_trajectories


def test_labels_units_and_values_are_kept():
    state = decay_trajectories().isel(time=1)
    forecast = predict(decay_model(), state, [0.25, 1.0, 2.5])
    assert forecast["tracer"].dims == ("sample", "lead_time", "x", "y")
    assert forecast["tracer"].attrs == {"units": "1", "long_name": "a tracer"}
    assert forecast.attrs["title"] == "decay"
    assert forecast["lead_time"].attrs["standard_name"] == "forecast_period"
    assert forecast["valid_time"].values.tolist() == [0.75, 1.5, 3.0]
    xr.testing.assert_equal(forecast["x"], state["x"])
    for time in (0.25, 1.0, 2.5):
        expected = state["velocity_y"].values * np.exp(-time)
        assert np.allclose(forecast["velocity_y"].sel(lead_time=time), expected, atol=1e-6)


def test_lead_times_are_any_numbers_and_no_spans_of_time():
    state, model = decay_trajectories().isel(time=1), decay_model()
    made = predict(model, state, (t for t in (0.25, 1)))
    assert made["lead_time"].values.tolist() == [0.25, 1.0]
    spans: list[Any] = [np.timedelta64(360, "m"), pd.Timedelta("6h")]
    for span in spans:
        with pytest.raises(TypeError, match=r"numbers in the model's time units .*, got .*6.*; divide spans of time"):
            predict(model, state, (t for t in (span,)))


def test_one_frame_many_frames_and_small_batches_agree():
    states = decay_trajectories()
    everything = predict(decay_model(), states, [0.5, 1.0], batch_size=4)
    assert everything["tracer"].dims == ("sample", "time", "lead_time", "x", "y")
    single = predict(decay_model(), states.isel(sample=2, time=3), [0.5, 1.0])
    assert single["tracer"].dims == ("lead_time", "x", "y")
    assert np.allclose(single["tracer"], everything["tracer"].isel(sample=2, time=3), atol=1e-6)


def test_autoregressive_forecasts_go_in_steps():
    state = decay_trajectories().isel(time=0)
    forecast = predict(decay_model(1.1), state, [0.5, 1.0, 1.5], "autoregressive")
    ratio = forecast["tracer"].mean(("x", "y")).isel(sample=0) / state["tracer"].mean(("x", "y")).isel(sample=0)
    assert ratio.values == pytest.approx([1.1**n * np.exp(-0.5 * n) for n in (1, 2, 3)], rel=1e-4)


def test_a_forecast_survives_netcdf(tmp_path):
    config = dataclasses.replace(decay_config(), time_units="h")
    state = decay_trajectories().isel(time=0).assign_coords(time=np.datetime64("2020-01-01T00:00", "ns"))
    forecast = predict(decay_model(config=config), state, [1.0, 1.5])
    valid = forecast["valid_time"].values
    assert valid.tolist() == [np.datetime64(t, "ns").astype(int) for t in ("2020-01-01T01:00", "2020-01-01T01:30")]
    forecast.to_netcdf(tmp_path / "forecast.nc")
    with xr.open_dataset(tmp_path / "forecast.nc", decode_timedelta=False) as saved:
        xr.testing.assert_allclose(saved.load(), forecast)
        assert saved["lead_time"].attrs["units"] == "h"


def test_components_of_a_variable_are_the_channels_that_they_are_in_training():
    """velocity(component, x, y), as solvers write it, forecasts as velocity_x and velocity_y do."""
    state = decay_trajectories().isel(time=0)
    vector = xr.concat([state["velocity_x"], state["velocity_y"]], "component").rename("velocity")
    together = xr.Dataset({"velocity": vector, "tracer": state["tracer"]}, attrs=state.attrs)
    forecast = predict(decay_model(), together, [0.5, 1.0])
    apart = predict(decay_model(), state, [0.5, 1.0])
    for name in ("velocity_x", "velocity_y", "tracer"):
        assert np.array_equal(forecast[name].values, apart[name].values)
    alone = decay_config(CHANNELS[:2], CHANNELS[:2])
    assert set(predict(decay_model(config=alone), vector, 0.5)) == {"velocity_x", "velocity_y"}


def test_data_arrays_hold_one_channel_or_several():
    config = decay_config(CHANNELS[2:], CHANNELS[2:])
    state = decay_trajectories().isel(time=0)
    one = predict(decay_model(config=config), state["tracer"], 1.0)
    stacked = state.to_dataarray("channel").assign_attrs(periodic="x y")
    several = predict(decay_model(), stacked, 1.0)
    xr.testing.assert_allclose(one["tracer"].drop_attrs(), several["tracer"].drop_attrs())


def test_periodic_axes_are_what_the_state_or_the_caller_says():
    seen = []
    model = decay_model()
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].periodic))
    state = decay_trajectories().isel(time=0, sample=0)
    predict(model, state, 1.0)
    predict(model, state.assign_attrs(periodic="y"), 1.0)
    predict(model, state.drop_attrs(deep=False), 1.0)
    predict(model, state, 1.0, periodic=(True, False))
    assert seen == [(True, True), (False, True), (False, False), (True, False)]


def test_absent_channels_enter_as_missing_and_are_not_returned():
    seen = []
    model = decay_model(
        config=decay_config((*CHANNELS, Channel(name="pressure")), (*CHANNELS, Channel(name="pressure")))
    )
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].fields))
    forecast = predict(model, decay_trajectories().isel(time=0), 1.0, absent=["pressure"])
    assert list(forecast) == [c.name for c in CHANNELS]
    assert torch.isnan(seen[0][:, 3]).all()


def test_inputs_that_are_not_predicted_are_only_read():
    model = decay_model(config=decay_config(CHANNELS, VELOCITY))
    assert list(predict(model, decay_trajectories().isel(time=0), 1.0)) == ["velocity_x", "velocity_y"]


def test_places_outside_of_the_domain_enter_as_missing_and_stay_so():
    seen = []
    model = decay_model(config=decay_config(CHANNELS, VELOCITY))
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].fields))
    state = decay_trajectories().isel(time=0)
    island = state.where((state.x > 0.3) | (state.y > 0.3))
    forecast = predict(model, island, [0.5, 1.0], "autoregressive", missing="mask")
    whole = predict(model, state, [0.5, 1.0], "autoregressive")
    for name in ("velocity_x", "velocity_y"):
        xr.testing.assert_allclose(
            forecast[name].drop_attrs(),
            whole[name].where((state.x > 0.3) | (state.y > 0.3)).transpose(*forecast[name].dims).drop_attrs(),
        )
    assert all(fields[:, :, :5, :5].isnan().all() for fields in seen[:2])
    sought = decay_model(config=decay_config(VELOCITY, VELOCITY))
    partly = state.assign(velocity_x=island.velocity_x)
    found = predict(sought, partly, 1.0, missing="mask")
    assert int(found["velocity_x"].isnull().sum()) == 3 * 25
    assert int(found["velocity_y"].isnull().sum()) == 0
    with pytest.raises(ValueError, match=r"'velocity_x' has 96 NaN or infinite values; fill them$"):
        predict(model, state.where(state.x > 0.1, np.inf), 1.0, missing="mask")
    with pytest.raises(ValueError, match="missing values are an 'error' or a 'mask', got 'ignore'; choose one"):
        predict(model, state, 1.0, missing="ignore")


def test_a_parameter_or_a_mask_may_lack_dims_of_the_state():
    seen = []
    model = decay_model(config=decay_config(CHANNELS, VELOCITY))
    model.embed.register_forward_pre_hook(lambda module, args: seen.append(args[0].fields))
    state = decay_trajectories()
    parameter = xr.DataArray(np.arange(3.0), dims="sample", attrs={"units": "1"})
    mask = xr.DataArray(np.ones((16, 16)), dims=("y", "x"))
    for given in (parameter, mask):
        predict(model, state.assign(tracer=given), 1.0)
    assert seen[0][:, 2].flatten(1).unique(dim=1).flatten().tolist() == [0.0] * 5 + [1.0] * 5 + [2.0] * 5
    assert (seen[1][:, 2] == 1).all()
    pieces = state_pieces(model, state.assign(tracer=parameter), [1.0], "sample", batch_size=2)
    whole = predict(model, state.assign(tracer=parameter), 1.0)
    assert list(pieces.starts) == [0, 2]
    xr.testing.assert_allclose(pieces.make(2, 3), whole.isel(sample=slice(2, 3)))
    with pytest.raises(ValueError, match=r"one of \['sample', 'time'\], got 'x'; name it with along"):
        state_pieces(model, state.assign(tracer=parameter), [1.0], "x")


def test_pieces_are_cut_along_what_is_no_space_wherever_it_stands():
    """Behind the space axes a time was refused, and a space axis taken for states that know nothing of another."""
    model = decay_model()
    state = decay_trajectories().isel(sample=0).transpose("x", "y", "time")
    pieces = state_pieces(model, state, [1.0], "time", batch_size=2)
    xr.testing.assert_allclose(pieces.make(2, 4), predict(model, state, 1.0).isel(time=slice(2, 4)))
    with pytest.raises(ValueError, match=r"one of \['time'\], got 'x'; name it with along"):
        state_pieces(model, state, [1.0], "x")


@pytest.mark.parametrize("dated", [False, True])
def test_a_forecast_goes_on_from_a_forecast(dated):
    """A lead time of a forecast was refused as a state, in the words of xarray."""
    model, state = decay_model(), decay_trajectories().isel(time=slice(2))
    model.config = dataclasses.replace(model.config, time_units="s")
    state["time"].attrs["units"] = "s"
    if dated:
        state = state.assign_coords(time=np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]"))
    first = predict(model, state, [0.5, 1.0])
    again = predict(model, first.isel(lead_time=-1), [2.0])
    at_once = predict(model, state, [3.0])
    assert again["lead_time"].values.tolist() == [2.0]
    assert (again["valid_time"].values == at_once["valid_time"].values).all()
    assert (again["time"].values == first["valid_time"].isel(lead_time=-1).values).all()
    np.testing.assert_allclose(again["tracer"], at_once["tracer"], rtol=1e-4, atol=1e-7)
    with pytest.raises(ValueError, match=r"got 2 along 'lead_time'; choose one, such as state.isel\(lead_time=-1\)"):
        predict(model, first, [2.0])


def test_a_coarse_state_is_shown_as_it_was_in_training():
    data = open_trajectories(decay_trajectories())
    shown = super_resolution(data, 4).batch([0]).fields[0, 2]
    state = decay_trajectories().isel(time=0)
    coarse = state.coarsen(x=4, y=4).mean()
    found = predict(decay_model(), coarse, 0.0, finer=4)
    assert found["tracer"].dims == ("sample", "lead_time", "x", "y")
    np.testing.assert_allclose(found["tracer"][0, 0], shown, atol=1e-6)
    np.testing.assert_allclose(found["x"], state["x"])
    assert found["tracer"].attrs["long_name"] == "a tracer"
    config = decay_config(CHANNELS[2:], CHANNELS[2:])
    alone = predict(decay_model(config=config), coarse["tracer"], 0.0, finer=4)
    np.testing.assert_allclose(alone["tracer"], found["tracer"])
    with pytest.raises(ValueError, match="at least 2 points where the coarse has one, got factor=0"):
        predict(decay_model(), coarse, 0.0, finer=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.drop_vars("tracer"), r"needs the variable 'tracer', the state has .*name it in `absent`"),
        (lambda s: s.rename(tracer="tracr"), "rename 'tracr'"),
        (lambda s: s.assign(tracer=s.tracer.assign_attrs(units="kg")), "'tracer' in units of '1', the state has 'kg'"),
        (lambda s: s.isel(x=0), "dims .* with 2 space axes at the end, but 'velocity_x' has"),
        (lambda s: s.assign(tracer=s.tracer.rename(sample="run")), "share their dimensions .* but 'tracer' has"),
        (lambda s: s.where(s.x > 0.1), "finite everywhere, but 'velocity_x' has 96 NaN .* with missing='mask'"),
    ],
)
def test_states_that_do_not_fit_are_refused(change, message):
    state = decay_trajectories().isel(time=0, drop=True)
    with pytest.raises(ValueError, match=message):
        predict(decay_model(), change(state), 1.0)


def test_a_state_is_forecast_whatever_the_order_of_its_axes():
    state = decay_trajectories().isel(time=0, drop=True)
    made, turned = (predict(decay_model(), s, 1.0) for s in (state, state.transpose("x", "y", "sample")))
    for name in made.data_vars:
        np.testing.assert_array_equal(made[name], turned[name].transpose(*made[name].dims))


def test_bad_requests_name_the_rule():
    state = decay_trajectories().isel(time=0)
    with pytest.raises(ValueError, match="0 or more, finite and strictly rising"):
        predict(decay_model(), state, [1.0, 0.5])
    with pytest.raises(ValueError, match="positive, finite and strictly rising"):
        predict(decay_model(), state, [0.0, 0.5], "autoregressive")
    with pytest.raises(ValueError, match="a rollout is 'direct' or 'autoregressive', got 'x'"):
        predict(decay_model(), state, 1.0, "x")
    with pytest.raises(ValueError, match=r"True or False, or one of them for each of \['x', 'y'\]"):
        predict(decay_model(), state, 1.0, periodic=(True,))
    with pytest.raises(TypeError, match="a state is an xarray Dataset or DataArray, got ndarray"):
        predict(decay_model(), np.zeros((3, 16, 16)), 1.0)
    with pytest.raises(ValueError, match="holds one channel under its name, got no name"):
        predict(decay_model(), state["tracer"].rename(None), 1.0)


def test_a_model_has_a_name_or_a_folder(tmp_path):
    counts = pd.DataFrame({"site": ["a", "a", "b", "b"], "year": [2001, 2002] * 2, "count": [3, 4, 9, 8]})
    network = humboldt.from_pretrained("humboldt/populations-nano")
    expected = humboldt.predict(network, counts, [1, 2])
    for name in ("humboldt/populations-nano", network.save(tmp_path / "mine"), str(tmp_path / "mine")):
        pd.testing.assert_frame_equal(humboldt.predict(name, counts, [1, 2]), expected)
