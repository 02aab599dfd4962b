"""Configurations: the parts of a grid, and what is refused."""

import dataclasses

import pytest

from humboldt.domains.biodiversity import GridConfig, VariableGroup
from humboldt.foundations import ConfigError, from_dict, to_dict
from tests.domains.biodiversity.small_bioanalyst import small


def test_channels_and_tokens_are_counted_by_level():
    config = small()
    assert config.tokens == (12, 3, 4)
    assert config.channels == 16
    assert config.slices()["atmospheric"] == slice(3, 7)
    assert config.slices()["misc"] == slice(15, 16)


def test_a_configuration_survives_json():
    assert from_dict(GridConfig, to_dict(small())) == small()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": 5}, r"the patch divides the grid, got patch=5 and grid=\(12, 16\)"),
        ({"groups": (VariableGroup(name="a", variables=("x",)),) * 2}, "names of their own, got"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(small(), **changes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"variables": ()}, "holds at least one, got none"),
        ({"variables": ("a", "b"), "weights": (1.0,)}, "weights of group 'g' has one entry for each of 2 variables"),
        ({"variables": ("a", "b"), "embedded": ("a", "c")}, "names its variables in another order"),
    ],
)
def test_groups_are_checked(fields, message):
    with pytest.raises(ConfigError, match=message):
        VariableGroup(name="g", **fields)
