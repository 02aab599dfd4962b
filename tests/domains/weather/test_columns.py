"""Which variable and level is which channel."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Channel, open_analyses
from humboldt.domains.weather.columns import channels_of, columns_of, meaning
from humboldt.domains.weather.data import relabelled
from tests.domains.weather.analyses_on_disk import analyses

DATA = open_analyses(analyses())


def read(column):
    return column.read({str(n): DATA[n].isel(time=0).values for n in DATA.data_vars})


def test_a_channel_is_found_under_another_name_and_converted():
    wanted = (
        Channel(variable="T", units="K", level=850.0, level_kind="hPa"),
        Channel(variable="SLP", units="hPa"),
        Channel(variable="t", units="degC", level=500.0, level_kind="hPa"),
    )
    temperature, pressure, celsius = map(read, columns_of(DATA, wanted))
    np.testing.assert_array_equal(temperature, DATA["t"].isel(time=0).sel(level=850).values)
    np.testing.assert_allclose(pressure, DATA["msl"].isel(time=0).values / 100, rtol=1e-6)
    np.testing.assert_allclose(celsius, DATA["t"].isel(time=0, level=0).values - 273.15, rtol=1e-5, atol=1e-4)


def test_a_height_is_made_of_a_geopotential():
    data = DATA.assign(z=(DATA["t"] * 100).assign_attrs(units="m2 s-2"))
    (column,) = columns_of(data, [Channel(variable="H", units="m", level=500.0, level_kind="hPa")])
    assert (column.variable, column.factor) == ("z", pytest.approx(1 / 9.80665))


def test_the_data_offer_every_variable_on_every_level():
    assert [c.name for c in channels_of(DATA, None, None)] == ["t_500", "t_850", "msl"]
    assert [c.name for c in channels_of(DATA, ["t"], [850])] == ["t_850"]
    assert channels_of(DATA, ["msl"], None)[0].standard_name == "air_pressure_at_mean_sea_level"


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        (Channel(variable="QV2M"), r"no variable 'QV2M' .* in the data; they have \['msl', 't'\]"),
        (
            Channel(variable="T", units="K", level=700.0, level_kind="hPa"),
            r"on the levels \[500.0, 850.0\], got level 700",
        ),
        (Channel(variable="T", units="K", level=72.0, level_kind="model"), r"kind 'model', the data have 'hPa'"),
        (Channel(variable="msl", units="m s-1"), r"msl is wanted in 'm s-1', got 'Pa', which is of another kind"),
        (Channel(variable="t", units="K"), r"t is wanted without a level, but 't' has 2"),
        (Channel(variable="msl", units="Pa", level=500.0, level_kind="hPa"), r"on a level, but 'msl' has none"),
    ],
)
def test_refusals(channel, message):
    with pytest.raises(DataError, match=message):
        columns_of(DATA, [channel])


def test_a_wrong_label_is_corrected():
    data = DATA.assign(msl=DATA["msl"].assign_attrs(units="furlong"))
    with pytest.raises(DataError, match=r"correct it with units=\{'msl'"):
        columns_of(data, [Channel(variable="msl", units="Pa")])
    assert columns_of(relabelled(data, {"msl": "hPa"}), [Channel(variable="msl", units="Pa")])[0].factor == 100
    with pytest.raises(DataError, match=r"units are told of variables of the data, .* got 'mls'; did you mean 'msl'"):
        relabelled(data, {"mls": "hPa"})


@pytest.mark.parametrize(
    ("channel", "wanted"),
    [
        (Channel(variable="u500"), ("u", 500, "hPa")),
        (Channel(variable="U500", long_name="eastward wind at 500 hPa"), ("u", 500, "hPa")),
        (Channel(variable="zg500"), ("z", 500, "hPa")),
        (Channel(variable="H850"), ("z", 850, "hPa")),
        (Channel(variable="u100", long_name="100 metre U wind component"), ("u100", None, "")),
        (Channel(variable="U10", long_name="10m wind speed"), ("U10", None, "")),
        (Channel(variable="U500", long_name="zonal wind / (m s-1)"), ("u", 500, "hPa")),
        (Channel(variable="air_temperature"), ("2t", None, "")),
        (Channel(variable="air_temperature", level=850.0, level_kind="hPa"), ("t", 850, "hPa")),
        (Channel(variable="air_pressure_at_mean_sea_level"), ("msl", None, "")),
        (Channel(variable="ozone"), ("ozone", None, "")),
    ],
)
def test_what_a_channel_means(channel, wanted):
    assert meaning(channel) == wanted


def test_a_level_in_the_name_and_a_level_of_the_data_are_one():
    (column,) = columns_of(DATA, [Channel(variable="T850", units="degC")])
    assert (column.variable, column.level, column.offset) == ("t", 1, -273.15)
    flat = DATA.assign(T850=DATA["t"].isel(level=1)).drop_vars(["t", "level"])
    (back,) = columns_of(flat, [Channel(variable="ta", units="K", level=850.0, level_kind="hPa")])
    assert (back.variable, back.level) == ("T850", None)
    with pytest.raises(DataError, match="there is no variable 'T700'"):
        columns_of(DATA, [Channel(variable="T700", units="K")])
