"""Pictures show what they are given."""

import sys

import numpy as np
import pytest
import xarray as xr

from humboldt.domains.pde import Evaluation, evaluate, model_forecaster
from humboldt.domains.pde.data import open_trajectories
from humboldt.foundations import MissingMatplotlibError
from humboldt.plots import energy_spectra, error_curves, forecast_maps, prediction_maps, save
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


def test_maps_of_a_forecast_have_the_first_axis_to_the_right_and_share_colours_in_a_row():
    values = np.arange(2 * 3 * 4, dtype=float).reshape(1, 2, 3, 4)
    about = {"lead_time": [6.0, 12.0], "x": [10.0, 20.0, 30.0], "y": [0.0, 5.0, 10.0, 15.0]}
    dims = ("time", "lead_time", "x", "y")
    forecast = xr.Dataset({"t": (dims, values + 270, {"units": "K"}), "u": (dims, values - 10)}, about)
    forecast["series"] = ("lead_time", [1.0, 2.0])
    figure = prediction_maps(forecast)
    images = [axis.images[0] for axis in figure.axes[:4]]
    np.testing.assert_array_equal(images[1].get_array(), values[0, 1].T + 270)
    assert images[0].get_extent() == [10, 30, 0, 15]
    assert images[0].get_clim() == images[1].get_clim() == (270, 293)
    assert images[2].get_clim() == (-13, 13)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["lead time 6", "lead time 12"]
    with pytest.raises(ValueError, match=r"two space axes, got {'lead_time': 2}; plot the forecast with xarray"):
        prediction_maps(forecast[["series"]])


def test_fields_on_the_earth_are_drawn_with_coastlines():
    from matplotlib.collections import LineCollection

    dims, values = ("lead_time", "latitude", "longitude"), np.arange(24.0).reshape(2, 3, 4)
    about = {"lead_time": [6.0, 12.0], "latitude": [10.0, 20.0, 30.0], "longitude": [0.0, 5.0, 10.0, 15.0]}
    figure = prediction_maps(xr.Dataset({"t": (dims, values, {"units": "K"})}, about))
    for axis in figure.axes[:2]:
        (coast,) = (artist for artist in axis.collections if isinstance(artist, LineCollection))
        assert len(coast.get_segments()) > 100
        assert axis.get_xlim()[1] < 20  # the view is that of the data, not of the coast
