"""What defines each method of HF peft, on one map of one of our models."""

import copy

import pytest
import torch

from humboldt.finetune import method
from humboldt.finetune.testing import prepare
from humboldt.foundations import ConfigError
from tests.finetune.sciences import science

KEY = "core.scales.0.down.0.feed_forward.expand"


def change(name, size=0.3, **options):
    """What a method of peft has made of one weight, (before, after), all of what it trains having been shaken."""
    torch.manual_seed(3)
    model = science("pde")[0]
    way = method(name, targets=rf"^{KEY}$", whole=(), **options)
    prepared = way.prepare(copy.deepcopy(model))
    free = [p for p in prepared.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter in free:
            parameter.add_(size * torch.randn_like(parameter))
    return model.state_dict()[f"{KEY}.weight"], way.merge(prepared).state_dict()[f"{KEY}.weight"], free


def test_dora_of_peft_moves_directions_and_lengths_apart():
    before, after, free = change("dora", rank=2)
    assert sorted(tuple(p.shape) for p in free) == [(2, 8), (16,), (16, 2)]
    magnitude = next(p for p in free if p.shape == (16,)).detach()
    torch.testing.assert_close(after.norm(dim=1), magnitude.abs(), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(after.norm(dim=1), before.norm(dim=1), rtol=1e-2)


@pytest.mark.parametrize("init", ["kaiming", "gaussian", "orthogonal"])
def test_lora_of_peft_starts_at_the_base_whatever_its_first_factor(init):
    model = science("pde")[0]
    made = method("lora", rank=4, init=init, targets=rf"^{KEY}$", whole=()).prepare(copy.deepcopy(model))
    a, b = (p.detach() for p in made.parameters() if p.requires_grad)
    assert a.any()
    assert b.any() == (init == "orthogonal")  # whose factors are not zero, and at right angles to each other
    torch.testing.assert_close(b @ a, torch.zeros(16, 8), rtol=0, atol=1e-6)


def test_ia3_of_peft_scales_outputs():
    before, after, (factor,) = change("ia3")
    torch.testing.assert_close(after, before * factor.detach().view(-1, 1))


def test_vera_of_peft_trains_two_vectors_between_shared_matrices():
    before, after, free = change("vera", rank=6)
    assert sorted(p.numel() for p in free) == [6, 16]
    assert torch.linalg.matrix_rank(after - before, tol=1e-5) <= 6


def test_fourierft_of_peft_changes_a_weight_by_few_frequencies():
    before, after, (spectrum,) = change("fourierft", frequencies=5, alpha=100.0)
    assert spectrum.numel() == 5
    found = torch.fft.fft2(after - before).abs()
    assert 0 < int((found > 1e-3 * found.max()).sum()) <= 2 * 5  # the real part of a mode has its mirror too


def test_osf_of_peft_leaves_what_large_directions_do():
    model, batch = science("pde")
    way = method("osf", kept=0.5, targets=rf"^{KEY}$", whole=())
    made = prepare(way, model)
    optimiser = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        made.loss(batch).backward()
        optimiser.step()
    before, after = model.state_dict()[f"{KEY}.weight"], way.merge(made).state_dict()[f"{KEY}.weight"]
    u, _, v = torch.linalg.svd(before, full_matrices=False)
    moved = after - before
    assert moved.abs().max() > 1e-3
    assert (u[:, :4].mT @ moved).abs().max() < 1e-2 * moved.abs().max()
    assert (moved @ v[:4].mT).abs().max() < 1e-2 * moved.abs().max()


def test_reflections_of_peft_keep_singular_values():
    before, after, _ = change("hra", rank=2)
    torch.testing.assert_close(torch.linalg.svdvals(after), torch.linalg.svdvals(before), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(after, before)


def test_products_of_peft_have_the_ranks_of_their_kind():
    before, after, _ = change("loha", rank=2)
    assert torch.linalg.matrix_rank(after - before, tol=1e-5) == 4  # of an elementwise product of ranks 2 and 2
    before, after, free = change("lokr", rank=1)
    assert sum(p.numel() for p in free) < before.numel()
    moved = after - before
    assert moved.any()


def test_waveft_of_peft_changes_a_weight_by_few_wavelets():
    before, after, (spectrum,) = change("waveft", frequencies=3, alpha=10.0)
    assert spectrum.numel() == 3
    moved = after - before
    assert 0 < int((moved.abs() > 1e-4).sum()) <= 3 * 4  # a Haar wavelet of one level reaches two by two entries
    with pytest.raises(
        ConfigError, match="frequencies must be between 1 and the entries of every map, got 129 for a map"
    ):
        change("waveft", frequencies=129)
