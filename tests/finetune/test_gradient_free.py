"""Runs without gradients: none is ever allocated, they get better, and they end the same each time."""

import copy

import pytest
import torch

from humboldt.finetune import Recipe, fit, method, plan
from humboldt.finetune.adapted import hooks
from humboldt.finetune.methods.cma import clipped_deviation
from humboldt.finetune.training import task_of
from humboldt.foundations import ConfigError
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model


def test_a_search_gets_better_on_its_batch_step_by_step_and_makes_no_graph(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "backward", lambda *_: pytest.fail("a gradient was asked for"))
    model, batch = science("pde")
    way = method("cma", directions=4, population=6)
    model = way.prepare(copy.deepcopy(model))
    enabled: list[bool] = []
    model.core.register_forward_hook(lambda *_: enabled.append(torch.is_grad_enabled()))
    losses = [float(way.search(model, batch, step, 9)) for step in range(9)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    assert len(enabled) == 9 * 7
    assert not any(enabled)
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


def test_a_run_is_the_same_each_time_and_its_adapter_is_a_few_numbers(tmp_path):
    found = []
    for folder in (tmp_path / "a", None):
        recipe = Recipe(steps=6, batch_size=4, log_every=2, validate_every=3)
        tuned = fit(tiny_model(), Waves(4), Waves(4, 1), recipe, method("cma", directions=4), folder, progress=False)
        found.append({made.site: made.z.clone() for made in hooks(tuned)})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(z, found[1][site]) for site, z in found[0].items())
    assert any(bool(z.any()) for z in found[0].values())
    from safetensors.torch import load_file

    state = load_file(tmp_path / "a" / "adapter.safetensors")
    assert sum(v.numel() for k, v in state.items() if ".hooks." in k) == (4 + 1) * len(found[0])
    assert (tmp_path / "a" / "log.csv").read_text().count("\n") >= 4


def test_shifts_are_in_deviations_of_what_a_block_puts_out():
    """Whatever the size of its numbers, so that one spread of the search fits all blocks; outliers do not count."""
    values = torch.randn(20_000)
    values[:10] = 1e4
    assert clipped_deviation(values).item() == pytest.approx(1, abs=0.02)
    model, batch = science("pde")
    way = method("cma", directions=64, population=4)
    model = way.prepare(copy.deepcopy(model))
    seen: dict[str, torch.Tensor] = {}

    def note(site):
        def first(layer, inputs, out):
            seen.setdefault(site, out.x)

        return first

    for made in hooks(model):
        model.get_submodule(f"{made.site}.base_layer").register_forward_hook(note(made.site))
    way.begin(model, batch)
    for made in hooks(model):
        assert made.deviation.item() == pytest.approx(clipped_deviation(seen[made.site]).item(), rel=1e-5)
        made.z.copy_(torch.randn(64))
        y = torch.zeros(1, 1000, made.matrix.shape[0] // 2)
        expected = made.deviation * (made.matrix @ made.z).chunk(2)[1]
        torch.testing.assert_close(made.features(y, y, model.context)[0, 0], expected)


def test_what_a_run_without_gradients_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="takes a method that needs none, got lora with optimiser='cma'; choose"):
        fit(tiny_model(), Waves(4), None, Recipe(steps=1, optimiser="cma"), method("lora"), progress=False)
    with torch.inference_mode(), pytest.raises(ConfigError, match=r"hydra learns by gradients, got .* or use cma"):
        fit(tiny_model(), Waves(4), None, Recipe(steps=1), method("hydra"), progress=False)
    with pytest.raises(ConfigError, match=r"averages no weights and adds up no batches, got average=0.5, accumulate=1"):
        task_of(tiny_model(), method("cma"), Recipe(average=0.5), 3)
    with pytest.raises(ConfigError, match=r"no part is trained whole, got whole=\('head',\)"):
        method("cma", whole=("head",))


def test_a_search_is_planned_like_any_run():
    found = plan(tiny_model(), Waves(4), None, Recipe(steps=5, batch_size=2), method("cma", directions=4))
    assert found["steps"] == 5
    assert found["trained parameters"] == 3 * 4
    assert found["seconds"] > 0
