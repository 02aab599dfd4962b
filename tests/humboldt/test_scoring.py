"""Scores of forecasts with known errors, and the files they leave."""

import contextlib
import dataclasses
import functools
import io
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.cli import main
from humboldt.domains.pde import PDE, Channel, build
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.evaluation import table
from humboldt.foundations import Model
from humboldt.scoring import evaluate, plan_evaluate
from tests.domains.pde.decay import CHANNELS, decay_config, decay_model, decay_trajectories

SPLIT = {"train": 1, "validation": 1, "test": 3}


def trajectories(**choices):
    return open_trajectories(decay_trajectories(samples=5), split=SPLIT, **choices)


def scored(*args: Any, **choices: Any) -> xr.Dataset:
    with contextlib.redirect_stdout(io.StringIO()):
        return evaluate(*args, **choices)


def test_scores_of_known_errors_beside_persistence():
    scores = scored(decay_model(1.1), trajectories())
    assert dict(scores.sizes) == {"forecast": 2, "lead_time": 4, "group": 2, "sample": 3}
    assert scores["forecast"].values.tolist() == ["persistence", "model"]
    assert scores["lead_time"].values == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert scores["lead_step"].values.tolist() == [1, 2, 3, 4]
    for name in ("relative_l1", "relative_l2"):
        model = scores[name].sel(forecast="model")
        assert np.allclose(model, 0.1, atol=1e-5)
        persistence = scores[name].sel(forecast="persistence", group="velocity")
        assert np.allclose(persistence, np.expm1(scores["lead_time"].values)[:, None], rtol=1e-4)
        assert scores[name].attrs["units"] == "1"
    spectral = scores["spectral_error"].sel(forecast="model", lead_time=0.5)
    assert 0 < float(spectral.max()) <= 2 * math.log10(1.1) + 1e-5
    assert len(scores.to_dataframe()) == 2 * 4 * 2 * 3


def test_autoregressive_errors_compound():
    scores = scored(decay_model(1.1), trajectories(), rollout="autoregressive", lead_steps=[1, 2, 4])
    model = scores["relative_l1"].sel(forecast="model").median(("sample", "group"))
    assert model.values == pytest.approx([0.1, 1.1**2 - 1, 1.1**4 - 1], rel=1e-3)
    longer = scored(decay_model(1.1), trajectories(), rollout="autoregressive", step=1.0, lead_steps=[2, 4])
    model = longer["relative_l1"].sel(forecast="model").median(("sample", "group"))
    assert model.values == pytest.approx([0.1, 1.1**2 - 1], rel=1e-3)


def test_batches_do_not_change_scores():
    one = scored(decay_model(1.1), trajectories(), batch_size=1)
    xr.testing.assert_allclose(one, scored(decay_model(1.1), trajectories(), batch_size=2))


def test_errors_are_of_normalised_fields_unless_told():
    model = decay_model(1.1)
    model.head.normaliser.mean.fill_(5.0)
    normalised, physical = (scored(model, trajectories(), physical=p) for p in (False, True))
    assert float(physical["relative_l1"].sel(forecast="model").max()) == pytest.approx(0.1, abs=1e-4)
    assert float(normalised["relative_l1"].sel(forecast="model").max()) < 0.05


def test_channels_that_the_data_lack_do_not_count():
    config = decay_config((*CHANNELS, Channel(name="pressure")), (*CHANNELS, Channel(name="pressure")))
    scores = scored(decay_model(1.1, config), trajectories())
    assert scores["group"].values.tolist() == ["velocity", "tracer"]
    assert np.allclose(scores["relative_l1"].sel(forecast="model"), 0.1, atol=1e-5)


