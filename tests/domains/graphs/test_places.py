import math

import pytest
import torch

from humboldt.domains.graphs.places import Places
from humboldt.domains.graphs.vocabulary import BOC, EOG

PAD, CALM = 0, torch.zeros(2, 8)  # all of eight tokens equally likely


def test_a_place_goes_on_with_the_next_sequence_and_keeps_the_scores_of_each():
    batch = Places(3, 2, (BOC, 5), length=5, pad=PAD, device=torch.device("cpu"))
    sharp = torch.zeros(2, 8)
    sharp[:, 7] = 50.0  # drawn for certain
    batch.write(torch.tensor([EOG, 7]), CALM, CALM)
    assert batch.ended.tolist() == [0]
    assert [part.tolist() for part in batch.refill()] == [[0], [2]]
    assert batch.tokens.tolist() == [BOC, 7]
    batch.write(torch.tensor([6, 7]), CALM, sharp)  # the third sequence is still told its prompt
    assert batch.tokens.tolist() == [5, 7]
    batch.write(torch.tensor([EOG, 7]), CALM, sharp)
    assert not batch.going.any()  # one has ended, the other is as long as it may be
    found = batch.sequences()
    assert [sampled.ids for sampled in found] == [(BOC, 5, EOG), (BOC, 5, 7, 7, 7), (BOC, 5, EOG)]
    even = -math.log(8)
    assert [sampled.log_likelihood for sampled in found] == pytest.approx([even, 3 * even, even])
    assert [sampled.log_probability for sampled in found] == pytest.approx([even, even, -50.0], rel=1e-3)


def test_places_that_leave_take_nothing_with_them():
    batch = Places(2, 2, (BOC,), length=4, pad=PAD, device=torch.device("cpu"))
    batch.write(torch.tensor([EOG, 6]), CALM, CALM)
    batch.keep(torch.tensor([1]))
    assert batch.sequence.tolist() == [1]
    batch.write(torch.tensor([EOG]), CALM[:1], CALM[:1])
    assert [sampled.ids for sampled in batch.sequences()] == [(BOC, EOG), (BOC, 6, EOG)]
