import pytest

from humboldt.domains.graphs import PUBLISHED, Chemistry, Graph, GraphError, Vocabulary, plain_vocabulary
from humboldt.foundations import ConfigError, from_dict, to_dict

FIRST = {
    "qm9": (16, 20, 27),
    "moses": (36, 44, 51),
    "guacamol": (96, 108, 115),
    "planar": (70, 71, 75),
    "lobster": (106, 107, 111),
    "sbm": (193, 194, 198),
}


@pytest.mark.parametrize(("name", "numbers"), FIRST.items())
def test_published_numbers(name, numbers):
    vocabulary = PUBLISHED[name]
    assert (vocabulary.first_node, vocabulary.first_edge, len(vocabulary)) == numbers
    assert len(vocabulary.tokens) == len(vocabulary)
    assert vocabulary.tokens[vocabulary.pad] == "[PAD]"


def test_published_lengths():
    """The longest published sequences, without and with a token for the type of an edge."""
    path = Graph.plain(64, [(i, i + 1) for i in range(63)])
    assert plain_vocabulary("tree", 64, edge_type_token=False).length(path) == 383
    assert PUBLISHED["tree"].length(path) == 446


def test_words_and_numbers():
    vocabulary = PUBLISHED["qm9"]
    text = "<boc> ATOM_C IDX_0 <eoc> <bog> <eog>"
    assert vocabulary.text(vocabulary.read(text)) == text
    assert vocabulary.text([29]) == "[UNK]"
    with pytest.raises(GraphError, match="tokens of qm9, got 'ATOM_Xe'"):
        vocabulary.read("<boc> ATOM_Xe")


def test_the_vocabulary_of_a_data_set():
    graphs = [Graph(("N", "C", "C"), ((0, 1, "SINGLE"), (1, 2, "DOUBLE"))), Graph(("C",))]
    own = Vocabulary.of(graphs, chemistry=Chemistry())
    assert (own.nodes, own.edges, own.indices) == (("C", "N"), ("DOUBLE", "SINGLE"), 3)
    assert "ATOM_N" in own.ids
    assert from_dict(Vocabulary, to_dict(own)) == own
    assert Vocabulary.of([Graph.plain(4, [(0, 1)])]).nodes == ("NODE",)


def test_what_cannot_be_said():
    vocabulary = PUBLISHED["qm9"]
    with pytest.raises(GraphError, match=r"numbers 10 nodes, got a graph of 11; leave it out or make"):
        vocabulary.require(Graph(("C",) * 11))
    with pytest.raises(GraphError, match=r"node types of qm9 are C, N, O, F, got 'S'; leave the graph out, or make"):
        vocabulary.require(Graph(("S",)))
    with pytest.raises(GraphError, match="got 'DATIVE'"):
        vocabulary.require(Graph(("C", "C"), ((0, 1, "DATIVE"),)))
    with pytest.raises(GraphError, match="at least one node, got a graph without any"):
        vocabulary.require(Graph(()))
    with pytest.raises(ConfigError, match=r"every token is said once, got \['X'\] twice"):
        Vocabulary(name="x", indices=2, nodes=("X",), edges=("X",))
    with pytest.raises(ConfigError, match="without edge type tokens there is one edge type"):
        Vocabulary(name="x", indices=2, nodes=("X",), edges=("a", "b"), edge_type_token=False)
