import copy

import pytest
import torch

from humboldt.finetune.transforms import readapt, truncated
from humboldt.foundations import ConfigError
from tests.finetune.tiny import tiny_model


def changed(model, seed):
    other, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return other


def test_the_ends_of_readapt_are_its_models():
    base = tiny_model()
    domain, sibling = changed(base, 1), changed(base, 2)
    for a, b, expected in ((1.0, 0.0, domain), (0.0, 1.0, sibling)):
        made = readapt(base, domain, sibling, of_domain=a, of_sibling=b)
        assert all(torch.equal(p, q) for p, q in zip(made.parameters(), expected.parameters(), strict=True))
    half = readapt(base, domain, sibling)
    for h, d, s in zip(half.parameters(), domain.parameters(), sibling.parameters(), strict=True):
        torch.testing.assert_close(h, (d + s) / 2)


def test_a_truncated_difference_explains_what_was_asked():
    difference = torch.randn(12, 9, dtype=torch.float64)
    part = truncated(difference, 0.6)
    explained = 1 - (difference - part).square().sum() / difference.square().sum()
    assert explained >= 0.6
    singular = torch.linalg.svdvals(difference).square()
    rank = int(torch.linalg.matrix_rank(part))
    assert singular[: rank - 1].sum() / singular.sum() < 0.6
    torch.testing.assert_close(explained, singular[:rank].sum() / singular.sum())


def test_statistics_are_those_of_the_domain_and_never_mixed():
    base = tiny_model()
    domain, sibling = changed(base, 1), changed(base, 2)
    for model, value in ((base, 1.0), (domain, 2.0), (sibling, 3.0)):
        model.embed.normaliser.std.fill_(value)
    made = readapt(base, domain, sibling, of_domain=0.3, of_sibling=0.4)
    assert set(made.embed.normaliser.std.tolist()) == {2.0}


def test_models_of_other_shapes_are_refused():
    other = tiny_model(skip_kind="resnet")
    with pytest.raises(ConfigError, match=r"have the same tensors, got others at \['core"):
        readapt(tiny_model(), other, tiny_model())
    with pytest.raises(ConfigError, match=r"is in \(0, 1\], got 0.0"):
        readapt(tiny_model(), tiny_model(), tiny_model(), kept=0.0)
