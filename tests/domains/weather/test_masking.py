"""Which tokens are seen: counts, order, and the way there and back."""

import pytest
import torch

from humboldt.domains.weather import TokenMask, given_mask, observed_mask, random_mask
from humboldt.foundations import ConfigError, Units

UNITS = Units((2, 3), (2, 4))


@pytest.mark.parametrize("kind", ["units", "slots"])
def test_a_random_mask_hides_the_share_and_keeps_the_natural_order(kind):
    mask = random_mask(kind, 0.5, 3, UNITS, torch.Generator().manual_seed(0))
    assert mask.hidden.shape == ((3, 3) if kind == "units" else (3, 6, 4))
    assert torch.equal(mask.seen, mask.seen.sort(-1).values)
    again = random_mask(kind, 0.5, 3, UNITS, torch.Generator().manual_seed(0))
    assert torch.equal(mask.hidden, again.hidden)
    assert not (mask.hidden == mask.hidden[:1]).all()  # samples are drawn one by one


def test_a_shuffled_mask_keeps_the_order_of_the_draw_also_where_nothing_is_hidden():
    mask = random_mask("slots", 0.0, 2, UNITS, torch.Generator().manual_seed(0), shuffled=True)
    assert mask.is_empty
    assert not torch.equal(mask.seen, mask.seen.sort(-1).values)
    assert torch.equal(mask.in_natural_order().seen[0, 0], torch.arange(8))


@pytest.mark.parametrize("kind", ["units", "slots"])
def test_seen_tokens_return_to_their_places(kind):
    x = torch.randn(2, *UNITS.grid, 5)
    mask = random_mask(kind, 0.4, 2, UNITS, shuffled=True)
    back = mask.scatter(mask.gather(x), torch.full_like(x, -9.0))
    hidden = UNITS.cut(mask.field(UNITS).unsqueeze(-1))[..., 0]
    assert torch.equal(back[~hidden], x[~hidden])
    assert (back[hidden] == -9).all()


def test_a_given_map_is_shared_by_the_batch():
    mask = given_mask("units", torch.tensor([[True, False, False], [False, True, False]]), 2, UNITS)
    assert mask.hidden.tolist() == [[0, 4]] * 2
    assert mask.seen.tolist() == [[1, 2, 3, 5]] * 2
    slots = given_mask("slots", torch.tensor([[True] * 4, [False] * 4]), 1, UNITS)
    assert slots.hidden[0].tolist() == [[0, 1, 2, 3]] * 6


def test_units_without_observations_are_hidden():
    known = torch.zeros(2, 4, 12, dtype=torch.bool)
    known[:, 3, 5] = True
    assert observed_mask(known, UNITS).seen.tolist() == [[4]] * 2


def test_refusals():
    with pytest.raises(ConfigError, match=r"at least 0 and below 1, got 1"):
        random_mask("units", 1.0, 1, UNITS)
    with pytest.raises(ConfigError, match=r"a map of shape \(2, 3\), got \(2, 4\)"):
        given_mask("units", torch.zeros(2, 4, dtype=torch.bool), 1, UNITS)
    with pytest.raises(ConfigError, match=r"leaves something to be seen"):
        given_mask("units", torch.ones(2, 3, dtype=torch.bool), 1, UNITS)
    with pytest.raises(ConfigError, match=r"name each of 4 places once"):
        TokenMask(torch.tensor([[0, 1]]), torch.tensor([[1, 3]]))
