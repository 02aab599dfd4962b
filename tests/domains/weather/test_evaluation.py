"""Scores beside persistence and climatology; a model tuned to other data."""

import json

import numpy as np
import pytest

import humboldt
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
    pairs = [(s.inputs[-1], s.target) for s in data.samples if s.lead_time == 12]
    errors = [(rows[:, None] * (data.state(b)[2].astype(float) - data.state(a)[2]) ** 2).mean() for a, b in pairs]
    found = scores["rmse"].sel(forecast="persistence", lead_time=12, channel="msl")
    assert float(found) == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-6)
    assert np.isfinite(scores["acc"].sel(forecast="mine")).all()
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
