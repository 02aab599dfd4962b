"""Names and units of one quantity in several archives."""

import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather.lexicon import QUANTITIES, conversion, quantity


@pytest.mark.parametrize(
    "names", [("T2M", "2t", "t2m", "tas", "2m_temperature"), ("SLP", "msl", "psl"), ("U", "u", "ua")]
)
def test_archives_call_one_quantity_by_many_names(names):
    assert len({quantity(name) for name in names}) == 1


def test_a_standard_name_tells_a_level_from_the_surface():
    assert quantity("tmp_whatever", "air_temperature", levels=True).name == "t"
    assert quantity("tmp_whatever", "air_temperature").name == "2t"
    assert quantity("nonsense") is None


def test_no_name_means_two_things():
    names = [name for q in QUANTITIES for name in {q.name, *q.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("found", "wanted", "name", "value", "result"),
    [
        ("hPa", "Pa", "msl", 1013.0, 101300.0),
        ("degC", "K", "2t", 10.0, 283.15),
        ("K", "celsius", "2t", 283.15, 10.0),
        ("degF", "K", "2t", 50.0, 283.15),
        ("K", "degF", "2t", 283.15, 50.0),
        ("degF", "degC", "2t", 212.0, 100.0),
        ("degC", "degF", "2t", -40.0, -40.0),
        ("g kg-1", "kg kg**-1", "q", 5.0, 0.005),
        ("knots", "m/s", "10u", 1.0, 0.514444),
        ("%", "1", "lsm", 50.0, 0.5),
        ("m2 s-2", "m", "z", 9.80665, 1.0),
        ("gpdm", "m2 s-2", "gh", 1.0, 98.0665),
        ("m", "m**2 s**-2", "orog", 2.0, 19.6133),
        ("mm", "kg m-2", "tp", 3.0, 3.0),
        ("mm d-1", "kg m-2 s-1", "tprate", 86400.0, 1.0),
    ],
)
def test_conversions(found, wanted, name, value, result):
    factor, offset = conversion(found, wanted, quantity(name))
    assert factor * value + offset == pytest.approx(result, rel=1e-5)


def test_another_kind_is_refused():
    with pytest.raises(DataError, match=r"t is wanted in 'K', got 'm s-1', which is of another kind"):
        conversion("m s-1", "K", quantity("t"), "t")
    with pytest.raises(DataError, match=r"another kind"):
        conversion("m2 s-2", "m", quantity("t"))  # only a geopotential has a height
    with pytest.raises(DataError, match=r"another kind"):
        conversion("J m-2", "W m-2", quantity("tisr"))  # an accumulation needs its interval


def test_the_standard_name_tells_a_height_from_a_geopotential():
    height, rate = quantity("z", "geopotential_height", True), quantity("tp", "precipitation_flux")
    assert height is not None
    assert (height.name, height.units) == ("gh", "m")
    assert rate is not None
    assert rate.name == "tprate"
    for standard_name in (
        "",
        "air_temperature",
        "a_name_of_nobody",
        "surface_geopotential",
    ):  # what else may be left over
        plain = quantity("z", standard_name, True)
        assert plain is not None
        assert plain.name == "z"
