"""Statistics of plain graphs by hand, and what counts as valid, unique and novel."""

import networkx as nx
import numpy as np
import pytest

from humboldt.domains.graphs import Graph
from humboldt.domains.graphs.plain_metrics import discrepancies, discrepancy, vun

PATH, STAR = Graph.plain(4, [(0, 1), (1, 2), (2, 3)]), Graph.plain(4, [(0, 1), (0, 2), (0, 3)])
TRIANGLE = Graph.plain(3, [(0, 1), (1, 2), (0, 2)])


def test_the_discrepancy_of_two_histograms_by_hand():
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    near = np.exp(-0.5)
    assert discrepancy(a, b, 1.0) == pytest.approx(1 + (1 + near) / 2 - (1 + near))
    assert discrepancy(a, a, 0.1) == 0


def test_statistics_of_small_graphs_by_hand():
    found = discrepancies([PATH], [STAR])
    apart = (abs(2 - 3) + abs(2 - 0) + abs(0 - 1)) / 4 / 2  # two ends and two inner nodes, against three and one
    assert found["degree"] == pytest.approx(2 - 2 * np.exp(-(apart**2) / 2))
    assert found["clustering"] == 0
    assert discrepancies([TRIANGLE], [PATH])["clustering"] == pytest.approx(2 - 2 * np.exp(-50))
    # eigenvalues: 0, 1/2, 3/2, 2 of the path, 0, 1, 1, 2 of the star
    assert found["spectrum"] == pytest.approx(2 - 2 * np.exp(-(0.5**2) / 2))
    assert discrepancies([PATH, STAR], [STAR, PATH]) == pytest.approx({"degree": 0, "clustering": 0, "spectrum": 0})


def test_valid_unique_and_novel():
    again = Graph.plain(4, [(3, 2), (2, 0), (0, 1)])  # the path, numbered otherwise
    found = vun([PATH, again, STAR, TRIANGLE], [STAR], "tree")
    assert (found.valid, found.unique, found.novel, found.all) == (0.75, 0.75, 0.75, 0.25)
    with pytest.raises(ValueError, match="planar, tree, lobster, got 'sbm'"):
        vun([PATH], [], "sbm")


def test_lobsters_and_planar_graphs():
    arms = [(0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9)]
    assert vun([Graph.plain(10, arms)], [], "lobster").valid == 0  # three joints are left at node 0
    assert vun([Graph.plain(9, arms[:-1])], [], "lobster").valid == 1
    complete = Graph.plain(5, list(nx.complete_graph(5).edges))
    assert vun([complete, TRIANGLE, Graph.plain(3, [(0, 1)])], [], "planar").valid == pytest.approx(1 / 3)
