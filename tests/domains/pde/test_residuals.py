"""Residuals are zero where a law is obeyed, and are a way to learn without targets."""

import numpy as np
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.domains.pde import (
    Channel,
    FieldBatch,
    FieldPrediction,
    build,
    generate,
    operator,
    set_statistics,
    unlabelled,
)
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.residuals import burgers, evolution
from humboldt.finetune import method
from humboldt.foundations import ConfigError
from tests.domains.pde.decay import CHANNELS, VELOCITY, decay_config, decay_model

LINE = (Channel(name="velocity"), Channel(name="viscosity"))


def states(channels=3, size=8):
    fields = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    return FieldBatch(fields, torch.tensor([0.5, 0.02]), periodic=(True, True))


def test_what_evolves_as_the_law_says_leaves_the_error_of_the_rule():
    """u_t = -u: the trapezoidal rule of steps of 1/20 is wrong by its cube over 12, and a wrong rate by much more."""
    batch, model = states(), decay_model()
    right = evolution(model, model(batch), batch, lambda fields: -fields)
    wrong = evolution(model, model(batch), batch, lambda fields: -2 * fields)
    assert right.abs().max() < 0.05**3 / 10 * batch.fields.abs().max()
    assert wrong.abs().max() > 100 * right.abs().max()
    model = decay_model(1.1)  # at once too large: seen where the step begins at the state itself
    found = evolution(model, model(batch), batch, lambda fields: -fields)
    assert found[1].abs().mean() > 0.05
    assert found[0].abs().max() < 1e-4


def test_channels_that_the_data_lack_have_no_residual():
    batch, model = states(), decay_model()
    batch.fields[:, 2] = torch.nan
    found = evolution(model, FieldPrediction(torch.ones_like(batch.fields)), batch, lambda fields: -fields)
    assert (found[:, 2] == 0).all()
    assert torch.isfinite(found).all()


def test_an_evolution_goes_on_from_its_outputs():
    model = decay_model(config=decay_config(VELOCITY, VELOCITY))
    model.config = decay_config(VELOCITY, CHANNELS)
    with pytest.raises(ConfigError, match=r"goes on from its outputs, got \['tracer'\], which are no inputs; add them"):
        evolution(model, FieldPrediction(states().fields), states(2), lambda fields: fields)


def test_the_solver_obeys_its_equation_and_a_frozen_flow_does_not(monkeypatch):
    """The solution of `burgers-1d` at 0.1 and 0.1 - 1/20 leaves a seventh of what one that stays leaves."""
    path = torch.from_numpy(problem("burgers-1d").solve(3, resolution=128, times=[0.05, 0.1]).astype(float))
    model = build(operator(LINE, axes=1)).double()
    monkeypatch.setattr(model, "forward", lambda batch: FieldPrediction(path[:, 0]))
    batch = FieldBatch(path[:, 0], torch.full((3,), 0.1, dtype=torch.float64), periodic=(True,))
    moved, stayed = (burgers(model, FieldPrediction(path[:, n]), batch).square().mean().sqrt() for n in (1, 0))
    assert moved < 0.15 * stayed
    with pytest.raises(ConfigError, match="write a residual of your own with `evolution`"):
        burgers(model, FieldPrediction(path[:, 1]), FieldBatch(path[:, 0], batch.lead_time))


def test_unlabelled_states_have_lead_times_and_no_target():
    place = np.arange(8) / 8
    alone = xr.Dataset(
        {"u": (("sample", "x"), np.sin(2 * np.pi * place)[None] * np.arange(1, 4)[:, None])}, {"x": place}
    )
    data = open_trajectories(alone, lead_times=[0.1, 0.3])
    assert len(data) == 6
    assert len(open_trajectories(alone, lead_times=0.1)) == 3
    batch = data.batch([0, 1, 5])
    assert batch.target is None
    assert batch.lead_time.tolist() == pytest.approx([0.1, 0.3, 0.3])
    assert data.lead_times().tolist() == [0.1, 0.3]
    assert data.split("train").describe()["unlabelled"] == [0.1, 0.3]
    assert data.fingerprint != open_trajectories(alone, lead_times=[0.1, 0.4]).fingerprint
    with pytest.raises(ValueError, match="no validation part"):
        data.split("validation")
    with pytest.raises(ValueError, match="a score needs a target, got data without one"):
        humboldt.evaluate(decay_model(config=decay_config(data.channels, data.channels)), data, split="train")
    for odd in ([], [-1.0], [float("nan")]):
        with pytest.raises(ValueError, match="lead times of unlabelled states are numbers from 0 on, got"):
            unlabelled(data, odd)


@pytest.mark.integration
def test_a_model_learns_an_equation_from_states_alone(tmp_path):
    """Burgers' equation, states of which nobody says what comes: the error falls, where labels are never seen."""
    store = generate("burgers-1d", samples=40, resolution=64, output=tmp_path / "b.zarr", progress=False)
    data = humboldt.open(store, domain="pde", split={"train": 32, "validation": 0, "test": 8})
    torch.manual_seed(0)
    start = set_statistics(build(operator(data.channels, axes=1, horizon=0.5)), [data.split("train").statistics()])
    alone = unlabelled(data.split("train"), [0.025 * n for n in range(1, 9)])
    way = method("physics", residual="humboldt.domains.pde.residuals:burgers", unlabelled=True)
    tuned = humboldt.finetune(
        start, alone, method=way, steps=120, batch_size=16,
        core_rate=3e-3, embedding_rate=3e-3, norm_rate=3e-3, progress=False,
    )  # fmt: skip
    scores = {}
    for name, model in {"before": start, "after": tuned}.items():
        found = humboldt.evaluate(model, data, split="test", lead_steps=[2, 4])["relative_l1"].sel(group="velocity")
        scores[name] = found.sel(forecast="model").median("sample").values
        scores["persistence"] = found.sel(forecast="persistence").median("sample").values
    print(scores)
    assert (scores["after"] < scores["persistence"]).all()
    assert (scores["after"] < 0.6 * scores["before"]).all()
