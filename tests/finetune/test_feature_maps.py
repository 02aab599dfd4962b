"""Properties of patch scales, generated adapters, controllers, skills and banks."""

import copy
import hashlib

import pytest
import torch
from torch import nn

from humboldt.finetune import FeaturedBatch, method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.methods.bank import LowRank
from humboldt.finetune.methods.patch_scales import pooled, unpooled
from humboldt.finetune.methods.pha import materialised, new_prototype
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import CheckpointError, ConfigError, Context, Tokens
from tests.finetune.notes import member
from tests.finetune.sciences import science
from tests.finetune.tiny import tiny_model


def block():
    return science("pde")[0].core.scales[0].down[0]


def shaken(made):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def test_a_bottleneck_stands_beside_or_behind():
    layer, x = nn.Linear(6, 6), torch.randn(4, 6)
    for place, seen in (("parallel", x), ("sequential", layer(x))):
        made = shaken(method("bottleneck", narrow=3, place=place, scale=0.5).hook(layer))  # type: ignore[attr-defined]
        narrow = nn.functional.gelu(seen @ made.down.weight.mT + made.down.bias)
        expected = layer(x) + 0.5 * (narrow @ made.up.weight.mT + made.up.bias)
        torch.testing.assert_close(made.features(x, layer(x), Context()), expected)


def test_a_band_answers_its_own_frequencies_alone_and_large_scales_have_the_widest():
    bands = method("f_adapter", narrow=4, bands=3).hook(block())  # type: ignore[attr-defined]
    assert [down.out_features for down in bands.down] == [8, 4, 2]  # 2 + (8 - 2) (1 - b / 3)^2
    found = bands.band((8, 8), torch.device("cpu"))
    for number in range(3):
        with torch.no_grad():
            for up in bands.up:
                up.weight.zero_()
            bands.up[number].weight.normal_()
        x = torch.randn(2, 8, 8, 8)
        spectrum = torch.fft.rfftn(bands.features(x, torch.zeros_like(x), Context()), dim=(1, 2)).abs()
        loud = spectrum.flatten(1, 2).amax((0, 2)) > 1e-4
        assert set(found[loud].tolist()) == {number}


def experts(**options):
    return method("moelora", rank=2, alpha=4.0, **options).hook(nn.Linear(6, 5))  # type: ignore[attr-defined]


def test_all_experts_alike_are_their_mean_and_their_order_means_nothing():
    made, x, y = shaken(experts(experts=3, top=3)).eval(), torch.randn(7, 6), torch.zeros(7, 5)
    plain = made.features(x, y, Context())
    turned = copy.deepcopy(made)
    with torch.no_grad():
        for parameter in (turned.a, turned.b, turned.router.weight):
            parameter.copy_(parameter.roll(1, 0))
    torch.testing.assert_close(turned.features(x, y, Context()), plain)
    with torch.no_grad():
        made.router.weight.zero_()
    each = torch.stack([2 * x @ a.mT @ b.mT for a, b in zip(made.a, made.b, strict=True)])
    torch.testing.assert_close(made.features(x, y, Context()), each.mean(0))


def test_a_token_takes_its_best_experts_alone_and_over_many_tokens_all_are_reached():
    made = shaken(experts(experts=4, top=2)).train()
    x, context = torch.randn(1, 6), Context()
    made.features(x, torch.zeros(1, 5), context).square().sum().backward()
    best = set(made.router(x).topk(2).indices.flatten().tolist())
    assert {n for n, grad in enumerate(made.b.grad) if grad.any()} == best
    made.zero_grad()
    made.features(torch.randn(64, 6), torch.zeros(64, 5), context).square().sum().backward()
    assert all(bool(grad.any()) for grad in made.b.grad)
    assert set(context.losses) == {"balance ", "contrast "}


def test_the_contrast_of_experts_is_large_where_they_agree_and_small_where_they_do_not():
    made, x = experts(experts=2, top=1), torch.randn(16, 6).abs() + 1
    with torch.no_grad():
        made.a.copy_(torch.ones(2, 2, 6) / 6)
        made.b.zero_()
        made.b[:, 0] = 1
        alike = made.contrast(x).item()
        made.b[1] = 0
        made.b[1, 1] = 1
        apart = made.contrast(x).item()
    assert apart < 1e-3 < 0.5 < alike


