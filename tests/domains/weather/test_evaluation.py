"""Scores beside persistence and climatology; a model tuned to other data."""

import json

import numpy as np
import pytest
import xarray as xr

import humboldt
from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.weather import MaskedForecasts, evaluate, fit_to_data, make_climatology, open_weather
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import model


def opened(frames=20, **choices):
    data = analyses(frames=frames, rows=8, columns=16)
    return open_weather(data, climatology=make_climatology(data, 3), **choices)


def test_persistence_and_climatology_stand_beside_the_model():
    data = opened(lead_times=[6, 12])
    scores = evaluate({"mine": fit_to_data(model(), data)}, data, batch_size=5)
    assert scores["forecast"].values.tolist() == ["persistence", "climatology", "mine"]
    rows = data.grid.area_weights()
    for lead in (6, 12):
        pairs = [(s.inputs[-1], s.target) for s in data.samples if s.lead_time == lead]
        errors = [(rows[:, None] * (data.state(b)[2].astype(float) - data.state(a)[2]) ** 2).mean() for a, b in pairs]
        found = scores["rmse"].sel(forecast="persistence", lead_time=lead, channel="msl")
        assert float(found) == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-6)
        assert int(scores["samples"].sel(lead_time=lead)) == len(pairs)
    assert np.isfinite(scores["acc"].sel(forecast="mine")).all()
    rmse, skill = scores["rmse"], scores["skill_over_climatology"].sel(forecast="mine")
    np.testing.assert_allclose(skill, 1 - rmse.sel(forecast="mine") / rmse.sel(forecast="climatology"))
    assert (scores["skill_over_persistence"].sel(forecast="persistence") == 0).all()
    assert scores["units"].values.tolist() == ["K", "K", "Pa"]


def test_a_model_keeps_its_trunk_when_the_channels_change():
    made, data = model(), opened()
    other = fit_to_data(made, data)
    assert [c.name for c in other.config.channels] == ["t_500", "t_850", "msl"]
    key = "scales.0.down.1.attention.qkv.weight"
    assert (other.core.state_dict()[key] == made.core.state_dict()[key]).all()
    np.testing.assert_allclose(other.embed.normaliser.mean.numpy()[2], data.statistics()["mean"][2], rtol=1e-5)
    assert fit_to_data(other, data) is other


@pytest.mark.integration
def test_the_public_verbs_take_a_weather_model(tmp_path, capsys):
    data = opened(frames=30)
    masked = MaskedForecasts(data=data, config=model().config, ratios=(0.5,))
    tuned = humboldt.finetune(model(), masked, steps=2, batch_size=2, output=tmp_path / "run", progress=False)
    again = humboldt.from_pretrained(tmp_path / "run")
    scores = humboldt.evaluate(again, data, twin=True, json=True, output=tmp_path / "scores")
    assert scores["forecast"].values.tolist() == ["persistence", "climatology", "model", "twin"]
    each = xr.load_dataset(tmp_path / "scores" / "samples.nc")
    assert each["squared_error"].dims == ("forecast", "sample", "channel")
    rmse = each["squared_error"].mean("sample") ** 0.5  # one lead time
    np.testing.assert_allclose(
        rmse.sel(forecast="twin"), scores["rmse"].sel(forecast="twin").isel(lead_time=0), rtol=1e-6
    )
    assert json.loads((tmp_path / "scores" / "scores.json").read_text())["rows"][0]["forecast"] == "persistence"
    assert tuned.config == again.config


def test_a_model_with_other_static_channels_is_scored_on_data_opened_without_naming_them():
    """The embedded model keeps its own static channels when it meets other data."""
    data = opened(frames=30)
    model = humboldt.finetune("humboldt/weather-nano", data, steps=1, batch_size=2, progress=False)
    assert [c.name for c in model.config.static] != [c.name for c in data.static]
    scores = humboldt.evaluate(model, data, json=True)
    assert np.isfinite(scores["rmse"].sel(forecast="model")).all()
    assert repr(data).startswith("<weather states, ")


