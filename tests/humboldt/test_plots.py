"""Pictures show what they are given."""

import sys

import numpy as np
import pytest

from humboldt.domains.pde import Evaluation, evaluate, model_forecaster
from humboldt.domains.pde.data import open_trajectories
from humboldt.plots import MissingMatplotlibError, energy_spectra, error_curves, forecast_maps, save
from tests.domains.pde.decay import decay_config, decay_model, decay_trajectories

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    data = open_trajectories(decay_trajectories())
    forecasters = {"model": model_forecaster(decay_model(1.1)), "twin": model_forecaster(decay_model(1.5))}
    return evaluate(forecasters, data, decay_config())


def test_maps_share_limits_and_name_lead_times(evaluation, tmp_path):
    truth, made = (evaluation.example.sel(forecast=f) for f in ("truth", "model"))
    figure = forecast_maps(truth, made, "tracer", [0.5, 2.0])
    images = [axis.images[0] for axis in figure.axes[:6]]
    assert images[0].get_clim() == images[1].get_clim() == images[2].get_clim()
    low, high = images[0].get_clim()
    assert low == -high
    assert images[4].get_clim()[1] < high
    assert np.allclose(images[4].get_array(), 0.1 * images[0].get_array(), rtol=1e-3)
    assert [figure.axes[i].get_title() for i in (0, 1)] == ["lead time 0.5", "lead time 2"]
    assert save(figure, tmp_path / "deep" / "maps.png").stat().st_size > 5000
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["maps.png"]


def test_curves_have_a_line_per_forecast_and_a_panel_per_group(evaluation):
    figure = error_curves(evaluation.scores)
    assert [axis.get_title() for axis in figure.axes] == ["velocity", "tracer"]
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert list(lines) == ["persistence", "model", "twin"]
    assert np.allclose(lines["twin"], 0.5, rtol=1e-3)


def test_spectra_show_the_truth_too(evaluation):
    figure = energy_spectra(evaluation.spectra, 1.0)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels == ["persistence", "model", "twin", "truth"]


def test_without_matplotlib_the_extra_is_named(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingMatplotlibError, match=r'pip install "humboldt\[plots\]"'):
        error_curves(evaluation.scores)
