import copy
import dataclasses

import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.pde import (
    FieldBatch,
    FieldPrediction,
    build,
    inversion,
    super_resolution,
    task_errors,
    unlabelled,
)
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.domain import PDE
from humboldt.domains.pde.heads import ErrorHead, ForecastHead
from humboldt.domains.pde.tasks import finer_state
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model, decay_trajectories


def data():
    return open_trajectories(decay_trajectories(samples=6), split={"train": 4, "validation": 0, "test": 2})


def test_an_inversion_asks_for_what_was_not_seen_at_the_same_frame():
    pairs = inversion(data(), ["velocity"], ["tracer"], frame=2)
    assert [c.name for c in pairs.channels] == ["velocity_x", "velocity_y"]
    assert [c.name for c in pairs.outputs] == ["tracer"]
    assert len(pairs) == 6
    batch = pairs.batch([3])
    truth = decay_trajectories(samples=6)
    np.testing.assert_array_equal(batch.fields[0, 0], truth["velocity_x"][3, 2])
    np.testing.assert_array_equal(batch.target[0, 0], truth["tracer"][3, 2])
    assert batch.lead_time.item() == 0
    assert len(pairs.split("test")) == 2
    with pytest.raises(DataError, match="has frames 0 to 4, got 5; choose one"):
        inversion(data(), ["velocity"], ["tracer"], frame=5)
    with pytest.raises(DataError, match="colour"):
        inversion(data(), ["colour"], ["tracer"])


def test_a_finer_state_stands_where_the_fine_grid_does():
    fine = decay_trajectories().isel(time=0)
    made = finer_state(fine.coarsen(x=4, y=4).mean(), 4)
    np.testing.assert_allclose(made["x"], fine["x"], atol=1e-12)
    np.testing.assert_allclose(made["y"], fine["y"], atol=1e-12)
    assert made["tracer"].dims == fine["tracer"].dims


def test_coarse_states_hold_the_means_of_fine_ones():
    fine, pairs = data(), super_resolution(data(), 4)
    assert len(pairs) == 6 * 5
    batch = pairs.batch([7])
    assert torch.equal(batch.target[0, 0], torch.from_numpy(decay_trajectories(samples=6)["velocity_x"].values[1, 2]))
    assert batch.fields.shape == batch.target.shape
    coarse = torch.nn.functional.avg_pool2d(batch.target, 4)
    corners = batch.fields[..., [0, 0, -1, -1], [0, -1, 0, -1]]  # where nothing lies between blocks
    torch.testing.assert_close(corners, coarse[..., [0, 0, -1, -1], [0, -1, 0, -1]])
    assert (batch.fields - batch.target).abs().max() > 0.01
    assert pairs.fingerprint != fine.fingerprint
    assert pairs.fingerprint != super_resolution(data(), 2).fingerprint
    with pytest.raises(DataError, match=r"got factor=3 for \(16, 16\); choose a divisor"):
        super_resolution(data(), 3)


def test_tasks_are_opened_by_words_alone():
    """As a command or a recipe says them, and scored by `evaluate` as they are."""
    whole, given = decay_trajectories(samples=6), {"split": {"train": 4, "validation": 0, "test": 2}}
    said = open_trajectories(whole, inputs=["velocity"], outputs=["tracer"], pairs=[[2, 2]], **given)
    made = inversion(data(), ["velocity"], ["tracer"], frame=2)
    assert torch.equal(said.batch([3]).fields, made.batch([3]).fields)
    assert torch.equal(said.batch([3]).target, made.batch([3]).target)
    fine = open_trajectories(whole, coarse=4, **given)
    assert fine.fingerprint == super_resolution(data(), 4).fingerprint
    scores = PDE().evaluate({"model": decay_model(1.5)}, fine.split("test"), physical=True).scores["relative_l1"]
    errors = task_errors(decay_model(1.5), fine.split("test"))["relative_l1"]
    assert scores.sizes == {"forecast": 2, "lead_time": 1, "group": 2, "sample": 10}
    np.testing.assert_allclose(scores.sel(forecast="model")[0].T, errors.sel(forecast="model"), rtol=1e-5)
    np.testing.assert_allclose(scores.sel(forecast="persistence")[0].T, errors.sel(forecast="input"), rtol=1e-5)


def test_errors_of_a_task_stand_beside_its_input_and_the_mean():
    scores = task_errors(decay_model(1.25), super_resolution(data(), 2).split("test"))["relative_l1"]
    assert scores.dims == ("forecast", "sample", "group")
    assert scores.sizes == {"forecast": 3, "sample": 10, "group": 2}
    shown = scores.sel(forecast="input")
    assert ((shown > 0) & (shown < 0.5)).all()
    assert float(scores.sel(forecast="model").min()) > 0.1
    sought = task_errors(decay_model(1.0, decay_config(CHANNELS, VELOCITY)), data().split("test"))
    assert list(sought.group) == ["velocity"]
    assert float(sought["relative_l1"].sel(forecast="model").max()) < 1e-6


