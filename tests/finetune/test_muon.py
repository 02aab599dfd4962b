"""Muon for the matrices of the core and AdamW for all else, as one optimiser."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from humboldt.finetune import Recipe, fit, method
from humboldt.finetune.muon import Muon, MuonAdamW, orthogonalised
from tests.finetune.tiny import Waves, tiny_model

RATES = Recipe(core_rate=1e-2, embedding_rate=1e-2, norm_rate=1e-2, weight_decay=0.0)
SHORT = Recipe(steps=6, batch_size=4, core_rate=1e-3, optimiser="muon", save_every=2, validate_every=3)


def made():
    model = tiny_model()
    return model, MuonAdamW(method("full").parameter_groups(model, RATES))


def step(model, optimiser):
    optimiser.zero_grad()
    model.loss(Waves().all()).backward()
    optimiser.step()


def state(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_matrices_of_the_core_go_to_muon_and_all_else_to_adamw():
    model, optimiser = made()
    names = {parameter: name for name, parameter in model.named_parameters()}
    muon, adamw = ({names[p] for g in part.param_groups for p in g["params"]} for part in optimiser.parts)
    assert [type(part) for part in optimiser.parts] == [Muon, AdamW]
    assert muon | adamw == set(names.values())
    assert not muon & adamw
    maps = ("qkv.weight", "out.weight", "expand.weight", "contract.weight", "reduction.weight", "expansion.weight")
    core = {name for name in names.values() if name.startswith("core.") and ".position." not in name}
    assert muon == {name for name in core if name.endswith((*maps, "mix.weight"))}
    assert len(muon) > 10


def test_a_step_of_a_matrix_is_nearly_orthogonal():
    model, optimiser = made()
    before = state(model)
    step(model, optimiser)
    for name, after in model.state_dict().items():
        if name.endswith("feed_forward.expand.weight"):
            change = (after - before[name]) / (0.2 * max(after.shape) ** 0.5 * RATES.core_rate)
            singular = torch.linalg.svdvals(change)
            assert singular.median() > 0.6
            assert singular.max() < 1.4


@pytest.mark.parametrize("shape", [(24, 96), (24, 48), (24, 30), (96, 24), (1, 7), (7, 1)], ids=str)
@pytest.mark.parametrize("decades", [0, 5])
def test_a_matrix_of_any_shape_becomes_what_the_iterations_make_of_its_singular_values(shape, decades):
    generator, few = torch.Generator().manual_seed(0), min(shape)
    left, right = (
        torch.linalg.qr(torch.randn(n, few, generator=generator, dtype=torch.float64))[0] for n in shape
    )  # fmt: skip
    values = torch.logspace(0, -decades, few, dtype=torch.float64)
    made = values / values.norm()
    for _ in range(5):
        made = 3.4445 * made - 4.7750 * made**3 + 2.0315 * made**5
    found = orthogonalised((left * (3 * values) @ right.mT).float())
    torch.testing.assert_close(found.double(), left * made @ right.mT, rtol=0, atol=2e-3)


def test_steps_are_those_of_torch_up_to_its_half_precision():
    torch.manual_seed(0)
    tall, wide = torch.randn(48, 12), torch.randn(12, 48)
    ours, theirs = ([nn.Parameter(w.clone()) for w in (tall, wide)] for _ in range(2))
    one = Muon(ours, lr=1e-2, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for weight, twin in zip(ours, theirs, strict=True):
            weight.grad = torch.randn_like(weight)
            twin.grad = weight.grad.clone()
        one.step(), other.step()
    for weight, twin, start in zip(ours, theirs, (tall, wide), strict=True):
        step, expected = weight - start, twin - start
        assert (step - expected).norm() < 0.02 * expected.norm()


def test_one_schedule_reaches_both_parts_also_after_reading_back():
    model, optimiser = made()
    schedule = LambdaLR(optimiser, lambda number: 0.5**number)
    optimiser.load_state_dict(optimiser.state_dict())
    step(model, optimiser)
    schedule.step()
    assert {group["lr"] for part in optimiser.parts for group in part.param_groups} == {0.5e-2}
    still = LambdaLR(optimiser, lambda number: 0.0)
    before = state(model)
    step(model, optimiser)
    assert same(before, model.state_dict())
    assert still.get_last_lr() == [0.0] * len(optimiser.param_groups)


def test_states_come_back():
    model, optimiser = made()
    step(model, optimiser)
    saved, weights = copy.deepcopy(optimiser.state_dict()), state(model)
    step(model, optimiser)
    other, again = made()
    other.load_state_dict(weights)
    again.load_state_dict(saved)
    step(other, again)
    assert same(model.state_dict(), other.state_dict())
    fresh, forgotten = made()
    fresh.load_state_dict(weights)
    step(fresh, forgotten)
    assert not same(model.state_dict(), fresh.state_dict())


@pytest.mark.parametrize("name", ["full", "norms"])
def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, monkeypatch, name):
    class StopError(Exception):
        pass

    whole = fit(tiny_model(), Waves(), None, SHORT, method(name))
    train, read = Waves(), Waves.batch

    def stopping(self, indices):
        if self is train and self.read == 4:
            raise StopError
        return read(self, indices)

    monkeypatch.setattr(Waves, "batch", stopping)
    with pytest.raises(StopError):
        fit(tiny_model(), train, None, SHORT, method(name), tmp_path)
    rest = Waves()
    resumed = fit(tiny_model(), rest, None, SHORT, method(name), tmp_path)
    assert 0 < rest.read < 6
    assert same(whole.state_dict(), resumed.state_dict())
    adamw = fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, optimiser="adamw"), method(name))
    assert same(whole.state_dict(), adamw.state_dict()) == (name == "norms")
