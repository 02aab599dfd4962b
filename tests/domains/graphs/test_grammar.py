"""What the grammar allows is exactly what decodes."""

import pytest
import torch

from humboldt.domains.graphs import PUBLISHED, Chemistry, Grammar, Vocabulary, decode, open_graphs, plain_vocabulary
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import MOLECULES


def walk(vocabulary: Vocabulary, length: int, count: int = 64, **choices: bool) -> list[list[int]]:
    """Sequences drawn uniformly from what is allowed."""
    grammar, ids = Grammar(vocabulary, count, length, **choices), torch.zeros(count, 1, dtype=torch.long)
    for _ in range(length - 1):
        allowed = grammar.allowed()
        assert allowed.any(1).all()
        tokens = torch.multinomial(allowed.double(), 1)
        grammar.advance(tokens[:, 0])
        ids = torch.cat([ids, tokens], dim=1)
    return ids.tolist()


@pytest.mark.parametrize("length", [7, 12, 40, 90])
def test_every_walk_is_a_graph(length):
    for vocabulary in (PUBLISHED["qm9"], plain_vocabulary("p", 6, False), plain_vocabulary("p", 3)):
        for ids in walk(vocabulary, length):
            decode(ids, vocabulary)


def test_valences_hold_and_molecules_are_valid():
    from humboldt.domains.graphs import decode_molecule

    vocabulary = open_graphs([*MOLECULES, "OP(=O)(O)O", "CS(=O)(=O)C", "[O-][n+]1ccccc1", "[CH2]C"]).vocabulary
    found = [decode_molecule(ids, vocabulary).status for ids in walk(vocabulary, 120, 128, valences=True)]
    assert set(found) == {"ok"}


def test_without_valences_they_do_not():
    from humboldt.domains.graphs import decode_molecule

    vocabulary = open_graphs(list(MOLECULES)).vocabulary
    found = [decode_molecule(ids, vocabulary).status for ids in walk(vocabulary, 120)]
    assert "invalid" in found
    assert "error" not in found


def test_every_graph_may_be_said():
    """Each token of real sequences is allowed where it stands."""
    data = open_graphs(list(MOLECULES))
    batch = data.batch(range(10))
    for ids, real in zip(batch.ids, batch.real, strict=True):
        grammar = Grammar(data.vocabulary, 1, int(real.sum()), valences=True)
        for token in ids[real][1:].tolist():
            assert grammar.allowed()[0, token], data.vocabulary.text([token])
            grammar.advance(torch.tensor([token]))


def test_what_valences_need():
    with pytest.raises(ConfigError, match="Kekule bonds, got aromatic bonds in the vocabulary moses; train with"):
        Grammar(PUBLISHED["moses"], 1, 20, valences=True)
    with pytest.raises(ConfigError, match="got no molecules"):
        Grammar(PUBLISHED["tree"], 1, 20, valences=True)
    with pytest.raises(ConfigError, match="a graph takes 6 tokens at least, got length=5"):
        Grammar(PUBLISHED["tree"], 1, 5)
    assert Chemistry().bonds == "kekule"
