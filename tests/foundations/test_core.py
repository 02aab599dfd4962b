import copy
import dataclasses
import pickle
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.foundations import AttentionConfig, BlockConfig, Core, CoreConfig, DropPath, ScaleConfig, Tokens, testing

from .cores import attention, awake, pair, pyramid, sequence, tokens

SIZES = {1: 37, 2: 37, 3: 6}  # of the axes beside the longest


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("skip_kind", ["convnext", "resnet"])
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_translation_by_a_window_period_commutes(axes, norm, skip_kind, data):
    """Of the coarser scale, which is two of the finer: 8 tokens."""
    core = awake(Core(pyramid(axes, norm=norm, skip_kind=skip_kind))).eval()
    periods = [data.draw(st.integers(1, 2)) for _ in range(axes)]
    moved = [data.draw(st.integers(-1, 2)) for _ in range(axes)]
    given_tokens = tokens(core, *(8 * p for p in periods), periodic=True, seed=data.draw(st.integers(0, 99)))
    testing.check_translation(core, given_tokens, tuple(8 * m for m in moved))


@pytest.mark.parametrize("axes", [1, 2, 3])
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_any_grid_runs_with_finite_gradients(axes, data):
    long = data.draw(st.integers(0, axes - 1))
    grid = tuple(data.draw(st.integers(1, 37 if axis == long else SIZES[axes])) for axis in range(axes))
    periodic, padding = data.draw(st.booleans()), data.draw(st.sampled_from(["masked", "visible"]))
    core = awake(Core(pyramid(axes, padding=padding)))
    given_tokens = tokens(core, *grid, batch=1, periodic=periodic)
    out = core(given_tokens)
    assert out.x.shape == given_tokens.x.shape
    out.x.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in core.parameters())


@pytest.mark.parametrize("position", ["none", "log"])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@settings(max_examples=4, deadline=None)
@given(length=st.integers(2, 9), seed=st.integers(0, 99))
def test_causal_core_does_not_look_ahead(position, similarity, length, seed):
    core = awake(Core(sequence(position=position, similarity=similarity)))
    testing.check_causal(core, tokens(core, length, seed=seed))
    other = awake(Core(sequence(causal=False)))
    with pytest.raises(AssertionError, match="must not change"):
        testing.check_causal(other, tokens(other, 6))


@pytest.mark.parametrize("config", [pyramid(), pyramid(axes=3, norm="pre", similarity="dot"), sequence()])
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_float32_agrees_with_float64(config, data):
    core = awake(Core(config))
    grid = [data.draw(st.integers(1, most)) for most in (17, 11, 6)[: config.axes]]
    given_tokens = tokens(core, *grid, seed=data.draw(st.integers(0, 99)))
    single = core(given_tokens).x
    wide = None if given_tokens.condition is None else given_tokens.condition.double()
    double = core.double()(Tokens(given_tokens.x.double(), wide)).x
    assert (single - double).abs().max() < 1e-4 * double.abs().max()


@pytest.mark.parametrize("skip_kind", ["convnext", "resnet"])
def test_masked_tokens_do_not_influence_others(skip_kind):
    core = awake(Core(pyramid(skip_kind=skip_kind))).eval()
    given_tokens = tokens(core, 9, 7)
    mask = torch.rand(2, 9, 7) > 0.4
    hidden = torch.where(mask.unsqueeze(-1), given_tokens.x, torch.full_like(given_tokens.x, torch.nan))
    outs = [core(dataclasses.replace(given_tokens, x=x, mask=mask)).x[mask] for x in (given_tokens.x, hidden)]
    assert torch.isfinite(outs[0]).all()
    assert torch.equal(*outs)


def test_masked_padding_is_as_if_it_were_not_there():
    """Windows reach beyond the grid: the same as windows of just the grid's own tokens."""

    def one_scale(blocks):
        return Core(CoreConfig(axes=1, scales=(ScaleConfig(width=8, down=blocks),)))

    small = awake(one_scale(pair(8, 1, window=None, position="none")))
    windowed = one_scale(pair(8, 1, window=4, position="none")[:1] * 2)
    windowed.load_state_dict(small.state_dict())
    x = torch.randn(1, 7, 8)
    alone = torch.cat([small(Tokens(x[:, :4])).x, small(Tokens(x[:, 4:])).x], dim=1)
    torch.testing.assert_close(windowed(Tokens(x)).x, alone, atol=1e-5, rtol=1e-4)


def test_samples_are_independent():
    core = awake(Core(pyramid())).eval()
    both = tokens(core, 9, 6, batch=3)
    alone = core(Tokens(both.x[1:2], both.condition[1:2])).x
    torch.testing.assert_close(core(both).x[1:2], alone, atol=1e-5, rtol=1e-4)


def test_large_mean_and_small_deviation_stay_finite_in_bfloat16():
    core = awake(Core(pyramid()))
    given_tokens = tokens(core, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        out = core(given_tokens.with_x(100 + 0.01 * given_tokens.x)).x
    out.float().square().mean().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(p.grad).all() for p in core.parameters())


