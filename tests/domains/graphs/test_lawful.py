"""What a model gives to tokens that may not come: by hand, and it learns to give them nothing."""

import dataclasses

import pytest
import torch

from humboldt.domains.graphs import NextTokens, open_graphs, unlawful
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import MOLECULES, small


def test_the_share_of_lawful_tokens_by_hand():
    """After <boc> comes an atom and nothing else: -log of the share of atoms; a filled-up place does not count."""
    data = open_graphs(["C", "CC"])
    vocabulary, batch = data.vocabulary, data.batch([0, 1])
    model = small(vocabulary)
    logits = torch.zeros(*batch.ids.shape, model.config.rows)
    only = dataclasses.replace(batch, real=torch.zeros_like(batch.real).index_fill(1, torch.tensor([0, 1]), True))
    share = len(vocabulary.nodes) / model.config.rows
    found = unlawful(NextTokens(logits), only, model.config)
    torch.testing.assert_close(found, -torch.tensor(share).log())
    logits[..., vocabulary.first_node : vocabulary.first_edge] = 50.0
    assert unlawful(NextTokens(logits), only, model.config) < 1e-6


def test_a_bond_beyond_the_valence_is_unlawful():
    """Where all weight lies on the triple bond, an oxygen that would get one is as wrong as a token of another kind."""
    data = open_graphs(["CO", "C#C"])
    vocabulary, batch, model = data.vocabulary, data.batch([0]), small(data.vocabulary)
    assert vocabulary.chemistry is not None
    place = int((batch.ids[0] >= vocabulary.first_edge).nonzero()[0])  # of the bond of the oxygen
    real = torch.zeros_like(batch.real).index_fill(1, torch.tensor([place]), True)
    logits = torch.zeros(*batch.ids.shape, model.config.rows)
    logits[..., vocabulary.first_edge + vocabulary.edges.index("TRIPLE")] = 50.0
    found = unlawful(NextTokens(logits), dataclasses.replace(batch, real=real), model.config)
    assert found > 40


def test_it_is_learned_in_training_alone():
    data = open_graphs(list(MOLECULES))
    model = small(data.vocabulary, length=80)
    model.head.config = dataclasses.replace(model.config, lawful=5.0)
    batch, optimiser = data.batch(range(8)), torch.optim.Adam(model.parameters(), 1e-2)
    model.eval()
    plain, before = model.loss(batch), unlawful(model(batch), batch, model.config)
    model.train()
    torch.testing.assert_close(model.loss(batch), plain + 5 * before)
    for _ in range(60):
        optimiser.zero_grad()
        model.loss(batch).backward()
        optimiser.step()
    assert unlawful(model(batch), batch, model.config) < 0.7 * before


def test_a_weight_is_not_negative():
    with pytest.raises(ConfigError, match=r"not negative, got lawful=-1.0; 0 leaves it out"):
        dataclasses.replace(small(open_graphs(["CC"]).vocabulary).config, lawful=-1.0)
