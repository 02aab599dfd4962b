import torch

from humboldt.foundations import Tokens
from humboldt.foundations.scales import Merge, Split


def test_merge_puts_neighbours_row_major_into_the_channels(monkeypatch):
    merge = Merge(1, 6, (2, 3), 0)
    with torch.no_grad():
        merge.reduction.weight.copy_(torch.eye(6))
    monkeypatch.setattr(merge.norm, "forward", lambda x, t: x)
    x = torch.arange(1.0, 13).reshape(1, 4, 3, 1)
    assert torch.equal(merge(Tokens(x)).x.flatten(0, 2), torch.arange(1.0, 13).reshape(2, 6))


def test_missing_and_masked_tokens_count_as_zero():
    merge = Merge(2, 4, (2,), 0)
    x = torch.randn(1, 3, 2)
    whole = merge(Tokens(torch.cat([x, torch.zeros(1, 1, 2)], 1)))
    torch.testing.assert_close(merge(Tokens(x)).x, whole.x)
    masked = merge(Tokens(torch.cat([x, torch.ones(1, 3, 2)], 1), mask=torch.tensor([[True] * 3 + [False] * 3])))
    torch.testing.assert_close(masked.x[:, :2], whole.x)
    assert masked.mask.tolist() == [[True, True, False]]


def test_split_returns_to_the_finer_grid():
    split, like = Split(8, 4, (2, 3), 0), Tokens(torch.zeros(1, 3, 5, 4))
    out = split(Tokens(torch.randn(1, 2, 2, 8)), like)
    assert out.x.shape == like.x.shape


def test_split_puts_channels_row_major_into_neighbours(monkeypatch):
    split = Split(4, 1, (2, 2), 0)
    with torch.no_grad():
        split.expansion.weight.copy_(torch.eye(4))
        split.mix.weight.fill_(1)
    monkeypatch.setattr(split.norm, "forward", lambda x, t: x)
    out = split(Tokens(torch.tensor([1.0, 2, 3, 4]).view(1, 1, 1, 4)), Tokens(torch.zeros(1, 2, 2, 1)))
    assert out.x.flatten().tolist() == [1, 2, 3, 4]
