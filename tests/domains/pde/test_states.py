"""Axes of a state may be called and ordered as its file has them: the model sees them as in training."""

import dataclasses
import datetime
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.pde import PDE, build
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.forecast import predict_states
from tests.domains.pde.decay import CHANNELS, decay_config, decay_trajectories

NAMES = [channel.name for channel in CHANNELS]


@pytest.fixture
def model():
    return build(decay_config()).eval()


@pytest.fixture
def state():
    """16 points along x, 12 along y."""
    return decay_trajectories().isel(time=0, y=slice(12))


def test_axes_in_another_order_give_the_same_forecast_in_that_order(model, state):
    expected = predict_states(model, state, [0.5, 1.0])
    turned = state.transpose(..., "y", "x")
    turned["tracer"] = turned["tracer"].transpose(..., "x", "y")  # each variable in its own
    found = predict_states(model, turned, [0.5, 1.0])
    assert found["tracer"].dims == ("sample", "lead_time", *turned["velocity_x"].dims[-2:])
    xr.testing.assert_equal(found.transpose(..., "x", "y"), expected)
    wrong = predict_states(model, state.rename(x="y", y="x"), [0.5, 1.0])
    assert abs(wrong["velocity_x"].values - expected["velocity_x"].values).max() > 1e-3


def test_axes_that_are_not_cartesian_stand_as_they_were_learned(model, state):
    """A state of (lon, lat) was forecast with its axes exchanged by a model that was tuned on (lat, lon)."""
    data = decay_trajectories().rename(x="lat", y="lon").assign_attrs(periodic="lat lon")
    trained = open_trajectories(data, split={"train": 2, "test": 1})
    model.provenance["data"] = {"train": trained.split("train").describe()}
    globe = state.rename(x="lat", y="lon").assign_attrs(periodic="lat lon")
    expected = predict_states(model, globe, [0.5])
    found = predict_states(model, globe.transpose("lon", "sample", "lat"), [0.5])
    assert found["tracer"].dims == ("sample", "lead_time", "lon", "lat")
    xr.testing.assert_equal(found.transpose(..., "lat", "lon"), expected)
    PDE().evaluate({"model": model}, trained)
    turned = open_trajectories(data.transpose(..., "lon", "lat"))
    with pytest.raises(
        ValueError, match=r"\['lat', 'lon'\], got \['lon', 'lat'\]; .* data.transpose\(..., 'lat', 'lon'\)"
    ):
        PDE().evaluate({"model": model}, turned)


def test_axes_stand_anywhere_among_the_dimensions(model, state):
    """Space before and behind the samples, by name and by attribute."""
    expected = predict_states(model, state, [0.5, 1.0])
    spread = state.transpose("y", "sample", "x")
    found = predict_states(model, spread, [0.5, 1.0])
    xr.testing.assert_equal(found.transpose("sample", "lead_time", "x", "y"), expected)
    named = spread.rename(x="east", y="north").assign_attrs(periodic="east north")
    named["east"].attrs["axis"], named["north"].attrs["axis"] = "X", "Y"
    found = predict_states(model, named, [0.5, 1.0])
    assert found["tracer"].dims == ("sample", "lead_time", "north", "east")
    np.testing.assert_array_equal(found["tracer"].transpose("sample", "lead_time", "east", "north"), expected["tracer"])


def test_what_training_sees_is_what_a_forecast_sees(model):
    """A file whose fields are (y, x), opened to learn and read to predict."""
    file = decay_trajectories().isel(y=slice(12)).transpose("sample", "time", "y", "x")
    seen: list[Any] = []
    model.embed.register_forward_pre_hook(lambda module, given: seen.append(given[0].fields))
    data = open_trajectories(file)
    model(data.batch([0]))
    predict_states(model, file.isel(sample=[0], time=0), 1.0)
    predict_states(model, data.to_xarray().isel(sample=[0], time=0), 1.0)
    assert seen[0].shape == (1, 3, 16, 12)
    for fields in seen[1:]:
        assert np.array_equal(fields, seen[0])


@pytest.mark.parametrize("names", [{"x": "X", "y": "Y"}, {"x": "east", "y": "north"}])
def test_axes_are_told_by_their_names_or_attributes_and_keep_them(model, state, names):
    expected = predict_states(model, state, 1.0)
    renamed = state.rename(names).transpose(..., names["y"], names["x"]).assign_attrs(periodic=" ".join(names.values()))
    for axis, name in names.items():
        renamed[name].attrs["axis"] = axis.upper()
    found = predict_states(model, renamed, 1.0)
    assert found["tracer"].dims == ("sample", "lead_time", names["y"], names["x"])
    for name in NAMES:
        assert np.array_equal(found[name].transpose(..., *names.values()), expected[name])


