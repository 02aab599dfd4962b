"""One number a model: what its science measures, else the loss of its head."""

import numpy as np
import pytest
import torch

from humboldt.domains.pde import PDE
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.weather import evaluate, fit_to_data, open_weather
from humboldt.measuring import mean_loss, measure
from tests.domains.pde.decay import decay_model, decay_trajectories
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import model as weather_model


@pytest.fixture
def data():
    return open_trajectories(decay_trajectories(), split={"train": 2, "test": 1}).split("test")


def test_a_model_that_knows_has_no_error_and_a_wrong_one_that_of_its_factor(data):
    assert measure(decay_model(), data).value == pytest.approx(0, abs=1e-5)
    wrong = decay_model(factor=1.5)
    found = measure(wrong, data, lead_steps=[1])
    assert found.metric == "median relative L1, mean over lead steps and groups"
    expected = PDE().evaluate({"model": wrong}, data, lead_steps=[1]).scores["relative_l1"].sel(forecast="model")
    assert found.value == pytest.approx(float(expected.median("sample").mean()))
    assert found.value > 0.1
    assert found.samples is not None
    assert found.samples.samples == tuple(map(str, data.samples)) == ("2",)
    assert found.samples.columns == ("lead step 1",)
    assert found.samples.mean == pytest.approx(found.value, rel=1e-5)  # one trajectory: its median is its mean


def test_the_scores_of_samples_are_those_that_the_median_is_taken_of():
    whole = open_trajectories(decay_trajectories(), split={"test": 3})
    found = measure(decay_model(factor=1.5), whole.split("test"))
    assert found.samples is not None
    assert len(found.samples.columns) == 4
    assert found.value == pytest.approx(np.median(np.array(found.samples.values), axis=1).mean(), rel=1e-5)
    alone = measure(decay_model(factor=1.5), whole.split("test").choose([1])).samples
    assert alone is not None
    for column, named in found.samples.by_column().items():
        assert alone.by_column()[column] == {alone.samples[0]: pytest.approx(named[alone.samples[0]], rel=1e-5)}


def test_weather_is_measured_in_deviations_of_changes():
    states = analyses(frames=12, rows=8, columns=16)
    data = open_weather(states, lead_times=[6])
    made = fit_to_data(weather_model(residual="none"), data)
    errors = evaluate({"made": made}, data)["rmse"].sel(forecast="made")
    deviations = made.head.get_submodule("normaliser").get_buffer("std").flatten().double().numpy()
    assert deviations.min() < 0.01 * deviations.max()  # pressures in Pa beside temperatures
    score = measure(made, data)
    assert score.value == pytest.approx(float((errors.values / deviations).mean()), rel=1e-5)
    assert score.samples is not None
    assert score.samples.columns == ("lead time 6 h",)
    assert len(score.samples.samples) == len(data)
    assert score.samples.samples[0].startswith(str(data.times[data.samples[0].inputs[-1]]))
    alone = evaluate({"made": made}, data.choose([3]))["rmse"].sel(forecast="made").values.ravel()
    assert score.samples.values[0][3] == pytest.approx(float((alone / deviations).mean()), rel=1e-5)


def test_where_a_science_has_no_number_it_is_the_loss(data, monkeypatch):
    monkeypatch.setattr(PDE, "measure", lambda *_, **__: None)
    model = decay_model(factor=1.5)
    found = measure(model, data)
    assert found.metric == "loss of the head"
    with torch.no_grad():
        assert found.value == pytest.approx(mean_loss(model, data))