@pytest.mark.integration
def test_the_command_line_takes_a_climatology_and_draws(tmp_path, capsys):
    """ACC and skill from `evaluate`; a forecast of all members, written step by step, and its map from `predict`."""
    data = analyses(frames=30, rows=8, columns=16)
    members = xr.concat([data, data], dim=xr.Variable("number", [0, 1]), data_vars="all")
    for name, given in (("data.nc", data), ("members.nc", members), ("climate.nc", make_climatology(data, 5))):
        given.to_netcdf(tmp_path / name)
    model = humboldt.finetune("humboldt/weather-nano", tmp_path / "data.nc", steps=1, batch_size=2, progress=False)
    model.save(tmp_path / "run")
    words = [str(tmp_path / "run"), str(tmp_path / "data.nc"), "--climatology", str(tmp_path / "climate.nc")]
    assert main(["evaluate", *words, "--output", str(tmp_path / "scores"), "--dry-run"]) == 0
    assert '"models"' in capsys.readouterr().out
    assert not (tmp_path / "scores").exists()
    assert main(["evaluate", *words, "--output", str(tmp_path / "scores")]) == 0
    assert "acc; columns: lead time / hours" in capsys.readouterr().out
    with xr.open_dataset(tmp_path / "scores" / "scores.nc") as scores:
        assert {"acc", "skill_over_climatology"} <= set(scores)
    assert {p.name for p in (tmp_path / "scores").iterdir()} >= {"errors.png", "scorecard.png"}
    words = [str(tmp_path / "run"), str(tmp_path / "members.nc"), "--lead-times", "[6, 12]", *words[2:]]
    output, picture = str(tmp_path / "f.zarr"), str(tmp_path / "map.png")
    for _ in range(2):  # what is there is replaced
        assert main(["predict", *words, "--output", output, "--plot", picture]) == 0
    made = xr.open_zarr(output, consolidated=False)
    assert made["t"].dims == ("lead_time", "number", "init_time", "level", "latitude", "longitude")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_rollout_is_scored_as_it_is_predicted():
    """Each score is that of the labelled forecast from the same state, in batches that part the initial states."""
    data = opened(lead_times=[12, 6, 18])
    made = fit_to_data(model(), data)
    scores = humboldt.evaluate(made, data, split=None, rollout="autoregressive", step=6, json=True, batch_size=3)
    assert (scores.attrs["rollout"], scores.attrs["step"]) == ("autoregressive", "6")
    assert scores["samples"].values.tolist() == [18, 17, 16]
    usual = humboldt.evaluate(made, data, split=None, rollout="autoregressive", json=True, batch_size=3)
    assert float(usual.attrs["step"]) == 6  # the shortest lead time
    assert usual["rmse"].equals(scores["rmse"])
    starts = opened(lead_times=[6])
    found = humboldt.predict(made, starts, [6, 12, 18], rollout="autoregressive", step=6, start=range(len(starts)))
    for steps, lead in enumerate((6, 12, 18), 1):
        rows = range(len(starts) - steps + 1)
        truth = np.stack([data.state(starts.samples[row].inputs[-1] + steps)[2] for row in rows])
        errors = found["msl"].sel(lead_time=lead).isel(init_time=rows).transpose("init_time", ...).values - truth
        expected = np.sqrt((errors**2 * data.grid.area_weights()[:, None]).mean())
        score = scores["rmse"].sel(forecast="model", lead_time=lead, channel="msl")
        assert float(score) == pytest.approx(expected, rel=1e-5)
    direct = humboldt.evaluate(made, data, split=None, json=True)["rmse"].sel(forecast="model")
    rolled = scores["rmse"].sel(forecast="model")
    np.testing.assert_allclose(direct.sel(lead_time=6), rolled.sel(lead_time=6), rtol=1e-6)
    assert (abs(direct.sel(lead_time=18) / rolled.sel(lead_time=18) - 1) > 1e-3).any()


def test_lead_times_that_are_no_steps_of_a_rollout_are_refused():
    data = opened(lead_times=[6, 12])
    made = fit_to_data(model(), data)
    with pytest.raises(
        DataError, match=r"multiples of its step of 4 hours, got 6; open the data with other lead_times"
    ):
        humboldt.evaluate(made, data, rollout="autoregressive", step=4)
    with pytest.raises(DataError, match=r"multiples of its step of 6 hours, got 0; open the data"):
        humboldt.evaluate(made, opened(lead_times=[0, 6]), rollout="autoregressive", step=6)
    with pytest.raises(ValueError, match="a rollout is 'direct' or 'autoregressive', got 'auto'"):
        humboldt.evaluate(made, data, rollout="auto")
