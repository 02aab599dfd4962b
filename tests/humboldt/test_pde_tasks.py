"""Whole paths of the PDE suite: operators without time, inversion, finer states, error indicators, lines and cubes."""

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr

import humboldt
from humboldt.domains.pde import generate, inversion, operator, operator_for, super_resolution, task_errors
from humboldt.domains.pde.pairs import Pairs

pytestmark = pytest.mark.integration
QUIET: dict[str, Any] = {"progress": False, "batch_size": 8}
SPLIT = {"train": 20, "validation": 0, "test": 4}


def opened(name, folder, resolution=32, snapshots=None, **choices):
    store = generate(
        name, samples=24, resolution=resolution, snapshots=snapshots, output=folder / f"{name}.zarr", progress=False
    )
    return humboldt.open(store, domain="pde", split=SPLIT, **choices)


def median(model, data):
    errors = task_errors(model, data.split("test"))["relative_l1"].median("sample").mean("group")
    return {str(name): float(errors.sel(forecast=name)) for name in errors["forecast"].values}


@pytest.mark.parametrize(("name", "given"), [("poisson-gauss", ["source"]), ("helmholtz", ["coefficient", "boundary"])])
def test_an_operator_without_time_is_tuned_with_a_constant_lead_time(name, given, tmp_path):
    data = opened(name, tmp_path, inputs=given, outputs=["solution"], pairs=Pairs(input_frame=0))
    assert data.lead_times().tolist() == [1.0]
    model = humboldt.finetune("humboldt/pde-nano", data, steps=35, **QUIET)
    found = median(model, data)
    print(name, found)
    assert found["model"] < 0.8 * found["mean"]


def test_a_source_is_found_from_the_potential_that_it_makes(tmp_path):
    data = inversion(opened("poisson-gauss", tmp_path), ["solution"], ["source"])
    found = median(humboldt.finetune("humboldt/pde-nano", data, steps=40, **QUIET), data)
    print("inversion", found)
    assert found["model"] < 0.6 * found["mean"]


def test_fine_states_are_made_of_coarse_ones(tmp_path):
    data = super_resolution(opened("ns-gauss", tmp_path, snapshots=3), 4)
    found = median(humboldt.finetune("humboldt/pde-nano", data, steps=35, **QUIET), data)
    print("super-resolution", found)
    assert found["model"] < 0.8 * found["input"]


def test_an_error_indicator_knows_how_wrong_the_forecast_is(tmp_path):
    """Over states and lead times; within a state it does not know where (rank correlation below 0.1)."""
    data = opened("ns-gauss", tmp_path, snapshots=5)
    model = humboldt.finetune("humboldt/pde-nano", data, steps=30, **QUIET)
    choices = {"task": "error", "optimiser": "adamw", "embedding_rate": 3e-3, **QUIET}
    judge, novice = (humboldt.finetune(model, data, steps=steps, **choices) for steps in (200, 1))
    judge.save(tmp_path / "judge")
    knows, guesses = agreement(humboldt.from_pretrained(tmp_path / "judge"), data), agreement(novice, data)
    print(f"rank correlation of predicted and actual error {knows:.2f}, before it has learned {guesses:.2f}")
    assert knows > 0.15
    assert abs(guesses) < 0.1


def agreement(judge, data):
    pairs = data.split("test").frames(0, ahead=(1, 4)).arranged(judge.config.inputs, judge.config.outputs)
    batch = pairs.batch(range(len(pairs)))
    with torch.no_grad():
        said = judge(batch).fields[:, :2].flatten()
    return float(spearmanr(said.numpy(), judge.head.actual(batch)[:, :2].flatten().numpy()).statistic)


