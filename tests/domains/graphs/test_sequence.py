import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from humboldt.domains.graphs import PUBLISHED, Graph, GraphError, Ordering, Vocabulary, decode, encode, plain_vocabulary
from humboldt.domains.graphs.sequence import by_discovery

OWN = Vocabulary(name="own", indices=9, nodes=("a", "b"), edges=("x", "y"))
ORDERS = ("bfs", "dfs", "deg", "uniform")


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 9))
    nodes = tuple(draw(st.sampled_from(OWN.nodes)) for _ in range(count))
    pairs = [(a, b) for b in range(count) for a in range(b) if draw(st.booleans())]
    return nodes, tuple((a, b, draw(st.sampled_from(OWN.edges))) for a, b in pairs)


def described(graph: Graph) -> Any:
    """What does not depend on the numbers of the nodes: labels around every edge and every node."""
    around = [
        sorted((label, graph.nodes[a + b - n]) for a, b, label in graph.edges if n in (a, b)) for n in range(len(graph))
    ]
    ends = sorted((*sorted((graph.nodes[a], graph.nodes[b])), label) for a, b, label in graph.edges)
    return sorted(zip(graph.nodes, map(tuple, around), strict=True)), ends


@given(
    graph=graphs(),
    order=st.sampled_from(ORDERS),
    numbering=st.sampled_from(["random", "discovery"]),
    seed=st.integers(0, 99),
)
def test_decoding_undoes_encoding(graph, order, numbering, seed):
    graph = Graph(*graph)
    ids = encode(graph, OWN, Ordering(edges=order, numbering=numbering), random.Random(seed))
    assert len(ids) == OWN.length(graph)
    assert described(decode(ids, OWN)) == described(graph)


@given(graph=graphs(), seed=st.integers(0, 99))
def test_edges_without_types(graph, seed):
    graph = Graph(*graph)
    plain, vocabulary = Graph.plain(len(graph), [e[:2] for e in graph.edges]), plain_vocabulary("p", 9, False)
    ids = encode(plain, vocabulary, Ordering(), random.Random(seed))
    assert len(ids) == vocabulary.length(plain)
    assert described(decode(ids, vocabulary)) == described(plain)


def test_discovery_numbers_nodes_as_they_are_mentioned():
    labels, edges = by_discovery(["a", "b", "c", "d"], [(2, 0, "x"), (2, 3, "x")])
    assert (labels, edges) == (["c", "a", "d", "b"], [(0, 1, "x"), (0, 2, "x")])


def test_published_orders_lose_the_other_components():
    graph = Graph.plain(4, [(0, 1), (2, 3)])
    first = Ordering(edges="bfs", numbering="random", components="first")
    vocabulary = PUBLISHED["tree"]
    assert len(decode(encode(graph, vocabulary, first, random.Random(0)), vocabulary).edges) == 1
    assert len(decode(encode(graph, vocabulary, Ordering(), random.Random(0)), vocabulary).edges) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<boc> ATOM_C IDX_0 <eoc>", "lies between its two delimiters"),
        ("<boc> ATOM_C <sepc> <eoc> <bog> <eog>", "an index belongs here, got <sepc>"),
        ("<boc> ATOM_C IDX_0 <sepc> <eoc> <bog> <eog>", "a node is a type, an index and a separator"),
        ("<boc> IDX_0 ATOM_C <eoc> <bog> <eog>", "an index belongs here, got ATOM_C"),
        ("<boc> ATOM_C IDX_0 <eoc> <bog> IDX_0 IDX_1 <eog>", "an edge is two indices and a type"),
        ("<boc> ATOM_C IDX_0 <eoc> <bog> IDX_0 IDX_0 BOND_SINGLE <eog>", "joins two nodes once, got IDX_0 IDX_0"),
    ],
)
def test_malformed_sequences(text, message):
    vocabulary = PUBLISHED["qm9"]
    with pytest.raises(GraphError, match=message):
        decode(vocabulary.read(text), vocabulary)
