"""Rules of a configuration."""

from typing import Any

import pytest

from humboldt.domains.pde import Channel, PDEConfig, scot_core
from humboldt.foundations import ConfigError, from_dict, to_dict

CORE = scot_core(width=8, depths=(1,), heads=(2,), window=4, grid=4, skips=(0,))
U, V = Channel(name="u", group="velocity"), Channel(name="v", group="velocity")


def config(**choices):
    fields: dict[str, Any] = {"inputs": (U, V), "outputs": (U, V), "core": CORE, "patch": 2}
    return PDEConfig(**(fields | choices))


def test_the_written_form_comes_back():
    assert from_dict(PDEConfig, to_dict(config(increment=True, loss="plain"))) == config(increment=True, loss="plain")


def test_groups_hold_scored_channels_in_order():
    forcing = Channel(name="forcing", scored=False)
    channels = (U, forcing, V, Channel(name="pressure"))
    assert config(inputs=channels, outputs=channels).groups == {"velocity": (0, 2), "pressure": (3,)}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"horizon": 0.0}, "horizon is a positive lead time, got 0"),
        ({"absolute_position": True}, "absolute positions need a fixed grid, got resolution=None; set resolution"),
        ({"increment": True, "inputs": (U,)}, "there are 1 inputs for 2 outputs; set increment=False"),
        ({"outputs": (Channel(name="c", scored=False),)}, "at least one scored output channel, got none"),
    ],
)
def test_broken_rules_are_said(choices, message):
    with pytest.raises(ConfigError, match=message):
        config(**choices)