def test_the_random_twin_has_the_normalisation_and_other_weights():
    model = build(decay_config())
    model.head.normaliser.std.fill_(2.0)
    state = torch.random.get_rng_state()
    scores = scored(model, trajectories(), twin=True, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert scores["forecast"].values.tolist() == ["persistence", "model", "twin"]
    model_error, twin_error = (scores["relative_l1"].sel(forecast=f) for f in ("model", "twin"))
    assert not np.allclose(model_error, twin_error)
    again = scored(model, trajectories(), twin=True, seed=3)
    xr.testing.assert_equal(scores, again)
    given = scored(model, trajectories(), twin=decay_model())
    assert np.allclose(given["relative_l1"].sel(forecast="twin"), 0, atol=1e-5)


def test_training_mode_is_left_as_it_was():
    model = decay_model().train()
    scored(model, trajectories())
    assert model.training


def test_files_are_whole_and_say_what_was_done(tmp_path):
    pytest.importorskip("matplotlib")
    scores = scored(decay_model(1.1), trajectories(), output=tmp_path / "new" / "scores")
    folder = tmp_path / "new" / "scores"
    names = sorted(p.name for p in folder.iterdir())
    maps = [f"maps_{c.name}.png" for c in CHANNELS]
    assert names == sorted(["scores.json", "scores.nc", "spectra.nc", "errors.png", "spectra.png", *maps])
    with xr.open_dataset(folder / "scores.nc", decode_timedelta=False) as saved:
        xr.testing.assert_allclose(saved, scores)
    record = json.loads((folder / "scores.json").read_text())
    assert record["rollout"] == "direct"
    assert record["samples"] == 3
    assert record["data"]["fingerprint"]
    row = next(r for r in record["rows"] if (r["forecast"], r["group"], r["lead_step"]) == ("model", "tracer", 2))
    assert row["relative_l1"] == pytest.approx(0.1, abs=1e-5)
    assert row["lead_time"] == 1.0


def test_the_table_and_the_json_are_printed(capsys):
    scores = evaluate(decay_model(1.1), trajectories())
    shown = capsys.readouterr().out
    assert shown.strip() == table(scores).strip()
    assert "0.100" in shown
    assert all(word in shown for word in ("velocity", "tracer", "mean", "persistence"))
    evaluate(decay_model(1.1), trajectories(), json=True)
    assert json.loads(capsys.readouterr().out)["statistic"] == "median over samples"


def test_a_plan_scores_a_few_and_writes_nothing(tmp_path, monkeypatch):
    seen = []
    score = PDE.evaluate

    @functools.wraps(score)
    def noted(self, models, data, **choices):
        seen.append(data.trajectories)
        return score(self, models, data, **choices)

    monkeypatch.setattr(PDE, "evaluate", noted)
    model = decay_model(config=decay_config())
    given: dict[str, Any] = {"batch_size": 2, "lead_steps": [1], "output": tmp_path / "scores", "json": True}
    plan = plan_evaluate(model, trajectories(), twin=decay_model(), **given)
    assert seen == [2, 2]
    assert plan["data"]["trajectories"] == 3
    assert plan["data"]["split"] == {"train": 1, "validation": 1, "test": 3}
    assert [*plan["models"]] == ["model", "twin"]
    assert plan["memory_megabytes"] > 100
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="has the choices"):
        plan_evaluate(model, trajectories(), lead_stepz=[1])


def test_a_plan_is_in_proportion_to_the_data(monkeypatch):
    """An evaluation whose time is that of a clock: ten seconds a trajectory."""
    clock = [0.0]
    monkeypatch.setattr("humboldt.scoring.time.perf_counter", lambda: clock[0])

    def timed(self, models, data, *, batch_size=8):
        clock[0] += 10 * data.trajectories

    monkeypatch.setattr(PDE, "evaluate", timed)
    assert plan_evaluate(decay_model(), trajectories(), split=None, batch_size=2)["seconds"] == 50


def test_the_command_plans_or_scores(tmp_path, capsys, monkeypatch):
    build(decay_config()).save(tmp_path / "model")
    decay_trajectories(samples=5).to_netcdf(tmp_path / "data.nc")
    words = ["evaluate", str(tmp_path / "model"), str(tmp_path / "data.nc"), "--output", str(tmp_path / "scores")]
    assert main([*words, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["variables"] == [c.name for c in CHANNELS]
    assert not (tmp_path / "scores").exists()
    assert main(words) == 0
    assert (tmp_path / "scores" / "scores.json").is_file()
    (tmp_path / "file").touch()
    assert main([*words[:-1], str(tmp_path / "file" / "scores")]) == 2
    assert "an evaluation is written where there is room for it" in capsys.readouterr().err


def test_bad_requests_name_the_rule():
    data, model = trajectories(), decay_model()
    with pytest.raises(ValueError, match=r"lead steps are rising frame counts from 1 to 4 .*got \[2, 9\]"):
        evaluate(model, data, lead_steps=[2, 9])
    with pytest.raises(ValueError, match="a rollout is 'direct' or 'autoregressive', got 'sideways'"):
        evaluate(model, data, rollout="sideways")
    with pytest.raises(ValueError, match=r"got step=0.5 and rollout='direct'; add rollout='autoregressive'"):
        evaluate(model, data, step=0.5)
    seconds = open_trajectories(decay_trajectories(5).assign_coords(time=("time", np.arange(5.0), {"units": "s"})))
    hours = Model(model.embed, model.core, model.head, domain="pde", config=model.config)
    hours.config = dataclasses.replace(model.config, time_units="h")
    with pytest.raises(ValueError, match="the model counts lead times in 'h', the data in 's'"):
        evaluate(hours, seconds, split=None)


def test_the_domain_offers_its_scores_and_labels():
    science, model = PDE(), decay_model(1.1)
    batch = trajectories().batch([1, 2])
    errors = science.metrics(model)["relative_l1"](model(batch), batch)
    assert errors.shape == (2, 2)
    assert torch.allclose(errors, torch.full((2, 2), 0.1), atol=1e-5)
    labelled = science.to_xarray(model(batch), batch, model.config.outputs)
    assert list(labelled) == [c.name for c in CHANNELS]
    assert labelled["tracer"].dims == ("sample", "x", "y")
    head = science.head("forecast", build(model.config))
    assert head.config == model.config
    with pytest.raises(ValueError, match="has the tasks forecast and error, got 'classify'"):
        science.head("classify", model)