def forecasting():
    torch.manual_seed(0)
    return build(decay_config())


def test_an_error_head_judges_the_forecast_and_leaves_it_alone():
    model = forecasting()
    judge = PDE().fitted(model, data().split("train"), "error")
    assert judge.config.task == "error"
    batch = data().arranged(judge.config.inputs, judge.config.outputs).batch([0, 20, 50])
    loss = judge.loss(batch)
    loss.backward()
    grown = {name for name, p in judge.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert grown
    assert all(name.startswith("head.patches") for name in grown)
    actual = judge.head.actual(batch)
    made = judge.head.forecast(judge.encode(batch), batch).fields
    torch.testing.assert_close(actual, (judge.head.normaliser(made) - judge.head.normaliser(batch.target)).abs())
    assert (judge(batch).fields > 0).all()
    known = torch.zeros_like(batch.target, dtype=torch.bool)
    known[..., :4] = True
    land = dataclasses.replace(batch, known=known)
    sea = judge.loss(land).item()
    elsewhere = dataclasses.replace(land, target=torch.where(known, 1e3, batch.target))
    assert judge.loss(elsewhere).item() == pytest.approx(sea, rel=1e-5)  # what is known beforehand does not count


def test_an_indicator_is_scored_by_what_goes_with_the_error(monkeypatch):
    """One that knows the error agrees fully, its opposite inversely; one that always says the same has no score."""
    judge = PDE().fitted(forecasting(), data().split("train"), "error")

    def saying(change):
        other = copy.deepcopy(judge)
        plain = other.head.forward

        def forward(tokens, batch):
            made = plain(tokens, batch).fields
            return FieldPrediction(change(other.head.actual(batch)).expand_as(made))

        monkeypatch.setattr(other.head, "forward", forward)
        return other

    models = {"knows": saying(lambda e: e), "opposite": saying(lambda e: -e), "same": saying(torch.ones_like)}
    found = PDE().evaluate(models, data().split("test"), lead_steps=[1, 3])
    scores = found.scores
    assert scores["within"].sizes == {"forecast": 3, "lead_time": 2, "group": 2, "sample": 2}
    assert scores["lead_time"].values.tolist() == [0.5, 1.5]
    for name, value in {"knows": 1.0, "opposite": -1.0}.items():
        np.testing.assert_allclose(scores["within"].sel(forecast=name), value)
        np.testing.assert_allclose(scores["overall"].sel(forecast=name), value)
    assert scores["within"].sel(forecast="same").isnull().all()
    assert "tracer       knows           1.00" in found.text()
    assert found.rows()[0]["within"] == 1.0
    with pytest.raises(ValueError, match=r"estimates of errors are made at once, got rollout='autoregressive'"):
        PDE().evaluate(models, data().split("test"), rollout="autoregressive")
    with pytest.raises(ValueError, match=r"estimates of errors are made at once, got rollout='direct' and step=0.5"):
        PDE().evaluate(models, data().split("test"), step=0.5)
    for both in ({"model": judge, "twin": forecasting()}, {"twin": forecasting(), "model": judge}):
        with pytest.raises(ValueError, match=r"got models of another task: \['twin'\]; leave them out"):
            PDE().evaluate(both, data().split("test"))
    fine = PDE().evaluate({"knows": models["knows"]}, super_resolution(data(), 4).split("test")).scores
    assert fine["lead_time"].values.tolist() == [0.0]  # the pairs of the task, not forecasts
    np.testing.assert_allclose(fine["within"], np.ones((1, 1, 2, 10)))
    with pytest.raises(ValueError, match="a score needs a target, got data without one"):
        PDE().evaluate({"knows": models["knows"]}, unlabelled(data(), 0.5))


def test_an_error_model_is_built_again_from_its_configuration():
    judge = PDE().fitted(forecasting(), data().split("train"), "error")
    again = build(judge.config)
    assert isinstance(again.head, ErrorHead)
    again.load_state_dict(judge.state_dict())
    batch = data().arranged(judge.config.inputs, judge.config.outputs).batch([1])
    torch.testing.assert_close(again(batch).fields, judge(batch).fields)
    assert isinstance(PDE().head("forecast", judge), ForecastHead)
    with pytest.raises(ValueError, match="an error needs a target and the forecast for the same batch"):
        judge.head.actual(FieldBatch(batch.fields, batch.lead_time))
    with pytest.raises(ValueError, match="has the tasks forecast and error, got 'sing'"):
        PDE().head("sing", judge)