def regimes(count, batch=None, **options):
    made = method("regimes", regimes=count, **options).hook(block())  # type: ignore[attr-defined]
    context = Context()
    if batch is not None:
        context.tokens = Tokens(batch[:, None, None].expand(-1, 4, 4, -1))
    return made, context


def test_one_regime_is_the_same_adapter_for_all_and_two_are_not():
    e = torch.cat([torch.zeros(1, 8), torch.ones(1, 8)])
    x = torch.randn(1, 4, 4, 8).expand(2, 4, 4, 8)
    for count in (1, 2):
        made, context = regimes(count, e, temperature=0.01)
        shaken(made)
        made.centroids.copy_(e[:count])
        one, two = made.features(x, torch.zeros_like(x), context)
        assert torch.allclose(one, two) == (count == 1)
        assert not made.centroids.requires_grad


def test_centroids_follow_the_samples_near_them():
    e = torch.tensor([[0.0], [0.2], [5.0]]).expand(3, 8).clone()
    made, context = regimes(2, e, momentum=0.5)
    made.train()
    x = torch.zeros(3, 4, 4, 8)
    made.features(x, x, context)
    made.on_step(1, 9)
    assert torch.equal(made.centroids, e[:2])  # the first samples
    made.centroids.copy_(torch.tensor([[0.0], [4.0]]).expand(2, 8))
    made.features(x, x, context)
    made.on_step(2, 9)
    torch.testing.assert_close(made.centroids[:, 0], torch.tensor([0.5 * 0.0 + 0.5 * 0.1, 0.5 * 4.0 + 0.5 * 5.0]))


def test_a_centroid_that_nobody_is_near_goes_to_the_sample_furthest_from_all():
    found = []
    for _ in range(2):
        e = torch.tensor([[0.0], [1.0], [3.0]]).expand(3, 8).clone()
        made, context = regimes(2, e, momentum=0.5)
        made.train()
        made.seen.fill_(True)
        made.centroids.copy_(torch.tensor([[1.0], [99.0]]).expand(2, 8))
        x = torch.zeros(3, 4, 4, 8)
        for step in range(8):
            made.features(x, x, context)
            made.on_step(step, 9)
        found.append(made.centroids.clone())
    assert found[0][1, 0].item() == pytest.approx(3.0)
    assert torch.equal(*found)


def test_patches_are_means_and_go_back_to_their_place():
    x = torch.arange(12.0).view(1, 3, 4, 1)
    assert pooled(x, 2).flatten().tolist() == [2.5, 4.5, 8.5, 10.5]
    assert unpooled(pooled(x, 2), 2, (3, 4))[0, :, :, 0].tolist()[2] == [8.5, 8.5, 10.5, 10.5]
    assert pooled(x, 8).flatten().tolist() == [5.5]


def test_all_scales_at_once_are_a_dense_mixture_without_noise_in_evaluation():
    made = shaken(method("patch_scales", scales=(1, 2), top=2).hook(block())).eval()  # type: ignore[attr-defined]
    x, context = torch.randn(2, 4, 4, 8), Context()
    share, every = made.shares(x)
    torch.testing.assert_close(share, every)
    assert torch.equal(made.features(x, x, context), made.features(x, x, context))
    assert not context.losses
    few = method("patch_scales", scales=(1, 2, 4), top=1).hook(block()).train()  # type: ignore[attr-defined]
    assert (few.shares(x)[0] > 0).sum(-1).tolist() == [1, 1]


def pha():
    model, batch = science("pde")
    way = method("pha", tasks=3, code=8, narrow=4)
    model = prepare(way, model)
    for made in hooks(model):
        shaken(made)
    return model, batch


def test_equal_prototypes_make_equal_adapters_and_mixed_batches_are_sample_by_sample():
    model, _ = pha()
    first, second, *_ = hooks(model)
    assert second.generator is first.generator
    x, task = torch.randn(3, 4, 4, 8), torch.tensor([2, 0, 1])
    mixed = first.generator.apply_to(x, task, first.code)
    for row in range(3):
        alone = first.generator.apply_to(x[row : row + 1], task[row : row + 1], first.code)
        torch.testing.assert_close(mixed[row : row + 1], alone)
    assert not torch.allclose(first.generator.apply_to(x, task * 0, first.code), mixed)
    with torch.no_grad():
        first.generator.prototypes.copy_(first.generator.prototypes[:1].expand(3, -1))
    same = first.generator.apply_to(x, task, first.code)
    torch.testing.assert_close(same, first.generator.apply_to(x, task * 0, first.code))