def test_names_that_do_not_tell_are_refused_unless_they_are_given_or_the_model_knows_them(model, state):
    expected = predict_states(model, state, 1.0)
    grid = state.drop_vars(["x", "y"]).rename(x="nx", y="ny").transpose(..., "ny", "nx")
    told = r"by their names \(x, y, z\), got 'ny' among \['ny', 'nx'\]; say which is which, such as dims=\{'x': 'ny'"
    with pytest.raises(ValueError, match=told):
        predict_states(model, grid, 1.0)
    dims = {"x": "nx", "y": "ny"}
    periodic = [True, True]
    found = predict_states(model, grid, 1.0, dims=dims, periodic=periodic)
    assert np.array_equal(found["tracer"].transpose(..., "nx", "ny"), expected["tracer"])
    model.provenance["recipe"] = {"opening": {"dims": {**dims, "sample": "case"}}}
    xr.testing.assert_equal(predict_states(model, grid, 1.0, periodic=periodic), found)
    line = state.isel(x=0).rename(y="ny")
    with pytest.raises(ValueError, match="a state has dims"):  # too few axes are told as such
        predict_states(model, line.isel(sample=0), 1.0)


def test_what_closes_on_itself_is_what_is_given_or_said_or_was_so_in_training(model, state):
    seen: list[Any] = []
    model.embed.register_forward_pre_hook(lambda module, given: seen.append(given[0].periodic))
    turned = state.transpose(..., "y", "x").drop_attrs(deep=False)
    predict_states(model, turned, 1.0)
    model.provenance["data"] = {"train": {"periodic": [True, False]}}
    predict_states(model, turned, 1.0)
    predict_states(model, turned.assign_attrs(periodic="y"), 1.0)
    predict_states(model, turned.assign_attrs(periodic="y"), 1.0, periodic=False)
    predict_states(model, turned, 1.0, periodic=[True, False])  # in the order of the state's own axes
    assert seen == [(False, False), (True, False), (False, True), (False, False), (False, True)]
    with pytest.raises(ValueError, match=r"or one of them for each of \['y', 'x'\], got \[True\]"):
        predict_states(model, turned, 1.0, periodic=[True])


def test_variables_have_the_names_that_the_data_were_opened_with(model, state):
    own = state.rename(velocity_x="U", velocity_y="V")
    with pytest.raises(ValueError, match="the model needs the variable 'velocity_x'"):
        predict_states(model, own, 1.0)
    model.provenance["recipe"] = {"opening": {"variables": {"U": "velocity_x", "V": "velocity_y", "tracer": "tracer"}}}
    xr.testing.assert_equal(predict_states(model, own, 1.0), predict_states(model, state, 1.0))


@pytest.mark.parametrize("calendar", ["standard", "noleap", "since the start"])
def test_valid_time_of_any_calendar(model, state, calendar, tmp_path):
    model.config = dataclasses.replace(model.config, time_units="hours")
    expected: Any
    if calendar == "since the start":
        times = np.array([36], "timedelta64[h]").astype("timedelta64[ns]")
        expected = np.array([36 + 1, 36 + 12.5]) * np.timedelta64(3600, "s")
    else:
        times = xr.date_range(
            "2004-02-28T12:00", periods=1, freq="D", calendar=calendar, use_cftime=calendar != "standard"
        )
        first = times[0]
        expected = [first + datetime.timedelta(hours=h) for h in (1, 12.5)]
    found = predict_states(model, state.assign_coords(time=times[0]), [1.0, 12.5])
    expected = np.array(expected, dtype=found["valid_time"].dtype)
    assert (found["valid_time"].values == expected).all()
    found.to_netcdf(tmp_path / "f.nc")
    with xr.open_dataset(tmp_path / "f.nc", decode_timedelta=True) as again:
        assert (again["valid_time"].values == expected).all()


def test_data_that_are_opened_with_other_periodic_axes_are_told(model, caplog):
    model.provenance["data"] = {"train": {"periodic": [True, True]}}
    PDE().evaluate({"model": model}, open_trajectories(decay_trajectories()))
    assert not caplog.text
    PDE().evaluate({"model": model}, open_trajectories(decay_trajectories(), periodic=["x"]))
    assert "periodic axes [True, True], these have [True, False]; if they are of the same kind" in caplog.text


def test_lead_times_beyond_those_that_were_learned_are_warned_of(model, state, caplog):
    predict_states(model, state, [9.0])
    model.provenance["data"] = {"train": {"times": [0.0, 0.5, 2.0], "variables": NAMES}}
    predict_states(model, state, [0.5, 2.0])
    predict_states(model, state, [1.0, 9.0], "autoregressive")
    assert not caplog.text
    predict_states(model, state, [1.0, 9.0])
    assert "learned lead times up to 2 1, got 9" in caplog.text


def test_files_of_published_collections_are_read_as_they_are_opened(model, state, tmp_path):
    """PDEBench gives no names of dimensions; a plain read would not know what is what."""
    channels = {"Vx": "velocity_x", "Vy": "velocity_y", "tracer": "tracer"}
    data = decay_trajectories()
    with h5py.File(tmp_path / "2D.hdf5", "w") as file:
        for own, name in channels.items():
            file[own] = data[name].values
        file["t-coordinate"], file["x-coordinate"], file["y-coordinate"] = (data[d].values for d in ("time", "x", "y"))
    found = PDE().read(str(tmp_path / "2D.hdf5"), {"time": 1, "sample": 2})
    for name in NAMES:
        assert np.array_equal(found[name], data[name].isel(time=1, sample=2))
    assert predict_states(model, found, 1.0)["tracer"].dims == ("lead_time", "x", "y")
    assert "periodic" not in found.attrs  # which the file does not say
    with pytest.raises(DataError, match="places along 'time' are 0 to 4"):
        PDE().read(str(tmp_path / "2D.hdf5"), {"time": 5})
