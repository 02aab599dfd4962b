"""A graph as a sequence that grows from a node to the next: a quarter of the tokens of the node set and the edge set.

    <boc> T0   B:T   B:T   B IDX_b   IDX_a B:T ... <eog>

There is always a node at which the graph grows. `B:T` joins it with a new node of type T by an edge of type B, and goes
there; `B IDX_b` joins it with a node that was said; `IDX_a` goes to another node. `T` says a node that no edge brings:
the first one, and one of every other connected part. Nodes are numbered in the order in which they are said, so a new
one does not say its number (its embedding does, see `SequenceEmbed`). Depth first, most edges are one token.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Edge, Graph, GraphError
from .vocabulary import BOC, EOG, FIRST_INDEX, Vocabulary


def spell_growth(labels: Sequence[str], edges: Sequence[Edge], vocabulary: Vocabulary) -> list[int]:
    """The tokens of a graph, its edges in this order."""
    first, node_ids, edge_ids, both = FIRST_INDEX, vocabulary.node_ids, vocabulary.edge_ids, vocabulary.both
    number: dict[int, int] = {}
    ids, here = [BOC], -1

    def say(node: int, token: int) -> int:
        number[node] = len(number)
        ids.append(token)
        return node

    for a, b, label in edges:
        if b in number and a not in number:
            a, b = b, a
        if a not in number:
            here = say(a, node_ids[labels[a]])
        if here != a:
            ids.append(first + number[a])
            here = a
        if b in number:
            ids += (edge_ids[label], first + number[b])
        else:
            here = say(b, both[label, labels[b]])
    for node in range(len(labels)):
        if node not in number:
            say(node, node_ids[labels[node]])
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
    here = -1
    for token in part:
        if (label := vocabulary.node_of(token)) is not None:
            here = len(labels)
            labels.append(label)
        elif FIRST_INDEX <= token < vocabulary.first_node:
            here = _said(token, len(labels), vocabulary)
        else:
            kind, label = vocabulary.edge_of(token)
            if here < 0:
                raise GraphError(f"an edge begins at a node that was said, got {vocabulary.text([token])} before any")
            target = len(labels) if label else _said(next(part, EOG), len(labels), vocabulary)
            edges.append((here, target, kind))
            if label is not None:
                here = target
                labels.append(label)
    if not labels:
        raise GraphError("a sequence says at least one node, got none")
    return Graph(tuple(labels), tuple(edges))


def _said(token: int, count: int, vocabulary: Vocabulary) -> int:
    index = vocabulary.index_of(token)
    if index >= count:
        raise GraphError(f"an edge joins nodes that were said, got number {index} of {count}")
    return index
