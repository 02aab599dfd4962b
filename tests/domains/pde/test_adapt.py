"""Model and data meet: whose weights, whose statistics."""

import logging
from typing import Any

import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.pde import (
    Channel,
    FineConfig,
    PDEConfig,
    build,
    fit_to_data,
    scot_core,
    select_channels,
    with_fine_path,
)
from humboldt.domains.pde.data import open_trajectories
from humboldt.finetune import merged, method, with_adapters_of
from humboldt.foundations import ConfigError
from tests.domains.pde.decay import decay_trajectories


def operator(*names: str, **settings: Any) -> Any:
    core = scot_core(width=8, depths=(1, 1), heads=(2, 2), window=4, grid=4, skips=(1, 0))
    channels = tuple(Channel(name=name, group="velocity" if "velocity" in name else "") for name in names)
    return build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=2, horizon=2.0, **settings))


def velocities(mean: float, deviation: float) -> Any:
    data = decay_trajectories().drop_vars("tracer")
    for name in ("velocity_x", "velocity_y"):
        field = data[name]
        data[name] = ((field - field.mean()) / field.std() * deviation + mean).assign_attrs(field.attrs)
    return open_trajectories(data, split={"train": 2, "test": 1})


@pytest.mark.parametrize(
    ("mean", "deviation", "kept"), [(0.5, 1.0, True), (-2.0, 2.0, True), (300.0, 1.0, False), (0.0, 9.0, False)]
)
def test_statistics_are_those_of_the_data_where_mean_or_deviation_lie_elsewhere(mean, deviation, kept):
    data = velocities(mean, deviation)
    fitted: Any = fit_to_data(operator("velocity_x", "velocity_y"), data)
    own = np.array([mean, mean]) * (not kept), deviation if not kept else 1.0
    assert np.allclose(fitted.embed.normaliser.mean, own[0], atol=0.3 * deviation)
    assert np.allclose(fitted.embed.normaliser.std, own[1], rtol=0.3)


def test_unknown_channels_take_over_free_scalars(caplog):
    data = open_trajectories(decay_trajectories().rename(velocity_x="temperature"), split={"train": 2, "test": 1})
    model = operator("velocity_x", "velocity_y", "scalar_1")
    with caplog.at_level(logging.INFO):
        fitted: Any = fit_to_data(model, data)
    names = [c.name for c in fitted.config.inputs]
    patches = fitted.embed.patches.projection.weight
    assert torch.equal(patches[:, names.index("temperature")], model.embed.patches.projection.weight[:, 2])
    assert "'temperature': 'scalar_1'" in caplog.text


def test_without_free_scalars_the_ends_begin_afresh_as_published():
    data = open_trajectories(decay_trajectories().rename(velocity_x="temperature"), split={"train": 2, "test": 1})
    model = operator("velocity_x", "velocity_y")
    patches: Any = fit_to_data(model, data).embed.patches.projection.weight
    old = model.embed.patches.projection.weight
    assert patches.shape[1] == 3
    assert not any(torch.equal(patches[:, i], old[:, j]) for i in range(3) for j in range(2))


def test_a_model_without_units_takes_those_of_the_data_and_one_with_units_keeps_its_own():
    """Velocities in m s-1 were refused by a model whose velocities have none, unless another channel was new to it."""
    data = decay_trajectories().drop_vars("tracer")
    for name in ("velocity_x", "velocity_y"):
        data[name].attrs["units"] = "m s-1"
    opened = open_trajectories(data, split={"train": 2, "test": 1})
    model = operator("velocity_x", "velocity_y", "scalar_1")
    fitted = fit_to_data(model, opened)
    assert (
        [c.units for c in fitted.config.inputs] == [c.units for c in fitted.config.outputs] == ["m s-1", "m s-1", "1"]
    )
    assert [c.units for c in model.config.inputs] == ["1", "1", "1"]
    arranged = opened.arranged(fitted.config.inputs, fitted.config.outputs)
    assert fitted(arranged.batch([0])).fields.shape == (1, 3, 16, 16)
    core = "core.scales.0.down.0.attention.qkv.weight"
    assert torch.equal(fitted.state_dict()[core], model.state_dict()[core])
    for name in ("velocity_x", "velocity_y"):
        data[name].attrs["units"] = "km h-1"
    other = open_trajectories(data, split={"train": 2, "test": 1})
    again = fit_to_data(fitted, other)
    with pytest.raises(DataError, match="velocity_x is wanted in 'm s-1', got 'km h-1'"):
        other.arranged(again.config.inputs, again.config.outputs)


def test_a_fitted_model_is_as_precise_as_it_was():
    """Weights in double precision came back in single precision."""
    model = operator("velocity_x", "velocity_y").double()
    with torch.no_grad():
        model.head.mix.weight.add_(1e-12)
    fitted = fit_to_data(model, velocities(0.0, 1.0))
    assert torch.equal(fitted.state_dict()["head.mix.weight"], model.head.mix.weight)
    grown = with_fine_path(model, FineConfig(width=4, layers=1, modes=3))
    assert torch.equal(grown.state_dict()["head.mix.weight"], model.head.mix.weight)


def test_a_model_with_adapters_is_not_changed_and_told_what_to_do():
    """It ended in a list of the tensors that do not fit, or lost the note of its adapters."""
    data, names = velocities(0.0, 1.0), ("velocity_x", "velocity_y")
    adapted: Any = method("lora").prepare(operator(*names))
    chosen = adapted.config.inputs[:1]
    for change in (
        with_fine_path,
        lambda model: fit_to_data(model, data),
        lambda model: select_channels(model, chosen, chosen),
    ):
        with pytest.raises(ConfigError, match=r"without its adapters, got one with \['default'\]; .*merged"):
            change(adapted)
    kept = with_adapters_of(adapted, with_fine_path)
    assert list(kept.adapted) == ["default"]
    assert kept.config.fine is not None
    assert with_fine_path(merged(adapted)).config.fine is not None