def test_a_materialised_adapter_is_the_generated_one():
    model, _ = pha()
    made = next(iter(hooks(model)))
    x = torch.randn(2, 4, 4, 8)
    y = torch.randn_like(x)
    generated = y + made.generator.apply_to(x, torch.tensor([1, 1]), made.code)
    torch.testing.assert_close(materialised(made, 1).features(x, y, Context()), generated)


def test_a_new_task_is_one_vector_and_finds_the_nearest_to_begin_with():
    model, batch = science("pde")
    way = method("pha", tasks=3, code=8, train="prototypes")
    model = prepare(way, model)
    assert [p.shape for p in model.parameters() if p.requires_grad] == [(3, 8)]
    generator = next(iter(hooks(model))).generator
    instances = torch.randn(5, 8)
    near = int(generator.nearest(instances.mean(0, keepdim=True))[0])
    new_prototype(model, 2, instances)
    assert torch.equal(generator.prototypes[2], generator.prototypes[near])
    with pytest.raises(ConfigError, match="pha reads the task of a forward pass, got none"):
        model.train()(batch)
    with pytest.raises(ConfigError, match=r"pha knows the tasks 0 to 2, got \[7\]"), model.context.at(task=7):
        model(batch)
    model.eval()(batch)


def test_a_controller_follows_its_signal_and_ignores_what_is_unknown():
    made = shaken(method("rna", signal=2, hidden=8).hook(block())).eval()  # type: ignore[attr-defined]
    y, context = torch.randn(1, 4, 4, 8).expand(3, 4, 4, 8), Context()
    context.signal = torch.tensor([[1.0, 2.0], [float("nan"), 2.0], [float("nan"), float("nan")]])
    found = made.features(y, y, context)
    assert not torch.allclose(found[0], found[1])
    context.signal = None
    torch.testing.assert_close(made.features(y, y, context)[0], found[2])
    with pytest.raises(ConfigError, match="rna reads the signal of a forward pass, got none"):
        made.train().features(y, y, context)
    context.signal = torch.zeros(3, 5)
    with pytest.raises(ConfigError, match="rna reads 2 values of a signal, got 5"):
        made.features(y, y, context)


def test_a_controller_is_trained_by_the_signal_of_the_batch():
    model, batch = science("pde")
    way = method("rna", signal=2, hidden=8)
    model = prepare(way, model)
    train(way, model, FeaturedBatch(batch, signal=torch.randn(3, 2)), 3)
    one, two = (FeaturedBatch(batch, signal=torch.full((3, 2), value)) for value in (0.0, 3.0))
    model.eval()
    assert not torch.equal(model(one).fields, model(two).fields)


def test_tasks_with_one_skill_each_are_their_own_lora():
    layer, x = nn.Linear(6, 5), torch.randn(4, 6)
    made = shaken(method("poly", tasks=2, skills=2, rank=2, alpha=4.0).hook(layer))  # type: ignore[attr-defined]
    with torch.no_grad():
        made.allocation.copy_(torch.tensor([[50.0, -50.0], [-50.0, 50.0]]))
    context = Context()
    with context.at(task=torch.tensor([0, 1, 1, 0])):
        found = made.features(x, layer(x), context)
    for row, task in enumerate((0, 1, 1, 0)):
        expected = layer(x[row]) + 2 * x[row] @ made.a[task].mT @ made.b[task].mT
        torch.testing.assert_close(found[row], expected)


def bank(model, members, **options):
    return method("bank", members=tuple(str(m) for m in members), **options).prepare(copy.deepcopy(model)).eval()


def fill(model, values):
    with torch.no_grad():
        for made in hooks(model):
            if hasattr(made, "w"):
                made.w.copy_(torch.tensor(values))
    return model


