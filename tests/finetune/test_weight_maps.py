"""What defines a map of weights: ranks, singular directions, rotations, switches, spectra; peft's own methods too."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils import prune

from humboldt.finetune import Recipe, fit, method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.methods.masks import sparsity
from humboldt.finetune.methods.taps import open_layers
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import ConfigError, Context
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model

KEY = "core.scales.0.down.0.feed_forward.expand"


def hook(name, layer, **options):
    return method(name, **options).hook(layer)  # type: ignore[attr-defined]


def shaken(made, size=0.3):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(size * torch.randn_like(parameter))
    return made


def mapped(made, layer):
    return made.weights(dict(layer.named_parameters()), Context())["weight"].detach()


def steps(name, count, recipe=None, **options):
    """The method and a model that it has trained for so many steps."""
    model, batch = science("pde")
    way = method(name, **options)
    model = prepare(way, model)
    optimiser = torch.optim.AdamW(way.parameter_groups(model, recipe or Recipe(core_rate=1e-2)))
    for step in range(count):
        optimiser.zero_grad()
        sum(way.loss(model, batch).values()).backward()
        way.on_gradients(model, step, count)
        optimiser.step()
        way.on_step(model, step + 1, count)
    return way, model


def test_two_levels_of_low_rank_have_the_smaller_rank_and_start_with_factors_at_right_angles():
    layer = nn.Linear(12, 10)
    made = hook("lora_squared", layer, rank=2, initial_rank=3, width=5)
    assert made.orthogonality().item() == pytest.approx(0, abs=1e-5)
    assert torch.equal(mapped(made, layer), layer.weight)
    shaken(made)
    assert torch.linalg.matrix_rank(mapped(made, layer) - layer.weight, tol=1e-5) == 3
    inner = made.thin_out @ made.a @ torch.diag(made.e) @ made.b_small @ made.thin_in
    torch.testing.assert_close(mapped(made, layer), layer.weight + 16 / 3 * inner)


def test_every_factor_is_held_at_right_angles():
    made = shaken(hook("lora_squared", nn.Linear(12, 10), initial_rank=3, width=5))
    made.orthogonality().backward()
    assert all(bool(p.grad.any()) for p in (made.thin_in, made.thin_out, made.a, made.b_small))


@pytest.mark.parametrize(("name", "small"), [("lora_squared", ("a", "b_small")), ("adalora", ("p", "q"))])
def test_importance_is_sensitivity_times_its_change(name, small):
    made = hook(name, nn.Linear(12, 10), initial_rank=3, rank=1)
    shaken(made)
    assert set(made.scored) == {"e", *small}
    means: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for step in range(3):
        for key in made.scored:
            value = getattr(made, key)
            value.grad = torch.randn_like(value)
            mean, spread = means.get(key, (torch.zeros_like(value), torch.zeros_like(value)))
            now = (value * value.grad).abs()
            mean = 0.85 * mean + 0.15 * now
            means[key] = (mean, 0.85 * spread + 0.15 * (mean - now).abs())
        made.on_gradients(step, 3)
    expected = means["e"][0] * means["e"][1]
    for key in small:
        product = means[key][0] * means[key][1]
        expected = expected + product.mean(1 - made.scored[key])
    torch.testing.assert_close(made.scores(), expected.detach())


def test_singular_values_are_dropped_to_their_budget_by_importance():
    _, model = steps("adalora", 12, rank=1, initial_rank=2)
    mine = list(hooks(model))
    assert sum(int((made.e != 0).sum()) for made in mine) == len(mine)  # type: ignore[misc]
    kept = torch.cat([made.scores()[made.kept == 1] for made in mine])
    assert kept.isfinite().all()


def test_a_penalty_closes_every_switch_once_it_begins_and_none_closes_without():
    way, model = steps("taps", 10, penalty=1e3, warm=0.3, rate=0.02)
    assert set(open_layers(model).values()) == {False}
    assert set(open_layers(steps("taps", 10, penalty=0.0)[1]).values()) == {True}
    fresh = prepare(way, science("pde")[0])
    terms = way.loss(fresh, science("pde")[1])
    assert terms["switches"].item() == 0  # or every layer would close before its update has learned
    way.on_step(fresh, 3, 10)
    count = len(list(hooks(fresh)))
    terms = way.loss(fresh, science("pde")[1])
    assert terms["switches"].item() == pytest.approx(1e3 * 0.15 * count / count)


def test_a_switch_has_no_slope_as_long_as_its_update_is_zero():
    layer = nn.Linear(4, 4)
    made = hook("taps", layer)
    made.weights(dict(layer.named_parameters()), Context())["weight"].square().sum().backward()
    assert made.s.grad.item() == 0
    assert made.delta.grad.any()


def test_nlt_scales_and_shifts_each_kernel_by_itself():
    layer = nn.Conv2d(3, 4, 5)
    made = shaken(hook("nlt", layer))
    assert made.a.shape == made.c.shape == (4, 3, 1, 1)
    new = mapped(made, layer)
    torch.testing.assert_close(new[2, 1], layer.weight[2, 1] * made.a[2, 1] + made.c[2, 1])


def test_glora_scales_and_shifts_entries_and_the_bias():
    layer = nn.Linear(6, 5)
    made = shaken(hook("glora", layer, rank=2))
    new = made.weights(dict(layer.named_parameters()), Context())
    factor, shift = (up @ down for up, down in zip(made.up, made.down, strict=True))
    torch.testing.assert_close(new["weight"], layer.weight * (1 + factor) + shift)
    d, e = made.of_bias
    torch.testing.assert_close(new["bias"], (1 + d) * layer.bias + e + layer.weight @ made.c)


def test_c3a_makes_blocks_whose_rows_are_one_row_turned():
    layer = nn.Linear(8, 12)
    made = shaken(hook("c3a", layer, block=4))
    blocks = (mapped(made, layer) - layer.weight.detach()).view(3, 4, 2, 4).transpose(1, 2)
    for turn in range(4):
        torch.testing.assert_close(blocks[..., turn, :], made.kernel.detach().roll(turn, -1) / 8, rtol=1e-4, atol=1e-6)
    with pytest.raises(ConfigError, match="block must divide both sides of every map, got 3 for a map of 12 x 8"):
        hook("c3a", layer, block=3)


def test_shira_changes_as_many_entries_as_a_low_rank_update_has():
    layer = nn.Linear(6, 5)
    made = shaken(hook("shira", layer, rank=2))
    assert made.entries.numel() == 2 * (6 + 5) == int((mapped(made, layer) != layer.weight).sum())
    again = hook("shira", layer, rank=2)
    assert torch.equal(again.places, made.places)
    assert not torch.equal(hook("shira", layer, rank=2, seed=1).places, made.places)
    with pytest.raises(ConfigError, match="must fit into every map, got rank=3 for a map of 5 x 6; choose at most 2"):
        hook("shira", layer, rank=3)


def test_what_fisher_picks_is_the_largest_gradients_and_chance_widens_the_choice():
    model, batch = science("pde")
    picked = {}
    for noise in (0.0, 0.9):
        for draw in range(2):
            way = method("fisher", share=0.25, noise=noise)
            made = way.prepare(copy.deepcopy(model))
            made.loss(batch).backward()
            gradient = made.get_parameter(f"{KEY}.weight").grad.clone()
            torch.manual_seed(draw)
            way.on_gradients(made, 0, 1)
            left = made.get_parameter(f"{KEY}.weight").grad
            picked[noise, draw] = left != 0
            assert torch.equal(left[left != 0], gradient[left != 0])
    largest = gradient.abs() >= gradient.abs().flatten().topk(gradient.numel() // 4).values[-1]
    assert torch.equal(picked[0.0, 0], largest)
    assert torch.equal(picked[0.0, 1], largest)
    assert not torch.equal(picked[0.9, 0], picked[0.9, 1])


def test_a_model_pruned_by_torch_keeps_its_zeros_and_says_how_many():
    model, batch = science("pde")
    model = copy.deepcopy(model)
    layer = model.get_submodule(KEY)
    prune.l1_unstructured(layer, "weight", 0.75)
    prune.remove(layer, "weight")
    assert sparsity(model)[f"{KEY}.weight"] == 0.75
    way = method("sparse")
    model = way.prepare(model)
    train(way, model, batch, 3)
    assert sparsity(way.merge(model))[f"{KEY}.weight"] == 0.75
    assert sparsity(model)["head.mix.weight"] == 0


@pytest.mark.parametrize("start", ["pissa", "milora", "olora"])
def test_a_low_rank_update_begins_as_a_part_of_the_weight(start):
    layer = nn.Linear(9, 6)
    made = hook("pissa", layer, rank=2, start=start)
    u, s, v = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    q, r = torch.linalg.qr(layer.weight.detach())
    expected = {
        "pissa": u[:, :2] * s[:2] @ v[:2],
        "milora": u[:, -2:] * s[-2:] @ v[-2:],
        "olora": q[:, :2] @ r[:2],
    }[start]
    torch.testing.assert_close(made.b @ made.a, expected)
    assert torch.equal(mapped(made, layer), layer.weight)
    with torch.no_grad():
        made.a.zero_()
    torch.testing.assert_close(mapped(made, layer), layer.weight.detach() - expected)


def begun(name, **options):
    """A hook whose update has begun by the data, what the layer took and what its weight is."""
    model, batch = science("pde")
    way = method(name, whole=(), **options)
    made = prepare(way, model)
    layer = made.get_submodule(f"{KEY}.base_layer")
    taken: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0].detach().flatten(0, -2)))
    way.begin(made, batch)
    handle.remove()
    (hook,) = (one for one in hooks(made) if one.site == KEY)
    return hook, taken[0], layer.weight.detach(), made


def projector(rows):
    """Onto the space that rows span."""
    return rows.mT @ torch.linalg.solve(rows @ rows.mT, rows)


def test_eva_begins_with_the_directions_in_which_inputs_vary_most():
    made, x, _, _ = begun("eva", rank=3)
    assert not made.b.any()
    assert not (made.b0 @ made.a0).any()
    first = torch.linalg.svd(x, full_matrices=False).Vh[:3]
    torch.testing.assert_close(projector(made.a.detach()), projector(first), rtol=1e-3, atol=1e-3)


def test_corda_begins_with_the_part_of_a_weight_that_matters_most_to_its_inputs():
    made, x, weight, _ = begun("corda", rank=3, damping=1e-4)
    moments = x.mT @ x / len(x)
    moments = moments + 1e-4 * moments.diagonal().mean() * torch.eye(8)
    left = (weight - made.b0 @ made.a0) @ moments
    s = torch.linalg.svdvals(weight @ moments)
    torch.testing.assert_close(torch.linalg.svdvals(left)[:5], s[3:], rtol=1e-3, atol=1e-3)
    whole, _, weight, _ = begun("corda", rank=8)
    torch.testing.assert_close(whole.b0 @ whole.a0, weight, rtol=1e-3, atol=1e-3)


def test_lora_ga_begins_with_the_directions_of_the_gradient():
    made, _, _, model = begun("lora_ga", rank=2)
    assert not any(p.requires_grad for n, p in model.named_parameters() if ".hooks." not in n)
    plain, batch = copy.deepcopy(science("pde")[0]).train(), science("pde")[1]
    (gradient,) = torch.autograd.grad(plain.loss(batch), plain.get_parameter(f"{KEY}.weight"))
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    torch.testing.assert_close(projector(made.a.detach()), projector(v[:2]), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(projector(made.b.detach().mT), projector(u[:, 2:4].mT), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(made.b.norm(dim=0), torch.full((2,), 16**0.25 / 4))
    with pytest.raises(ConfigError, match=r"2 \* rank must be between 1 and .* got 10 for a Linear"):
        method("lora_ga", rank=5).hook(nn.Linear(8, 8))  # type: ignore[attr-defined]


def test_a_run_begins_by_its_first_batch(tmp_path):
    recipe, way = Recipe(steps=1, batch_size=6, core_rate=0.0), method("eva", rank=2, rate=0.0, whole=())
    fit(tiny_model(), Waves(6), None, recipe, way, tmp_path, progress=False)
    state = load_file(tmp_path / "adapter.safetensors")
    model = prepare(way, tiny_model())
    way.begin(model, Waves(6).all())
    (expected,) = (made.a0 for made in hooks(model) if made.site == KEY)
    torch.testing.assert_close(projector(state[f"{KEY}.hooks.default.a0"]), projector(expected), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "options"), [("oft", {"block": 4}), ("boft", {"block": 2, "factors": 3})])
def test_rotations_keep_lengths_and_angles_of_rows(name, options):
    layer = nn.Linear(8, 5)
    made = shaken(hook(name, layer, **options))
    new = mapped(made, layer)
    torch.testing.assert_close(new @ new.mT, (layer.weight @ layer.weight.mT).detach())
    assert not torch.allclose(new, layer.weight)


def test_a_butterfly_mixes_all_inputs_and_one_factor_only_neighbours():
    layer = nn.Linear(8, 8, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(8))
    blocks = mapped(shaken(hook("oft", layer, block=2)), layer) != 0
    assert torch.equal(blocks, torch.block_diag(*[torch.ones(2, 2)] * 4).bool())
    assert bool((mapped(shaken(hook("boft", layer, block=2, factors=3)), layer) != 0).all())
