"""Forecasts from data, made and written step by step."""

import json

import numpy as np
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.weather import fit_to_data, forecast, make_climatology, open_weather, rollout, write_forecast
from humboldt.domains.weather.forecast import forecast_pieces, told
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import model


def states(frames=4):
    data = analyses(frames=frames, rows=8, columns=16)
    data = data.assign(t2m=data["msl"].assign_attrs(units="K"))
    return data.assign(PHIS=(data["t2m"].isel(time=0, drop=True) * 0).assign_attrs(units="m2 s-2"))


@torch.no_grad()
def test_a_rollout_is_told_the_calendar_and_the_climatology_of_its_steps():
    made, data = model(), states(6).isel(time=slice(0, 4))
    climate = make_climatology(states(6), 3)
    found = list(forecast(made, data, [6, 12], step=6, climatology=climate))
    opened = open_weather(states(6), channels=made.config.channels, static=made.config.static, climatology=climate)
    (start,) = [i for i, s in enumerate(opened.samples) if s.inputs[-1] == 3]
    first = opened.batch([start])
    second = next(i for i, s in enumerate(opened.samples) if s.inputs[-1] == 4)
    told = opened.batch([second])

    def ahead(_, batch):
        values = {**vars(batch), "static": told.static, "climate": told.climate}
        return type(batch)(**values)

    wanted = list(rollout(made, first, 2, ahead))
    for step, prediction in zip(found, wanted, strict=True):
        np.testing.assert_allclose(step["T2M"].values[0, 0], prediction.sel("T2M")[0].numpy(), rtol=1e-5, atol=1e-4)
    assert [s["valid_time"].values[0, 0] for s in found] == [
        np.datetime64("2020-02-29T00"),
        np.datetime64("2020-02-29T06"),
    ]


@torch.no_grad()
def test_static_fields_are_those_of_the_member_and_of_the_time_that_a_forecast_starts_from():
    made, climate = model(), make_climatology(states(), 61)
    ground = xr.DataArray([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], dims=("number", "time"))
    members = xr.concat([states(), states()], dim=xr.Variable("number", [0, 1]), data_vars="all")
    members["PHIS"] = (members["PHIS"] + ground).assign_attrs(units="m2 s-2")
    (step,) = forecast(made, members, [6], climatology=climate, start=(-3, -2, -1))
    data = open_weather(
        members, channels=made.config.channels, static=made.config.static, climatology=climate, lead_times=[0]
    )
    for sample in data.samples:
        batch = told(data, data.collate([sample]), 6, [sample])
        np.testing.assert_array_equal(batch.static[0, 3].numpy(), ground.values[sample.member, sample.inputs[-1]])
        alone = step["T2M"].values[0, sample.member, sample.inputs[-1] - 1]
        np.testing.assert_allclose(alone, made(batch).sel("T2M")[0].numpy(), rtol=1e-4, atol=1e-4)
    later = told(data, batch.step(batch.fields[:, -1], time=(data.times[0],)), 6, [sample])
    np.testing.assert_array_equal(later.static[:, 3], batch.static[:, 3])


def test_any_lead_time_at_once_without_targets():
    made = model()
    found = humboldt.predict(made, states(2), [1.5, 240.0], climatology=make_climatology(states(), 61))
    assert found.sizes["lead_time"] == 2
    assert found["valid_time"].values.ravel()[-1] == np.datetime64("2020-03-09T06")
    assert float(abs(found["T"].isel(lead_time=0) - found["T"].isel(lead_time=1)).max()) > 1e-3


@pytest.mark.parametrize("name", ["f.zarr", "f.nc"])
def test_what_is_written_step_by_step_is_what_was_forecast(tmp_path, name):
    made, climate = model(), make_climatology(states(), 3)
    steps = list(forecast(made, states(), [6, 12, 18], step=6, climatology=climate, start=(-2, -1)))
    path = write_forecast(iter(steps), tmp_path / name)
    with xr.open_dataset(path, **({"engine": "zarr", "consolidated": False} if name.endswith("zarr") else {})) as data:
        data = data.load()
    whole = xr.concat(steps, dim="lead_time", data_vars="minimal")
    xr.testing.assert_allclose(data["T"].transpose(*whole["T"].dims), whole["T"])
    assert data["lead_time"].values.tolist() in ([6, 12, 18], [21600000000000, 43200000000000, 64800000000000])
    np.testing.assert_array_equal(
        data["valid_time"].transpose("lead_time", "init_time").values, whole["valid_time"].values
    )
    assert data["T"].attrs["units"] == "K"
    with pytest.raises(DataError, match=r"written to a new file, .* is there"):
        write_forecast(iter(steps), path)


def test_refusals():
    with pytest.raises(ValueError, match=r"lead times are positive and rise, got \[6.0, 6.0\]; name them in hours"):
        next(forecast(model(), states(), [6, 6]))
    with pytest.raises(ValueError, match=r"multiples of its step of 6 hours, got \[8.0\]"):
        next(forecast(model(), states(), [8], step=6, climatology=make_climatology(states(), 3)))
    with pytest.raises(DataError, match=r"no variable 'T2M'"):
        next(forecast(model(), analyses(), [6]))


