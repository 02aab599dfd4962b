"""A graph as a sequence that grows edge by edge: a third of the tokens of the node set and the edge set.

    <boc> T0   IDX_a B:T   IDX_a B:T   IDX_b B IDX_c ... <eog>

Nodes are numbered in the order in which they are said, so a new one does not say its number (its embedding does, see
`SequenceEmbed`). An edge to a new node is its source, and its type together with that of the node; an edge between two
nodes that were said is source, type and target. A node that no edge brings stands for itself: the first one, and one of
every other connected part. So what decides whether an edge is right stands right before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Edge, Graph, GraphError
from .vocabulary import BOC, EOG, FIRST_INDEX, Vocabulary


def spell_growth(labels: Sequence[str], edges: Sequence[Edge], vocabulary: Vocabulary) -> list[int]:
    """The tokens of a graph, its edges in this order."""
    first, node_ids, edge_ids, both = FIRST_INDEX, vocabulary.node_ids, vocabulary.edge_ids, vocabulary.both
    number: dict[int, int] = {}
    ids = [BOC]

    def state(node: int) -> None:
        number[node] = len(number)
        ids.append(node_ids[labels[node]])

    for a, b, label in edges:
        if b in number and a not in number:
            a, b = b, a
        if a not in number:
            state(a)
        if b in number:
            ids += (first + number[a], edge_ids[label], first + number[b])
        else:
            ids += (first + number[a], both[label, labels[b]])
            number[b] = len(number)
    for node in range(len(labels)):
        if node not in number:
            state(node)
    ids.append(EOG)
    return ids


def read_growth(ids: Sequence[int], vocabulary: Vocabulary) -> Graph:
    """The graph of a sequence; what follows the end token is not read.

    Raises:
        GraphError: no end, a token where it does not belong, an edge to a node that was not said, a loop, or a repeated
            edge.
    """
    ids = list(ids)
    if not ids or ids[0] != BOC or EOG not in ids:
        raise GraphError(f"a sequence lies between <boc> and <eog>, got {vocabulary.text(ids[:12])}")
    part = iter(ids[1 : ids.index(EOG)])
    labels: list[str] = []
    edges: list[Edge] = []
    try:
        for token in part:
            label = vocabulary.node_of(token)
            if label is None:
                source = _said(token, len(labels), vocabulary)
                kind, label = vocabulary.edge_of(next(part))
                target = len(labels) if label else _said(next(part), len(labels), vocabulary)
                edges.append((source, target, kind))
            if label is not None:
                labels.append(label)
    except StopIteration:
        raise GraphError("an edge is a source, a type and a target, got less of the last one") from None
    if not labels:
        raise GraphError("a sequence says at least one node, got none")
    return Graph(tuple(labels), tuple(edges))


def _said(token: int, count: int, vocabulary: Vocabulary) -> int:
    index = vocabulary.index_of(token)
    if index >= count:
        raise GraphError(f"an edge joins nodes that were said, got number {index} of {count}")
    return index
