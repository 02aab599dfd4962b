"""Tables of stations become fields with gaps."""

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Grid, gridded_stations, open_weather, regular

TIMES = pd.to_datetime(["2020-01-01T06", "2020-01-01T00"])
GRID = regular(4, 8)  # rows at -67.5, -22.5, ...; columns at 0, 45, ...


def table():
    """Two stations near one point, one near the seam, one that reports once; late rows first."""
    rows = [
        (TIMES[k], lat, lon, t + k, 5.0)
        for k in (0, 1)
        for lat, lon, t in ((20, 50, 280), (30, 40, 290), (-70, -10, 250))
    ]
    return pd.DataFrame(
        [*rows, (TIMES[1], -20, 181, 300.0, np.nan)], columns=["time", "latitude", "longitude", "t2m", "u10"]
    )


def test_a_point_has_the_mean_of_its_stations():
    made = gridded_stations(table(), GRID, {"t2m": "K", "u10": "m s-1"})
    assert made["time"].values.tolist() == sorted(made["time"].values.tolist())
    assert made["t2m"].values[:, 2, 1].tolist() == [286, 285]
    assert made["t2m"].values[:, 0, 0].tolist() == [251, 250]
    assert made["t2m"].values[0, 1, 4] == 300
    assert np.isfinite(made["t2m"].values).sum((1, 2)).tolist() == [3, 2]
    assert np.isfinite(made["u10"].values).sum((1, 2)).tolist() == [2, 2]
    assert made["u10"].attrs["units"] == "m s-1"
    assert open_weather(made, lead_times=[0]).channels[0].units == "K"


def test_stations_off_a_region_are_left_out():
    region = Grid((15.0, 25.0, 35.0), (170.0, 180.0, 190.0))
    stations = pd.DataFrame(
        {"time": TIMES[0], "latitude": [20.0, 39.9, 41.0], "longitude": [-171.0, 166.0, 180.0], "x": 1.0}
    )
    made = gridded_stations(stations, region, {"x": "1"})
    assert np.argwhere(np.isfinite(made["x"].values[0])).tolist() == [[0, 2], [2, 0]]


def test_a_table_as_it_is_read_from_a_file():
    zoned = table().assign(time=lambda t: t["time"].dt.strftime("%Y-%m-%dT%H:%M+01:00"), row=lambda t: t["t2m"])
    text = zoned.astype({"t2m": str})
    made = gridded_stations(text, GRID, {"t2m": "K", "row": "K"})
    assert made["time"].values.astype("datetime64[h]").astype(str).tolist() == ["2019-12-31T23", "2020-01-01T05"]
    expected = gridded_stations(table(), GRID, {"t2m": "K"})["t2m"].values
    np.testing.assert_array_equal(made["t2m"].values, expected)
    np.testing.assert_array_equal(made["row"].values, expected)
    assert open_weather(made, lead_times=[0]).times.dtype.kind == "M"


def test_refusals():
    with pytest.raises(DataError, match=r"every row has a time such as 2020-01-31T06:00, got 'noon'; correct it"):
        gridded_stations(table().assign(time="noon"), GRID, {"t2m": "K"})
    with pytest.raises(DataError, match=r"observations are numbers, or missing, got 'trace' in 't2m'; correct it"):
        gridded_stations(table().assign(t2m="trace"), GRID, {"t2m": "K"})
    with pytest.raises(
        DataError, match=r"columns \['time', 'latitude', 'longitude', 'rh'\], got .* without \['rh'\]; rename"
    ):
        gridded_stations(table(), GRID, {"rh": "%"})
    with pytest.raises(
        DataError, match=r"lie on the grid, from 0 to 1 north and 0 to 1 east, got 7 outside; give degrees"
    ):
        gridded_stations(table(), Grid((0.0, 1.0), (0.0, 1.0)), {"t2m": "K"})
