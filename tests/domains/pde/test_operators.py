"""Operators in one, two and three axes."""

import pytest

from humboldt.domains.pde import Channel, build, operator, operator_for
from humboldt.domains.pde.data import open_trajectories
from humboldt.foundations import ConfigError
from tests.domains.pde.decay import decay_trajectories


def test_an_operator_for_data_has_their_channels_axes_and_horizon():
    whole = decay_trajectories()
    config = operator_for(open_trajectories(whole))
    assert [c.name for c in config.inputs] == ["velocity_x", "velocity_y", "tracer"]
    assert (config.core.axes, config.patch, config.horizon, config.increment) == (2, 4, 2.0, True)
    line = whole.isel(y=0, drop=True).assign_attrs(periodic="x")
    line["time"].attrs["units"] = "h"
    config = operator_for(open_trajectories(line))
    assert (config.core.axes, config.time_units) == (1, "h")
    cube = whole.expand_dims(z=4, axis=-1).assign_attrs(periodic="")
    assert operator_for(open_trajectories(cube)).patch == 2


def test_other_outputs_are_added_to_the_state_where_they_are_its_first_fields():
    data = decay_trajectories()
    part = open_trajectories(data, inputs=["velocity", "tracer"], outputs=["velocity"])
    assert operator_for(part).increment
    other = open_trajectories(data, inputs=["velocity"], outputs=["tracer"], pairs=[[1, 1]])
    config = operator_for(other)
    assert ([c.name for c in config.outputs], config.increment, config.horizon) == (["tracer"], False, 1.0)
    build(config)


def test_axes_and_widths_have_rules():
    with pytest.raises(ConfigError, match="an operator has 1, 2 or 3 axes, got 4"):
        operator([Channel(name="u")], axes=4)
    with pytest.raises(ConfigError, match=r"widths are multiples of 16, one a scale, got \(20,\)"):
        operator([Channel(name="u")], widths=(20,))
