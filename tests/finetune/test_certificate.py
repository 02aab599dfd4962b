"""The bound of the best of a few adapters: its numbers, its order, and that it holds."""

import math

import pytest
import torch

from humboldt.finetune.certificate import bound_of, certify, divergence, largest
from humboldt.foundations import ConfigError
from tests.finetune.notes import member
from tests.finetune.sciences import science


@pytest.mark.parametrize(
    ("wrong", "samples", "adapters", "expected"),
    [(0, 16, 100, 0.378), (0, 64, 1000, 0.143), (0, 256, 1000, 0.038), (1, 16, 1000, 0.583), (4, 64, 1000, 0.281)],
)
def test_known_numbers(wrong, samples, adapters, expected):
    assert bound_of(wrong / samples, samples, adapters, 0.05) == pytest.approx(expected, abs=6e-4)


def test_the_bound_is_the_inverse_and_grows_with_choice_and_errors_and_falls_with_samples():
    for q, distance in ((0.0, 0.1), (0.2, 0.3), (0.7, 0.01)):
        assert divergence(q, largest(q, distance)) == pytest.approx(distance, abs=1e-9)
    assert largest(1.0, 0.1) == 1
    assert bound_of(0.1, 20, 1, 0.05) == largest(0.1, math.log(20) / 20)
    rising = [bound_of(q, 50, m, 0.05) for q, m in ((0.0, 1), (0.0, 10), (0.1, 10), (0.2, 10))]
    assert rising == sorted(rising)
    assert bound_of(0.1, 200, 10, 0.05) < bound_of(0.1, 50, 10, 0.05)


def test_the_bound_holds_as_often_as_it_says():
    torch.manual_seed(0)
    delta, adapters, samples, draws, broken = 0.1, 8, 12, 2000, 0
    true = torch.linspace(0.2, 0.5, adapters)
    means = torch.bernoulli(true[None, :, None].expand(draws, adapters, samples)).mean(2)
    bounds = {round(float(q), 6): bound_of(float(q), samples, adapters, delta) for q in means.unique()}
    for row in means:
        chosen = int(row.argmin())
        broken += float(true[chosen]) > bounds[round(float(row[chosen]), 6)]
    assert broken <= delta * draws
    naive = sum(
        float(true[int(row.argmin())]) > largest(float(row.min()), math.log(1 / delta) / samples) for row in means
    )
    assert naive > broken  # without the union over adapters the choice is not paid for


def test_a_certificate_names_what_was_chosen_and_the_files():
    model, _ = science("pde")
    folders = [member(model, seed) for seed in (1, 2)]
    found = certify(torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.2, 0.1]]), 0.05, folders)
    assert (found.chosen, found.adapters, found.samples) == (1, 2, 3)
    assert found.error == pytest.approx(0.1)
    assert len(set(found.hashes)) == 2
    assert found.made.endswith("+00:00")


def test_errors_and_chances_are_checked():
    with pytest.raises(ConfigError, match=r"errors in \[0, 1\].* between 0.0 and 2.0.*cut the error"):
        certify(torch.tensor([[0.0, 2.0]]))
    with pytest.raises(ConfigError, match=r"in \(0, 1\), got delta=0"):
        certify(torch.zeros(1, 3), 0.0)
    with pytest.raises(ConfigError, match="a folder an adapter, got 1 for 2"):
        certify(torch.zeros(2, 3), folders=["here"])
