"""Units: the same in another spelling, or refused."""

import pytest

from humboldt.data_catalog import DataError, parse_units, require_units, same_units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m s-1", "m/s"),
        ("m s-1", "m s^-1"),
        ("m s**-1", "m*s-1"),
        ("kg m-1 s-2", "kg/m/s2"),
        ("metres", "m"),
        ("", "1"),
        ("dimensionless", "1"),
        ("1/s", "s-1"),
        ("seconds", "s"),
        ("m m-1", "1"),
        ("10^3 kg", "10^3 kg"),
        ("m s⁻²", "m s-2"),
        ("m²/s²", "m2 s-2"),
        ("μg m⁻³", "µg m-3"),
    ],
)
def test_same_units_in_other_spellings(one, other):
    assert same_units(one, other)


@pytest.mark.parametrize(("one", "other"), [("m s-1", "m s-2"), ("m", "km"), ("K", "degC"), ("1", "m"), ("hours", "s")])
def test_other_units(one, other):
    assert not same_units(one, other)


def test_powers():
    assert parse_units("kg m2 s-3") == {"kg": 1, "m": 2, "s": -3}
    assert parse_units("1") == {}


def test_require_units_names_rule_value_and_cure():
    require_units("m/s", "m s-1")
    with pytest.raises(DataError, match=r"pressure is wanted in 'Pa', got 'hPa'; convert.*units=\{'pressure': 'Pa'\}"):
        require_units("hPa", "Pa", "pressure")
