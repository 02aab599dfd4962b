"""Scaling and its inverse, right and as published."""

import pytest
import torch

from humboldt.domains.biodiversity import scale, unscale

STATISTICS = {"mean": 280.0, "std": 8.0, "min": 240.0, "max": 310.0}


@pytest.mark.parametrize("mode", ["normalize", "standardize"])
def test_the_inverse_gives_back_what_was_scaled(mode):
    x = torch.tensor([[250.0, 300.0]])
    torch.testing.assert_close(unscale(scale(x, STATISTICS, mode), STATISTICS, mode), x)


def test_the_published_inverse_divides_again_where_there_are_no_levels():
    x = torch.tensor([[250.0, 300.0]])
    published = unscale(scale(x, STATISTICS, "normalize"), STATISTICS, "normalize", "published")
    torch.testing.assert_close(published, 240 + (x - 240) / 70**2)
    levels = {"min": [240.0, 200.0], "max": [310.0, 270.0]}
    there = scale(x.mT.unsqueeze(0), levels, "normalize")
    torch.testing.assert_close(unscale(there, levels, "normalize", "published"), x.mT.unsqueeze(0))
