"""A model on another grid than the one that it was tuned on."""

import dataclasses
import logging

import numpy as np
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.domains.pde import FieldBatch, at_resolution, build
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.domain import PDE
from humboldt.domains.pde.resample import resample
from humboldt.finetune import method
from humboldt.foundations import ConfigError, Model
from tests.domains.pde.decay import decay_config, decay_trajectories


def smooth(size: int) -> torch.Tensor:
    """Two samples of three channels without waves that 16 points cannot hold."""
    place = torch.arange(size) / size
    waves = torch.sin(2 * torch.pi * place)[:, None] * torch.cos(6 * torch.pi * place)
    return torch.stack([waves * (1 + n) + n for n in range(6)]).view(2, 3, size, size)


def tuned() -> Model:
    """With a random core, and the record of a grid of 16 x 16."""
    torch.manual_seed(0)
    model = build(decay_config()).eval()
    model.provenance["data"] = {"train": {"grid": [16, 16]}}
    return model


def answer(model: Model, fields: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(FieldBatch(fields, torch.ones(len(fields)), periodic=(True, True))).fields


def test_on_a_finer_grid_a_model_says_what_it_says_on_its_own():
    model = tuned()
    own, coarse = at_resolution(model, 16), answer(model, smooth(16))
    torch.testing.assert_close(answer(own, smooth(16)), coarse)
    for size in (32, 48):
        torch.testing.assert_close(answer(own, smooth(size)), resample(coarse, (size, size)), rtol=1e-4, atol=1e-4)
        assert (answer(model, smooth(size)) - resample(coarse, (size, size))).abs().max() > 0.01  # it sees cells
    assert model.config.resolution is None  # a copy was changed
    assert model.head.config.resolution is None


def test_an_adapted_model_works_on_another_grid_too():
    model = tuned()
    with_adapter = method("lora", rank=2).prepare(model)
    own = at_resolution(with_adapter, 16)
    assert any("lora" in name for name, _ in own.named_parameters())
    torch.testing.assert_close(
        answer(own, smooth(32)), resample(answer(with_adapter, smooth(16)), (32, 32)), rtol=1e-4, atol=1e-4
    )


def test_forecasts_and_scores_on_a_grid_that_is_said():
    model, data = tuned(), decay_trajectories(size=32)
    state = data.isel(time=0)
    made = humboldt.predict(model, state, 1.0, resolution=16)
    coarse = humboldt.predict(model, state.isel(x=slice(0, None, 2), y=slice(0, None, 2)), 1.0)
    for name in ("velocity_x", "tracer"):
        expected = resample(torch.from_numpy(coarse[name].values), (32, 32)).numpy()
        np.testing.assert_allclose(made[name].values, expected, rtol=1e-3, atol=1e-4)
    assert made["x"].size == 32
    opened = open_trajectories(data, split={"train": 1, "validation": 1, "test": 1})
    found = PDE().evaluate({"m": model}, opened.split("test"), resolution=16).scores["relative_l1"]
    other = PDE().evaluate({"m": at_resolution(model, 16)}, opened.split("test")).scores["relative_l1"]
    xr.testing.assert_allclose(found, other)
    assert not np.allclose(found, PDE().evaluate({"m": model}, opened.split("test")).scores["relative_l1"])


def test_another_spacing_is_told(caplog):
    caplog.set_level(logging.WARNING, "humboldt")
    model, data = tuned(), decay_trajectories(size=32)
    said = (
        "tuned on a grid of 16 x 16, the data have 32 x 32; if that is the same domain, it is better with resolution=16"
    )
    humboldt.predict(model, data.isel(time=0), 1.0)
    assert said in caplog.text
    caplog.clear()
    humboldt.predict(model, data.isel(time=0), 1.0, resolution=16)
    humboldt.predict(model, data.isel(time=0, y=slice(0, 16)), 1.0)  # a longer domain
    humboldt.predict(model, decay_trajectories(size=16).isel(time=0), 1.0)
    assert "was tuned on" not in caplog.text


def test_a_grid_with_longer_and_shorter_axes_is_no_single_number(caplog):
    model, state = tuned(), decay_trajectories(size=32).isel(time=0, y=slice(0, 16))
    model.provenance["data"] = {"train": {"grid": [16, 8]}}
    with pytest.raises(ConfigError, match="=16 for a model that was tuned on a grid of 16 x 8; interpolate"):
        humboldt.predict(model, state, 1.0, resolution=16)
    humboldt.predict(model, state, 1.0)
    assert "was tuned on" not in caplog.text


def test_grids_that_cannot_be():
    for points in (0, 15):
        with pytest.raises(ConfigError, match=f"an even number of points along each axis, got {points}; change it"):
            at_resolution(tuned(), points)
    placed = build(dataclasses.replace(decay_config(), resolution=16, absolute_position=True))
    with pytest.raises(ConfigError, match="for each place of its 16 points an axis, got resolution=32; leave it out"):
        at_resolution(placed, 32)
    assert at_resolution(placed, 16).config.resolution == 16