@pytest.mark.parametrize("name", ["hydra", "bottleneck", "lora"])
def test_a_bank_with_one_weight_of_one_is_that_member(name):
    model, batch = science("pde")
    options = {"rank": 2} if name == "lora" else {}
    folders = [member(model, seed, name, whole=(), **options) for seed in (1, 2)]
    with torch.no_grad():
        for number, seed in enumerate((1, 2)):
            weights = [0.0, 0.0]
            weights[number] = 1.0
            found = fill(bank(model, folders), weights)(batch).fields
            torch.manual_seed(seed)
            alone = method(name, whole=(), **options).prepare(copy.deepcopy(model)).eval()
            for part, parameter in alone.named_parameters():
                if ".default" in part:
                    parameter.add_(0.1 * torch.randn_like(parameter))
            if name == "lora":  # peft scales the inner product, a bank the outer
                torch.testing.assert_close(found, alone(batch).fields, rtol=1e-4, atol=1e-5)
            else:
                assert torch.equal(found, alone(batch).fields)


def test_the_order_of_members_means_nothing_and_one_more_without_weight_changes_nothing():
    model, batch = science("pde")
    folders = [member(model, seed, "bottleneck") for seed in (1, 2, 3)]
    with torch.no_grad():
        two = fill(bank(model, folders[:2]), [0.5, -0.2])(batch).fields
        turned = fill(bank(model, folders[1::-1]), [-0.2, 0.5])(batch).fields
        three = fill(bank(model, folders), [0.5, -0.2, 0.0])(batch).fields
    torch.testing.assert_close(two, turned, rtol=1e-4, atol=1e-5)
    assert torch.equal(two, three)


@pytest.mark.parametrize("weights", ["free", "softmax", "router"])
def test_only_weights_are_learned_and_the_files_of_members_stay(weights):
    model, batch = science("pde")
    folders = [member(model, seed, "bottleneck") for seed in (1, 2)]
    hashes = [hashlib.sha256((f / "adapter.safetensors").read_bytes()).hexdigest() for f in folders]
    way = method("bank", members=tuple(map(str, folders)), weights=weights, whole=())
    made = prepare(way, model)
    free = {name.rpartition("default.")[2] for name, p in made.named_parameters() if p.requires_grad}
    assert free == ({"w", "router.weight"} if weights == "router" else {"w"})
    before = {n: p.clone() for n, p in made.named_parameters() if ".members." in n}
    train(way, made, batch)
    assert before
    assert all(torch.equal(p, before[n]) for n, p in made.named_parameters() if n in before)
    assert [hashlib.sha256((f / "adapter.safetensors").read_bytes()).hexdigest() for f in folders] == hashes


def test_arrow_sends_a_token_to_the_update_that_answers_it():
    directions = torch.eye(6)[:2]
    parts = [LowRank(10 * directions[n : n + 1], torch.randn(5, 1), 1.0) for n in range(2)]
    for n, part in enumerate(parts):
        torch.testing.assert_close(part.direction().abs(), directions[n])
    model, batch = science("pde")
    folders = [member(model, seed, "lora", rank=2) for seed in (1, 2)]
    made = bank(model, folders, weights="arrow")
    hook = next(iter(hooks(made)))
    own = hook.directions
    share = hook.shares(8 * own, Context())
    assert share.argmax(-1).tolist() == [0, 1]
    made(batch)


def test_what_is_no_bank_is_refused():
    model, _ = science("pde")
    folder = member(model, 1, "bottleneck")
    with pytest.raises(ConfigError, match=r"a bank has a member at least, got members=\(\)"):
        bank(model, [])
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.core.scales[0].down[0].attention.qkv.weight.add_(1)
    with pytest.raises(CheckpointError, match="members of a bank fit its trunk"):
        bank(other, [folder])
    with pytest.raises(ConfigError, match="arrow routes between members of lora, got a Bottleneck"):
        bank(model, [folder], weights="arrow")
    with pytest.raises(ConfigError, match="map weights or features, got prompts"):
        bank(model, [member(model, 1, "prompts")])
    convolved = tiny_model(skip_kind="resnet")
    with pytest.raises(ConfigError, match="of lora in a bank stand at linear maps, got the convolution core"):
        bank(convolved, [member(convolved, 1, "lora", rank=2, targets="skip", whole=())])
    graphs = science("graphs")[0]
    with pytest.raises(ConfigError, match="a router looks at whole samples, got a causal core"):
        bank(graphs, [member(graphs, 1, "bottleneck")], weights="router")
