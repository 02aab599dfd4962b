"""Scores, spectra and storms as pictures."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.domains.weather import lead_time_curves, regular, scorecard, storm_tracks
from humboldt.domains.weather.pictures import spectra

pytest.importorskip("matplotlib")


def scores() -> xr.Dataset:
    rmse = np.array([[[4.0, 2.0], [8.0, 4.0]], [[2.0, 3.0], [6.0, 4.0]]])
    coords = {"forecast": ["persistence", "model"], "lead_time": [6.0, 12.0], "channel": ["t_500", "msl"],
              "units": ("channel", ["K", "Pa"])}  # fmt: skip
    return xr.Dataset({"rmse": (("forecast", "lead_time", "channel"), rmse)}, coords)


def test_a_scorecard_is_in_percent_of_the_reference():
    axis = scorecard(scores()).axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[-50, -25], [50, 0]])
    assert [text.get_text() for text in axis.texts] == ["-50", "-25", "+50", "+0"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["t_500", "msl"]
    with pytest.raises(ValueError, match=r"\['persistence', 'model'\], got 'climatology'; score it too"):
        scorecard(scores(), reference="climatology")


def test_one_lead_time_has_its_title_its_tick_and_its_points_inside():
    one = scores().isel(lead_time=[0])
    card, curves = scorecard(one), lead_time_curves(one)
    for figure in (card, curves):
        figure.draw_without_rendering()
    from matplotlib.text import Text

    (text,) = (found for found in card.findobj(Text) if found.get_text().startswith("RMSE of"))
    title, inside = text.get_window_extent(), card.bbox
    assert inside.x0 <= title.x0 < title.x1 <= inside.x1
    for axis in curves.axes:
        assert axis.get_xticks().tolist() == [6.0]
        assert all(line.get_ydata().max() < axis.get_ylim()[1] for line in axis.lines)


def test_curves_have_a_panel_per_channel_and_a_line_per_forecast():
    axes = lead_time_curves(scores()).axes
    assert [axis.get_title() for axis in axes] == ["t_500", "msl"]
    assert axes[1].get_ylabel() == "rmse / Pa"
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes[0].lines}
    assert lines == {"persistence": [4, 8], "model": [2, 6]}


def test_spectra_say_what_is_resolved():
    grid = regular(16, 32)
    noise = np.random.default_rng(0).normal(size=(3, 16, 32))
    about = {"latitude": list(grid.latitude), "longitude": list(grid.longitude)}
    truth = xr.DataArray(noise, about, ("time", "latitude", "longitude"), attrs={"units": "K"})
    axis = spectra({"truth": truth, "faint": 0.1 * truth}).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    assert set(lines) == {"truth", "faint (resolves 0)"}
    np.testing.assert_allclose(lines["faint (resolves 0)"], 0.01 * lines["truth"])
    assert axis.get_xlabel() == "total wavenumber"
    with pytest.raises(ValueError, match=r"fields without gaps, got 384 missing values of 1536; fill them"):
        spectra({"truth": truth.where(truth["latitude"] > -40)})
    region = truth.isel(longitude=slice(0, 12))
    assert spectra({"truth": region}).axes[0].get_xlabel() == "periods across the region"


def test_tracks_are_drawn_in_place_and_time():
    times = np.datetime64("2020-01-01") + np.arange(3) * np.timedelta64(6, "h")
    table = pd.DataFrame({"track": 0, "time": times, "latitude": [40.0, 42, 44], "longitude": [-60.0, -55, -50],
                          "pressure": [99000.0, 98000, 97500]})  # fmt: skip
    figure = storm_tracks({"truth": table, "model": table.assign(longitude=table["longitude"] + 1)})
    latitudes = table["latitude"]
    low, high = figure.axes[0].get_ylim()
    assert (low, high) == pytest.approx((latitudes.min() - 8, latitudes.max() + 8), abs=1)
    left, right = figure.axes
    drawn = {line.get_label(): line.get_xdata().tolist() for line in left.lines if line.get_marker() == "o"}
    assert drawn == {"truth": [-60, -55, -50], "model": [-59, -54, -49]}
    assert right.lines[0].get_ydata().tolist() == [990, 980, 975]
    assert left.get_xlim()[0] < -60 < -49 < left.get_xlim()[1]
    with pytest.raises(ValueError, match=r"\['model'\] have none; follow more times"):
        storm_tracks({"model": table.iloc[:0]})


def test_tracks_of_another_calendar_are_drawn_over_hours():
    times = xr.date_range("2000-02-29", periods=3, freq="12h", calendar="360_day", use_cftime=True)  # 30 February
    table = pd.DataFrame({"track": 0, "time": times, "hours": [0.0, 12, 24], "latitude": 40.0,
                          "longitude": [-60.0, -55, -50], "pressure": 99000.0})  # fmt: skip
    right = storm_tracks({"truth": table}).axes[1]
    assert right.lines[0].get_xdata().tolist() == [0, 12, 24]
    assert right.get_xlabel() == "hours"


def test_a_storm_over_the_seam_of_its_longitudes_is_one_line_and_a_short_one():
    times = np.datetime64("2020-01-01") + np.arange(4) * np.timedelta64(6, "h")
    table = pd.DataFrame({"track": 0, "time": times, "latitude": 40.0, "longitude": [356.0, 359, 2, 5],
                          "pressure": 99000.0})  # fmt: skip
    left = storm_tracks({"truth": table}).axes[0]
    line = next(line for line in left.lines if line.get_marker() == "o")
    np.testing.assert_allclose(np.diff(line.get_xdata()), 3)
    assert np.ptp(left.get_xlim()) < 30
    rounded = table.assign(longitude=[-102.15379261277066, -101, -100, -99])  # rounded on its way around
    assert np.ptp(storm_tracks({"truth": rounded}).axes[0].get_xlim()) < 30
    grid = regular(8, 16)
    globe = xr.DataArray(np.zeros(grid.shape), {"latitude": list(grid.latitude), "longitude": list(grid.longitude)},
                         ("latitude", "longitude"), name="msl")  # fmt: skip
    drawn = storm_tracks({"truth": table.assign(longitude=table["longitude"] - 12)}, globe).axes[0]
    x = next(line for line in drawn.lines if line.get_marker() == "o").get_xdata()
    assert np.isnan(x).tolist() == [False, False, True, False, False]  # it leaves on one side and comes in on the other
