import pytest

from humboldt.domains.graphs import Graph, GraphError


def test_edges_join_two_nodes_once():
    with pytest.raises(GraphError, match=r"two different nodes of 0 to 1, got 1-1"):
        Graph(("C", "C"), ((1, 1, "SINGLE"),))
    with pytest.raises(GraphError, match=r"got 0-2; take it out"):
        Graph(("C", "C"), ((0, 2, "SINGLE"),))
    with pytest.raises(GraphError, match="joined by one edge, got 1-0 twice"):
        Graph(("C", "C"), ((0, 1, "SINGLE"), (1, 0, "DOUBLE")))


def test_edges_in_both_directions_count_once():
    assert Graph.plain(3, [(0, 1), (1, 0), (2, 1)]).edges == ((0, 1, "EDGE"), (1, 2, "EDGE"))


def test_components():
    assert Graph.plain(6, [(0, 1), (1, 2), (4, 5)]).components() == 3
