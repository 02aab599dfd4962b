"""The rules of the orders; for recorded chance, the published ones are golden cases."""

import pytest

from humboldt.domains.graphs import Graph
from humboldt.domains.graphs.orders import breadth_first, by_degree, depth_first, neighbours, uniformly

CYCLE = Graph.plain(5, [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)])
SAME = list(range(5))


def pairs(edges):
    return [edge[:2] for edge in edges]


def test_breadth_first_goes_level_by_level():
    assert pairs(breadth_first(neighbours(CYCLE, SAME), [0])) == [(0, 1), (0, 3), (1, 2), (3, 2), (3, 4)]


def test_depth_first_goes_as_far_as_it_can():
    assert pairs(depth_first(neighbours(CYCLE, SAME), [0])) == [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)]


def test_neighbours_are_seen_in_the_order_of_the_graph_itself():
    place = [4, 3, 2, 1, 0]
    assert [other for other, _ in neighbours(CYCLE, place)[place[3]]] == [4, 2, 0]


@pytest.mark.parametrize("order", [breadth_first, depth_first])
def test_other_components_follow_if_asked(order):
    graph = Graph.plain(5, [(0, 1), (2, 3), (3, 4)])
    around = neighbours(graph, SAME)
    assert pairs(order(around, [0])) == [(0, 1)]
    assert pairs(order(around, range(5))) == [(0, 1), (2, 3), (3, 4)]


def test_by_degree_takes_leaves_first_and_writes_them_last():
    assert pairs(by_degree(neighbours(CYCLE, SAME), lambda below: 0))[-1] == (4, 3)


def test_uniform_draws_every_edge_once():
    drawn = uniformly(CYCLE, [4, 3, 2, 1, 0], lambda below: 0)
    assert sorted(pairs(drawn)) == [(0, 1), (1, 2), (1, 4), (2, 3), (3, 4)]
    assert pairs(drawn) != sorted(pairs(drawn))
