"""One number a model: what its science measures, else the loss of its head."""

import pytest
import torch

from humboldt.domains.pde import PDE
from humboldt.domains.pde.data import open_trajectories
from humboldt.measuring import mean_loss, measure
from tests.domains.pde.decay import decay_model, decay_trajectories


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


def test_where_a_science_has_no_number_it_is_the_loss(data, monkeypatch):
    monkeypatch.setattr(PDE, "measure", lambda *_, **__: None)
    model = decay_model(factor=1.5)
    found = measure(model, data)
    assert found.metric == "loss of the head"
    with torch.no_grad():
        assert found.value == pytest.approx(mean_loss(model, data))