@pytest.mark.parametrize("name", ["f.zarr", "f.nc"])
def test_all_members_of_an_ensemble_are_forecast_and_keep_their_numbers(tmp_path, name):
    made, climate = model(), make_climatology(states(), 3)
    members = xr.concat([states(), states() * 1.01], dim=xr.Variable("number", [4, 7]), data_vars="all")
    members = members.assign({n: members[n].assign_attrs(states()[n].attrs) for n in members.data_vars})
    steps = list(forecast(made, members, [6, 12], step=6, climatology=climate, start=(-2, -1)))
    assert steps[0]["T"].dims == ("lead_time", "number", "init_time", "level", "latitude", "longitude")
    assert steps[0]["number"].values.tolist() == [4, 7]
    for index, member in enumerate((states(), members.isel(number=1))):
        alone = list(forecast(made, member, [6, 12], step=6, climatology=climate, start=(-2, -1)))
        for one, all_of_them in zip(alone, steps, strict=True):
            given = all_of_them["T"].isel(number=index)
            np.testing.assert_allclose(given.values, one["T"].values, rtol=1e-4, atol=1e-4)
    path = write_forecast(iter(steps), tmp_path / name)
    with xr.open_dataset(path, **({"engine": "zarr", "consolidated": False} if name.endswith("zarr") else {})) as data:
        np.testing.assert_array_equal(data["T"].isel(lead_time=1).values, steps[1]["T"].values[0])
        assert data["number"].attrs["standard_name"] == "realization"


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("members", [0, 2])
def test_a_written_forecast_follows_the_conventions(tmp_path, members):
    """The compliance checker finds no error and, but for advice about names of files, nothing to warn of."""
    runner = pytest.importorskip("compliance_checker.runner")
    given = analyses(frames=6, rows=8, columns=16)
    given = given.expand_dims(number=np.arange(members)) if members else given
    data = open_weather(given, static=["latitude", "longitude", "sin_latitude"])
    made = fit_to_data(model(residual="none"), data)
    path = write_forecast(forecast(made, data, [6, 12], start=(-2, -1)), tmp_path / "forecast.nc")
    runner.CheckSuite.load_all_available_checkers()
    report = tmp_path / "report.json"
    runner.ComplianceChecker.run_checker(
        str(path), ["cf:1.10"], 0, "strict", output_filename=str(report), output_format="json"
    )
    found = json.loads(report.read_text())["cf:1.10"]
    kinds = ("high_priorities", "medium_priorities", "low_priorities")
    wrong = [message for kind in kinds for check in found[kind] for message in check["msgs"]]
    assert wrong == [], wrong


def test_members_keep_their_names_and_other_calendars_their_dates(tmp_path):
    made, climate = model(), make_climatology(states(), 3)
    named = [states().convert_calendar("360_day", align_on="date", use_cftime=True).isel(time=slice(0, 4))] * 2
    members = xr.concat(named, dim=xr.Variable("realization", ["r1i1p1f1", "r2i1p1f1"]), data_vars="all")
    members = members.assign({n: members[n].assign_attrs(states()[n].attrs) for n in members.data_vars})
    for name in ("f.nc", "f.zarr"):
        found = humboldt.predict(made, members, [6, 12], output=tmp_path / name, climatology=climate)
        assert found["number"].values.tolist() == ["r1i1p1f1", "r2i1p1f1"]
        last = found["valid_time"].values.ravel()[-1]
        assert (last.calendar, str(last)[:13]) == ("360_day", "2020-02-29 06")


def test_from_a_time_at_which_a_field_is_unknown_there_is_no_forecast_and_the_others_go_on(tmp_path):
    made, climate, torn = model(), make_climatology(states(6), 3), states(6)
    torn["t"].loc[{"time": torn["time"][2], "level": 850}] = np.nan
    pieces = forecast_pieces(made, torn, [6.0, 12.0], "time", batch_size=5, climatology=climate)
    found = pieces.make(0, pieces.count)
    unknown = [bool(found["T"].isel(init_time=i).isnull().all()) for i in range(pieces.count)]
    assert unknown == [False, True, True, False, False]  # a start has two states
    whole = forecast_pieces(made, states(6), [6.0, 12.0], "time", batch_size=5, climatology=climate)
    expected = whole.make(0, whole.count)
    np.testing.assert_allclose(found["T"].isel(init_time=[0, 3, 4]), expected["T"].isel(init_time=[0, 3, 4]), rtol=1e-5)


def test_a_forecast_names_the_weights_that_made_it_before_and_after_they_are_saved(tmp_path):
    made, climate = model(), make_climatology(states(), 3)
    before = next(forecast(made, states(), [6], climatology=climate)).attrs["weights_sha256"]
    made.save(tmp_path / "saved")
    again = humboldt.from_pretrained(tmp_path / "saved")
    assert next(forecast(again, states(), [6], climatology=climate)).attrs["weights_sha256"] == before
    assert before == json.loads((tmp_path / "saved" / "config.json").read_text())["sha256"]
    with torch.no_grad():
        next(made.parameters()).add_(1)
    assert next(forecast(made, states(), [6], climatology=climate)).attrs["weights_sha256"] != before


def test_a_dataset_gives_every_state_once_and_is_taken_as_it_was_opened():
    made, climate = model(), make_climatology(states(), 61)
    about = {"channels": made.config.channels, "static": made.config.static, "climatology": climate}
    data = open_weather(states(6), lead_times=[6, 12], input_steps=[6, 12], **about)
    pieces = forecast_pieces(made, data, [6.0], "time")
    found = pieces.make(0, pieces.count)
    np.testing.assert_array_equal(found["init_time"].values, data.times[1:5])
    alone = humboldt.predict(made, states(6), [6.0], start=range(4), input_steps=[6], climatology=climate)
    np.testing.assert_allclose(found["T2M"].values, alone["T2M"].values, rtol=1e-5, atol=1e-4)
    assert humboldt.predict(made, data, [6.0])["init_time"].values.tolist() == data.times[4:5].tolist()
    for name, value in (("climatology", climate), ("along", "time")):
        with pytest.raises(ValueError, match=rf"taken as it was opened, got {name} beside one; give these to"):
            humboldt.predict(made, data, [6.0], **{name: value})