@pytest.mark.parametrize(
    ("name", "axes", "resolution", "patch", "steps"),
    [("burgers-1d", 1, 64, 4, 60), ("ks-1d", 1, 128, 4, 200), ("reaction-3d", 3, 16, 2, 60)],
)
def test_the_core_learns_on_lines_and_in_cubes(name, axes, resolution, patch, steps, tmp_path):
    data = opened(name, tmp_path, resolution=resolution, snapshots=6)
    config = operator(data.channels, axes=axes, patch=patch, horizon=float(data.times[-1]))
    model = humboldt.pretrain(
        config, [data], steps=steps, validate=False, optimiser="muon", core_rate=1e-2, embedding_rate=3e-3,
        norm_rate=3e-3, **QUIET,
    )  # fmt: skip
    scores = humboldt.evaluate(model, data, split="test", lead_steps=[1, 2]).median("sample")["relative_l1"]
    errors = {name: scores.sel(forecast=name).values.round(3).tolist() for name in scores["forecast"].values}
    print(name, errors)
    first = scores["group"].values[0]
    assert (scores.sel(forecast="model", group=first) < 0.8 * scores.sel(forecast="persistence", group=first)).all()


LEARNING: dict[str, Any] = {
    "optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 3e-3, "norm_rate": 3e-3, "validate": False, **QUIET,
}  # fmt: skip


def learned(file, steps, **choices):
    """The median error of a small operator from nothing, as opened so."""
    data = humboldt.open(file, domain="pde", split=SPLIT, pairs="vanilla", **choices)
    model = humboldt.pretrain(operator_for(data, widths=(32,)), [data], steps=steps, **LEARNING)
    scores = humboldt.evaluate(model, data, split="test")["relative_l1"].sel(forecast="model", group="height")
    return float(scores.median("sample").mean())


def test_a_parameter_of_the_equation_is_read():
    """Waves that travel at a speed of their own: whoever is not told it cannot know where they are."""
    chance, place, time = np.random.default_rng(0), np.arange(32) / 32, np.array([0.0, 0.25, 0.5])
    speed, phase = chance.uniform(0, 1, 24), chance.uniform(0, 1, 24)
    turns = place - speed[:, None, None] * time[:, None] + phase[:, None, None]
    height = np.sin(2 * np.pi * turns).astype(np.float32)
    file = xr.Dataset(
        {"height": (("sample", "time", "x"), height), "speed": ("sample", speed)}, {"time": time, "x": place},
        {"periodic": ["x"]},
    )  # fmt: skip
    told = learned(file, 100, inputs=["height", "speed"], outputs=["height"])
    untold = learned(file, 100, inputs=["height"], outputs=["height"])
    print("told the speed", told, "not told", untold)
    assert told < 0.7 * untold
    assert told < 0.4


def test_a_mask_is_read_on_a_grid_that_is_no_square_and_has_holes():
    """Inside of a body a field stays, around it it decays; on land there is none. 12 x 20 points, one axis periodic."""
    chance, time = np.random.default_rng(0), np.array([0.0, 1.0, 2.0])
    x, y = np.meshgrid(np.arange(12) / 12, np.arange(20) / 12, indexing="ij")
    centre = chance.uniform(0.3, 0.7, (2, 24, 1, 1))
    body = (np.hypot(x - centre[0], y - 2 * centre[1]) < 0.25).astype(np.float32)
    start = 1 + 0.5 * np.sin(2 * np.pi * (x + chance.uniform(0, 1, (24, 1, 1))))
    height = start[:, None] * np.exp(-time[:, None, None] * (1 - body[:, None]))
    height[..., :3] = np.nan
    file = xr.Dataset(
        {"height": (("sample", "time", "x", "y"), height.astype(np.float32)), "body": (("sample", "x", "y"), body)},
        {"time": time, "x": x[:, 0], "y": y[0]}, {"periodic": ["x"]},
    )  # fmt: skip
    told = learned(file, 80, inputs=["height", "body"], outputs=["height"], missing="mask")
    untold = learned(file, 80, inputs=["height"], outputs=["height"], missing="mask")
    print("told the body", told, "not told", untold)
    assert told < 0.8 * untold
