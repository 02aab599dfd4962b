import pytest
import torch

from humboldt.foundations import relative_error


@pytest.mark.parametrize("order", [1, 2])
def test_relative_error_is_its_formula(order):
    p, t = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    size = lambda x: x.abs().pow(order)  # noqa: E731
    groups = [[0, 1], [2]]
    batch = sum(size(p - t)[:, g].mean() / size(t)[:, g].mean() for g in groups) / 2
    torch.testing.assert_close(relative_error(p, t, groups, order), batch)
    each = [size(p - t)[:, g].mean((1, 2)) / size(t)[:, g].mean((1, 2)) for g in groups]
    torch.testing.assert_close(relative_error(p, t, groups, order, over="sample"), torch.stack(each).mean())


def test_a_channel_of_no_group_does_not_count_whatever_it_holds():
    p, t = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    t[:, 1] = torch.nan
    torch.testing.assert_close(relative_error(p, t, [[0], [2]]), relative_error(p[:, ::2], t[:, ::2], [[0], [1]]))


def test_known_places_count_as_predicted():
    p, t = torch.randn(2, 2, 5), torch.randn(2, 2, 5)
    known = torch.zeros(2, 2, 1, dtype=torch.bool)
    known[:, 1] = True
    half = relative_error(p, t, [[0], [1]], known=known)
    torch.testing.assert_close(half, relative_error(p, t, [[0]]) / 2)


def test_an_empty_group_counts_as_zero():
    zero = torch.zeros(1, 1, 4)
    assert relative_error(torch.ones(1, 1, 4), zero, [[0]], known=torch.ones(1, 1, 4, dtype=torch.bool)) == 0


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_nearly_zero_counts_as_of_the_least_size(order):
    quiet, loud = torch.full((1, 1, 4), 1e-9), torch.full((1, 1, 4), 2.0)
    wrong = relative_error(quiet + 0.01, quiet, [[0]], order, over="sample", least=0.1)
    torch.testing.assert_close(wrong, torch.tensor(0.1**order))
    assert relative_error(loud + 1, loud, [[0]], order, least=0.1) == relative_error(loud + 1, loud, [[0]], order)
