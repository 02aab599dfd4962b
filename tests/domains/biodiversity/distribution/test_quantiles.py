import pytest
import torch

from humboldt.domains.biodiversity.distribution.quantiles import (
    ENVIRONMENT,
    PADDING,
    PLACE,
    Frame,
    Quantiles,
    knot_weights,
)


def test_a_quantile_is_the_share_below_and_half_of_the_ties() -> None:
    points = torch.tensor([1.0, 2.0, 2.0, 4.0]).reshape(1, 4, 1)
    asked = torch.tensor([0.0, 1.0, 2.0, 3.0, 9.0]).reshape(1, 5, 1)
    assert Quantiles(points)(asked).flatten().tolist() == [0.0, 0.125, 0.5, 0.75, 1.0]


def test_quantiles_do_not_know_units() -> None:
    torch.manual_seed(0)
    points, asked = torch.rand(1, 50, 3), torch.rand(1, 20, 3)
    bent = Quantiles(points.exp() * 1000)(asked.exp() * 1000)
    torch.testing.assert_close(bent, Quantiles(points)(asked))


def test_components_are_uncorrelated_and_leave_places_and_padding_out() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 400, 1)
    points = torch.cat([x, x + 0.3 * torch.randn(1, 400, 1), torch.randn(1, 400, 2), torch.zeros(1, 400, 1)], -1)
    frame = Frame(points, torch.tensor([[ENVIRONMENT, ENVIRONMENT, ENVIRONMENT, PLACE, PADDING]]))
    assert frame.vectors[0, 3:, :3].abs().max() < 1e-5
    assert frame.share[0, 0] > 0.6
    assert frame.known[0].tolist() == [True, True, True, True, False, True, True, True, False, False]
    scores = frame._scores(frame.raw(points)) @ frame.vectors
    correlation = torch.corrcoef(scores[0, :, :3].T)
    assert (correlation - torch.eye(3)).abs().max() < 0.02


def test_knots_interpolate_linearly() -> None:
    weights = knot_weights(torch.tensor([0.0, 0.1, 0.75, 1.0, 1.5]), 5)
    values = torch.tensor([0.0, 1.0, 4.0, 9.0, 16.0])
    assert (weights @ values).tolist() == pytest.approx([0.0, 0.4, 9.0, 16.0, 16.0], abs=1e-5)
    assert weights.sum(-1).tolist() == pytest.approx([1.0] * 5)
