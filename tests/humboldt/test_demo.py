import json

import pytest
import torch
import xarray as xr

import humboldt
from humboldt.demo import demo, weather_demo

pytestmark = pytest.mark.integration


def test_three_steps_leave_everything_that_is_promised(tmp_path):
    scores = demo(tmp_path, steps=3)
    assert scores["forecast"].values.tolist() == ["persistence", "model", "twin"]
    assert dict(scores.sizes) == {"forecast": 3, "lead_time": 10, "group": 1, "sample": 6}
    assert bool(scores["relative_l1"].notnull().all())
    assert {"finetuned", "twin", "forecast.nc", "scores.json", "scores.nc"} <= {p.name for p in tmp_path.iterdir()}
    assert len(list(tmp_path.glob("*.png"))) >= 2
    assert json.loads((tmp_path / "scores.json").read_text())["samples"] == 6

    tuned, twin = (humboldt.from_pretrained(tmp_path / name) for name in ("finetuned", "twin"))
    assert tuned.provenance["steps"] == twin.provenance["steps"] == 3
    assert tuned.provenance["parent"] != twin.provenance["parent"]
    start = humboldt.from_pretrained("humboldt/pde-nano").state_dict()
    key = "core.scales.0.down.0.feed_forward.expand.weight"
    assert 0 < torch.dist(tuned.state_dict()[key], start[key]) < torch.dist(twin.state_dict()[key], start[key])

    with xr.open_dataset(tmp_path / "forecast.nc") as forecast:
        assert forecast["lead_time"].values == pytest.approx([0.02, 0.05, 0.1, 0.2])
        assert set(forecast.data_vars) == {"velocity_x", "velocity_y"}
        assert bool(forecast.velocity_x.notnull().all())
    again = demo(tmp_path, steps=3)
    xr.testing.assert_equal(again, scores)


def test_three_steps_on_the_weather_leave_everything_that_is_promised(tmp_path):
    scores = weather_demo(tmp_path, steps=3)
    assert scores["forecast"].values.tolist() == ["persistence", "model", "twin"]
    assert scores["lead_time"].values.tolist() == [6, 12, 24]
    assert bool(scores["rmse"].notnull().all())
    pictures = {"errors.png", "scorecard.png", "maps.png", "tracks.png"}
    assert {"finetuned", "twin", "forecast.nc", "scores.json", *pictures} <= {p.name for p in tmp_path.iterdir()}
    with xr.open_dataset(tmp_path / "forecast.nc", decode_timedelta=False) as forecast:
        assert forecast["lead_time"].values.tolist() == [6, 12, 18, 24, 36, 48]
        assert str(forecast["init_time"].values[0])[:13] == "1996-01-07T00"
        assert forecast["u500"].attrs["units"] == "m s-1"
