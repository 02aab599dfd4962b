"""Graphs that grow edge by edge: what is written is read back, and what the grammar allows is a graph."""

import dataclasses
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from humboldt.domains.graphs import (
    Chemistry,
    Graph,
    GraphConfig,
    GraphError,
    GrowthGrammar,
    Ordering,
    Vocabulary,
    canonical,
    decode,
    decode_molecule,
    decoder_core,
    encode,
    graph_from_smiles,
)
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import MOLECULES
from tests.domains.graphs.test_sequence import OWN, described, graphs

GROWN = dataclasses.replace(OWN, spelling="growth")
FROM_FIRST = Ordering(edges="dfs", start="first")
ORDERED = [Ordering(edges=edges) for edges in ("bfs", "dfs")]


@given(graphs(), st.integers(0, 2**32))
def test_the_same_graph_comes_back(drawn, seed):
    graph = Graph(*drawn)
    for ordering in ORDERED:
        ids = encode(graph, GROWN, ordering, random.Random(seed))
        assert len(ids) <= GROWN.length(graph)
        assert described(decode(ids, GROWN)) == described(graph)


def test_how_it_reads():
    words = encode(Graph(("a", "b", "b"), ((0, 1, "x"), (1, 2, "y"))), GROWN, FROM_FIRST, random.Random(0))
    assert GROWN.text(words) == "<boc> a x:b y:b <eog>"
    ring = Graph(("a", "b", "b"), ((0, 1, "x"), (1, 2, "y"), (0, 2, "x")))
    words = encode(Graph(("a", "b", "b"), ((0, 1, "x"), (0, 2, "y"))), GROWN, FROM_FIRST, random.Random(0))
    assert GROWN.text(words) == "<boc> a x:b IDX_0 y:b <eog>"
    words = encode(ring, GROWN, FROM_FIRST, random.Random(0))
    assert GROWN.text(words) == "<boc> a x:b y:b x IDX_0 <eog>"


def test_a_quarter_of_the_tokens():
    graph = graph_from_smiles("CCOc1cccc(C(=O)Nc2ccn(Cc3ccccn3)n2)c1", Chemistry())
    sets, grown = (Vocabulary.of([graph], chemistry=Chemistry(), spelling=s) for s in ("sets", "growth"))  # type: ignore[arg-type]
    assert len(encode(graph, grown, FROM_FIRST, random.Random(0))) < 0.25 * sets.length(graph)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<boc> a", "lies between <boc> and <eog>"),
        ("<boc> <eog>", "at least one node"),
        ("<boc> a IDX_1 x:a <eog>", "nodes that were said, got number 1 of 1"),
        ("<boc> a x IDX_1 <eog>", "nodes that were said, got number 1 of 1"),
        ("<boc> a x <eog>", "an index belongs here, got <eog>"),
        ("<boc> a <sepg> <eog>", "one of the types x, y belongs here, got <sepg>"),
        ("<boc> x:a <eog>", "begins at a node that was said, got x:a before any"),
        ("<boc> a x IDX_0 <eog>", "got 0-0; take it out"),
        ("<boc> a x:b y IDX_0 <eog>", "got 1-0 twice"),
    ],
)
def test_what_is_not_a_graph(text, said):
    with pytest.raises(GraphError, match=said):
        decode(GROWN.read(text), GROWN)


def walk(vocabulary: Vocabulary, length: int, count: int, valences: bool) -> list[list[int]]:
    grammar, ids = GrowthGrammar(vocabulary, count, length, valences=valences), torch.zeros(count, 1, dtype=torch.long)
    for step in range(length - 1):
        allowed = grammar.allowed()
        assert allowed.any(1).all()
        tokens = torch.multinomial(allowed.double(), 1)
        grammar.advance(tokens[:, 0])
        ids = torch.cat([ids, tokens], dim=1)
        if step == length // 2:
            grammar.keep(torch.arange(count))
    return ids.tolist()


@pytest.mark.parametrize("length", [3, 5, 12, 60])
def test_every_walk_is_a_graph(length):
    for ids in walk(GROWN, length, 64, False):
        decode(ids, GROWN)


def grown_molecules() -> tuple[list[Graph], Vocabulary]:
    smiles = [*MOLECULES, "OP(=O)(O)O", "CS(=O)(=O)C", "[O-][n+]1ccccc1", "[CH2]C", "[Na+].[Cl-]"]
    found = [graph_from_smiles(s, Chemistry()) for s in smiles]
    return found, Vocabulary.of(found, chemistry=Chemistry(), spelling="growth")


def test_valences_hold_and_molecules_are_valid():
    vocabulary = grown_molecules()[1]
    found = [decode_molecule(ids, vocabulary).status for ids in walk(vocabulary, 100, 128, True)]
    assert set(found) == {"ok"}
    without = [decode_molecule(ids, vocabulary).status for ids in walk(vocabulary, 100, 128, False)]
    assert "invalid" in without
    assert "error" not in without


def test_every_molecule_may_be_said():
    found, vocabulary = grown_molecules()
    for graph in found:
        for ordering in ORDERED:
            ids = encode(graph, vocabulary, ordering, random.Random(1))
            grammar = GrowthGrammar(vocabulary, 1, len(ids), valences=True)
            for token in ids[1:]:
                assert grammar.allowed()[0, token], vocabulary.text([token])
                grammar.advance(torch.tensor([token]))
            assert decode_molecule(ids, vocabulary, largest=False).smiles is not None
    ids = encode(found[1], vocabulary, ORDERED[0], random.Random(2))
    assert decode_molecule(ids, vocabulary).smiles == canonical(MOLECULES[1])


def test_orders_that_do_not_grow():
    core = decoder_core(layers=1, heads=1, width=4)
    with pytest.raises(ConfigError, match="breadth or depth first, got"):
        GraphConfig(vocabulary=GROWN, core=core, length=20, rows=40, ordering=Ordering(edges="uniform"))
    with pytest.raises(ConfigError, match="says the type of every edge"):
        Vocabulary(name="p", indices=3, nodes=("a",), edges=("x",), edge_type_token=False, spelling="growth")
