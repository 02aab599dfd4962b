import torch

from humboldt.foundations import Tokens


def test_tokens_know_their_grid_and_what_is_seen():
    mask = torch.tensor([[[True, False]]])
    tokens = Tokens(torch.ones(1, 1, 2, 3), mask=mask)
    assert tokens.grid == (1, 2)
    assert torch.equal(tokens.seen()[0, 0], torch.tensor([[1.0] * 3, [0.0] * 3]))
    other = tokens.with_x(torch.zeros(1, 1, 2, 3))
    assert other.mask is mask
    assert other.x.sum() == 0
