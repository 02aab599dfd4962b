import math

import pytest
import torch

from humboldt.domains.biodiversity.distribution import Suitability, VirtualSpecies
from humboldt.domains.biodiversity.distribution.heads import Kernels, ordering, respond
from tests.domains.biodiversity.distribution.small import network


def test_responses_add_what_each_variable_says() -> None:
    functions = torch.zeros(1, 1, 2, 3, 1)
    functions[0, 0, 0, :, 0] = torch.tensor([0.0, 1.0, 0.0])  # an optimum in the middle of the first variable
    functions[0, 0, 1, :, 0] = torch.tensor([0.0, 2.0, 4.0])  # a trend along the second
    u = torch.tensor([[[0.5, 0.0], [0.25, 0.5], [1.0, 1.0]]])
    assert respond(functions, u).flatten().tolist() == pytest.approx([1.0, 2.5, 4.0])


def test_density_is_that_of_normal_kernels() -> None:
    x, points = torch.tensor([[[[0.5]]]]), torch.tensor([[[[0.0], [2.0], [9.0]]]])
    found = Kernels(points, torch.tensor([[[[1.0, 3.0, 0.0]]], [[[1.0, 0.0, 0.0]]]]))(x)
    expected = math.log(0.25 * math.exp(-0.125) + 0.75 * math.exp(-1.125))
    assert found.flatten().tolist() == pytest.approx([expected, -0.125], abs=1e-5)


def test_ordering_counts_pairs() -> None:
    logit = torch.tensor([2.0, 0.0, -1.0])
    found = ordering(logit, torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 1.0]))
    expected = (math.log1p(math.exp(-2)) + math.log1p(math.exp(-3))) / 2
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_falls_where_the_truth_is_said_and_needs_a_target() -> None:
    batch, model = VirtualSpecies(10, species=2).batch([0]), network()
    assert batch.target is not None
    wrong = Suitability(torch.zeros_like(batch.target), torch.ones_like(batch.target))
    right = Suitability(torch.logit(batch.target, 1e-4).clamp(-6, 6), torch.full_like(batch.target, 0.1))
    assert model.head.loss(right, batch) < model.head.loss(wrong, batch) - 0.1
    with pytest.raises(ValueError, match="a loss needs a target"):
        model.head.loss(wrong, batch.with_query(batch.query))


def test_targets_that_are_not_known_do_not_count() -> None:
    import dataclasses

    batch, model = VirtualSpecies(10, species=1).batch([0]), network()
    assert batch.target is not None
    half = batch.target.clone()
    half[..., 64:] = torch.nan
    few = dataclasses.replace(batch, query=batch.query[:, :64], target=batch.target[..., :64])
    some = dataclasses.replace(batch, target=half)
    torch.testing.assert_close(model.loss(some), model.loss(few))
