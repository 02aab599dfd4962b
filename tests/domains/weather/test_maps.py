"""Maps of fields on the Earth."""

import numpy as np
import pytest
import xarray as xr

from humboldt.domains.weather import Grid, forecast_maps, regular
from humboldt.domains.weather.maps import coast, map_axes

pytest.importorskip("matplotlib")


def forecast(grid: Grid, leads: tuple[float, ...] = (6.0, 12.0)) -> xr.Dataset:
    shape = (len(leads), 2, 1, 3, *grid.shape)
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    coords = {"lead_time": list(leads), "level": [250.0, 500.0, 850.0], "latitude": list(grid.latitude),
              "longitude": list(grid.longitude)}  # fmt: skip
    dims = ("lead_time", "number", "init_time", "level", "latitude", "longitude")
    made = xr.Dataset({"u": (dims, values - 60.0, {"units": "m s-1"}), "t2m": (("lead_time", *dims[4:]),
                       values[:, 0, 0, 0], {"units": "K"})}, coords)  # fmt: skip
    made["level"].attrs["units"] = "hPa"
    return made


def test_a_map_shows_the_mean_of_the_members_on_the_middle_level():
    given = forecast(Grid((10.0, 20.0, 30.0), (170.0, 180.0, 190.0, 200.0)))
    figure = forecast_maps(given)
    images = [axis.collections[-1] for axis in figure.axes[:4]]
    wanted = given["u"].isel(lead_time=1, init_time=0, level=1).mean("number").values
    np.testing.assert_allclose(images[1].get_array(), wanted)
    low, high = images[0].get_clim()
    assert low == -high
    assert images[1].get_clim() == (low, high)
    assert images[2].get_clim() == (given["t2m"].min(), given["t2m"].max())
    assert figure.axes[0].get_xlim() == (165, 205)
    assert figure.axes[0].get_ylim() == (5, 35)
    labels = [axis.get_ylabel() for axis in figure.axes[4:]]
    assert labels == ["u 500 hPa / m s-1", "t2m / K"]
    assert [axis.get_title() for axis in figure.axes[:2]] == ["lead time 6 h", "lead time 12 h"]


def test_lead_times_of_a_file_may_be_time_spans():
    given = forecast(regular(4, 8))
    spans = given.assign_coords(lead_time=given["lead_time"].values.astype("timedelta64[h]").astype("timedelta64[ns]"))
    assert forecast_maps(spans).axes[1].get_title() == "lead time 12 h"


def test_the_coast_is_where_it_is():
    """Points lie near Gibraltar, Cape Horn and Cape Agulhas; none in the middle of oceans and continents."""
    places = np.concatenate([np.stack(line, 1) for line in coast()])
    assert (np.abs(places) <= (180, 90)).all()

    def nearest(longitude, latitude):
        return np.hypot(*(places - (longitude, latitude)).T).min()

    assert max(nearest(-5.6, 36.0), nearest(-67.3, -55.9), nearest(20.0, -34.8)) < 2
    assert min(nearest(-150.0, 30.0), nearest(90.0, 60.0), nearest(-30.0, 0.0)) > 5


def test_missing_values_stay_grey():
    given = forecast(regular(4, 8))
    given["t2m"].values[:, 0] = np.nan
    image = forecast_maps(given[["t2m"]]).axes[0].collections[-1]
    assert image.get_array().mask[0].all()
    assert not image.get_array().mask[1:].any()


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match=r"lead_time, latitude and longitude, got {'x': 2}; plot the forecast with"):
        forecast_maps(xr.Dataset({"a": ("x", [1, 2])}))


def test_the_globe_has_the_projection_of_cartopy_where_that_is_installed():
    pytest.importorskip("cartopy")
    _, axes = map_axes(1, 2, regular(4, 8))
    assert [type(axis.projection).__name__ for axis in axes[0]] == ["Robinson", "Robinson"]
    _, region = map_axes(1, 1, Grid((10.0, 20.0), (0.0, 10.0)))
    assert not hasattr(region[0, 0], "projection")


def test_states_are_drawn_at_their_times():
    grid = Grid((10.0, 20.0, 30.0), (170.0, 180.0, 190.0, 200.0))
    times = np.datetime64("2020-01-01", "ns") + np.arange(9) * np.timedelta64(6, "h")
    given = forecast(grid).isel(lead_time=0, init_time=0, drop=True)[["u"]].expand_dims(time=times)
    figure = forecast_maps(given * (1 + np.arange(9)).reshape(9, 1, 1, 1, 1))
    wanted = ["2020-01-01 00:00", "2020-01-01 18:00", "2020-01-02 06:00", "2020-01-03 00:00"]
    assert [axis.get_title() for axis in figure.axes[:4]] == wanted
    first, last = (figure.axes[i].collections[-1].get_array() for i in (0, 3))
    np.testing.assert_allclose(last, 9 * first)