def test_checkpointing_gives_the_same_gradients_also_with_dropped_branches():
    core = Core(pyramid())
    for module in core.modules():
        if isinstance(module, DropPath):
            module.rate = 0.3
    results = []
    for core.checkpointing in (False, True):
        torch.manual_seed(3)
        out = core(tokens(core, 8, 8)).x
        results.append((out, *torch.autograd.grad(out.square().mean(), tuple(core.parameters()))))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_copies_and_pickles_equal_their_original():
    core = awake(Core(pyramid())).eval()
    given_tokens = tokens(core, 9, 6)
    expected = core(given_tokens).x
    assert torch.equal(copy.deepcopy(core)(given_tokens).x, expected)
    assert torch.equal(pickle.loads(pickle.dumps(core))(given_tokens).x, expected)


def test_training_after_inference_mode():
    core = awake(Core(pyramid(window=3)))
    with torch.inference_mode():
        core(tokens(core, 10, 11))
    core(tokens(core, 10, 11)).x.mean().backward()


def test_a_scale_without_blocks_still_merges_and_splits():
    block = BlockConfig(attention=attention(1), hidden=8)
    scales = (ScaleConfig(width=4, down=(), merge=(3,)), ScaleConfig(width=8, down=(block,)))
    core = Core(CoreConfig(axes=1, scales=scales))
    assert core(Tokens(torch.randn(1, 7, 4))).x.shape == (1, 7, 4)


def test_one_scale_is_a_plain_transformer():
    core = awake(Core(sequence()))
    x = expected = torch.randn(2, 5, 8)
    for block in core.scales[0].down:
        q, k, v = block.attention.qkv(block.attention_norm(expected)).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        expected = expected + block.attention.out(mixed)
        expected = expected + block.feed_forward(block.feed_forward_norm(expected))
    assert core.norm is not None
    torch.testing.assert_close(core(Tokens(x)).x, core.norm(expected))


def test_other_tokens_are_refused():
    core = Core(sequence())
    with pytest.raises(ValueError, match=r"1 grid axes and width 8, got shape \(1, 2, 3, 8\)"):
        core(Tokens(torch.zeros(1, 2, 3, 8)))


@pytest.mark.integration
@pytest.mark.parametrize("backend", ["aot_eager"])
def test_compiled_core_equals_the_eager_one(root, backend):
    """In a process of its own: what checks shapes in the other tests cannot be traced."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.foundations.compiled", backend]
    subprocess.run(command, cwd=root, check=True)


def _train_apart(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    core = awake(Core(pyramid()))
    parallel = torch.nn.parallel.DistributedDataParallel(core)
    whole = tokens(core, 8, 8)
    mine = Tokens(whole.x[rank : rank + 1], whole.condition[rank : rank + 1])
    parallel(mine).x.square().mean().backward()
    if rank == 0:
        torch.save([p.grad for p in core.parameters()], f"{folder}/gradients.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.integration
def test_two_processes_train_as_one(tmp_path):
    torch.multiprocessing.spawn(_train_apart, (str(tmp_path),), nprocs=2)
    torch.manual_seed(0)
    core = awake(Core(pyramid()))
    core(tokens(core, 8, 8)).x.square().mean().backward()
    for ours, shared in zip(core.parameters(), torch.load(tmp_path / "gradients.pt"), strict=True):
        torch.testing.assert_close(shared, ours.grad, atol=5e-5, rtol=1e-4)


def test_the_state_of_the_way_down_joins_as_the_configuration_says():
    block = BlockConfig(attention=AttentionConfig(heads=1), hidden=4)
    scales = tuple(ScaleConfig(width=4, down=(block,), up=(block,), merge=(2,)) for _ in range(4))
    core = Core(CoreConfig(axes=1, scales=scales, join="concatenate", merge_norm="before")).eval()
    seen = {}
    for i, scale in enumerate(core.scales):
        scale.down[-1].register_forward_hook(lambda part, given, out, i=i: seen.update({("down", i): out.x}))
        scale.up[0].register_forward_hook(lambda part, given, out, i=i: seen.update({("up", i): given[0].x}))
        if i < 3:
            scale.split.register_forward_hook(lambda part, given, out, i=i: seen.update({("split", i): out.x}))
    given = []
    core.join.register_forward_hook(lambda part, inputs, out: given.append(inputs[0]))
    core(Tokens(torch.randn(1, 16, 4)))
    for i, added in ((0, True), (1, True), (2, False)):
        expected = seen["split", i] + (seen["down", i] if added else 0)
        assert torch.equal(seen["up", i], expected)
    assert torch.equal(given[0][..., 4:], seen["down", 0])


def test_a_merge_that_normalises_first_is_not_told_the_condition():
    block = BlockConfig(attention=AttentionConfig(heads=1), hidden=4)
    scales = tuple(ScaleConfig(width=4, down=(block,), merge=(2,)) for _ in range(2))
    core = Core(CoreConfig(axes=1, scales=scales, condition=3, merge_norm="before"))
    assert (core.scales[0].merge.norm.width, core.scales[0].merge.norm.condition) == (8, 0)
    x, merge = torch.randn(1, 4, 4), core.scales[0].merge
    normal = torch.nn.functional.layer_norm(x.view(1, 2, 8), (8,))
    torch.testing.assert_close(merge(Tokens(x)).x, normal @ merge.reduction.weight.mT)
