"""What takes the place of an operation gives what it gives."""

import pytest
import torch

from humboldt.decompositions import ndtri, searchsorted


@pytest.mark.parametrize("right", [False, True])
def test_values_are_found_among_sorted_ones_with_ties(right):
    generator = torch.Generator().manual_seed(0)
    ordered = torch.randint(9, (2, 3, 20), generator=generator).sort(-1).values
    values = torch.randint(-1, 10, (2, 3, 30), generator=generator)
    assert torch.equal(searchsorted(ordered, values, right=right), torch.searchsorted(ordered, values, right=right))
    side = "right" if right else "left"
    assert torch.equal(searchsorted(ordered, values, side=side), torch.searchsorted(ordered, values, side=side))


def test_a_sorter_and_small_integers():
    ordered, values = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.5])
    found = searchsorted(ordered, values, sorter=ordered.argsort(), out_int32=True)
    assert found.dtype == torch.int32
    assert found.tolist() == [2]


def test_normal_quantiles_from_the_centre_to_far_in_the_tails():
    tail = torch.logspace(-30, -3, 100, dtype=torch.float64)
    share = torch.cat([tail, torch.linspace(1e-3, 1 - 1e-3, 999, dtype=torch.float64), 1 - tail[tail > 1e-9]])
    torch.testing.assert_close(ndtri(share), torch.special.ndtri(share), rtol=1.3e-7, atol=1e-12)
    assert ndtri(torch.tensor(0.5)) == 0
