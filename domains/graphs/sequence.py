"""A graph as a sequence of tokens, and back (G2PT, arXiv 2501.01073, section 3).

    <boc> T0 IDX_0 <sepc> T1 IDX_1 ... <eoc>   <bog> IDX_a IDX_b B <sepg> IDX_c IDX_d B ... <eog>

First every node with its type and its number, then every edge once with its two ends and its type. (The other spelling
of a vocabulary is in `growth`.)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .graph import Edge, Graph, GraphError
from .growth import read_growth, spell_growth
from .orders import Draw, breadth_first, by_degree, depth_first, neighbours, uniformly
from .vocabulary import BOC, BOG, EOC, EOG, FIRST_INDEX, SEPC, SEPG, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Ordering:
    """Which of the many sequences of a graph are written.

    Attributes:
        edges: order of the edges: breadth first, depth first, by degree (`deg`, the published main order), uniform.
        numbering: nodes are numbered at `random`, as published, or in the order of their `discovery`: as the edges
            first mention them, from a random start.
        components: edges of `all` connected parts are written, or, as published, in breadth-first and depth-first order
            only of the part of the `first` node.
        start: nodes are shuffled (`random`), so that a graph has many sequences; or they are taken as they come, from
            the `first` one, so that it has one (for a small budget).
    """

    edges: Literal["bfs", "dfs", "deg", "uniform"] = "bfs"
    numbering: Literal["random", "discovery"] = "discovery"
    components: Literal["all", "first"] = "all"
    start: Literal["random", "first"] = "random"


def published_ordering(edges: Literal["bfs", "dfs", "deg", "uniform"]) -> Ordering:
    """As the published models were trained."""
    return Ordering(edges=edges, numbering="random", components="first")


def encode(graph: Graph, vocabulary: Vocabulary, ordering: Ordering, chance: random.Random) -> list[int]:
    """A sequence of a graph, drawn anew at every call.

    Raises:
        GraphError: the vocabulary cannot say it.
    """
    permutation = list(range(len(graph)))
    if ordering.start == "random":
        chance.shuffle(permutation)
    return encode_with(graph, vocabulary, ordering, permutation, lambda below: int(chance.random() * below))


def encode_with(
    graph: Graph, vocabulary: Vocabulary, ordering: Ordering, permutation: Sequence[int], draw: Draw
) -> list[int]:
    """The sequence for given chance: number i is first given to node `permutation[i]`; `draw` settles ties."""
    vocabulary.require(graph)
    place = [0] * len(permutation)
    for number, node in enumerate(permutation):
        place[node] = number
    edges = order_edges(graph, place, ordering, draw)
    labels = [graph.nodes[node] for node in permutation]
    if ordering.numbering == "discovery":
        labels, edges = by_discovery(labels, edges)
    return (spell_growth if vocabulary.spelling == "growth" else spell)(labels, edges, vocabulary)


def order_edges(graph: Graph, place: Sequence[int], ordering: Ordering, draw: Draw) -> list[Edge]:
    """The edges in order, in new numbers: node i of the graph has the number `place[i]`."""
    if ordering.edges == "uniform":
        return uniformly(graph, place, draw)
    around = neighbours(graph, place)
    if ordering.edges == "deg":
        return by_degree(around, draw)
    starts = range(len(graph) if ordering.components == "all" else 1)
    return list((breadth_first if ordering.edges == "bfs" else depth_first)(around, starts))


def by_discovery(labels: Sequence[str], edges: Sequence[Edge]) -> tuple[list[str], list[Edge]]:
    """Number the nodes as the edges first mention them; those without an edge come last."""
    number: dict[int, int] = {}
    for a, b, _ in edges:
        number.setdefault(a, len(number))
        number.setdefault(b, len(number))
    for node in range(len(labels)):
        number.setdefault(node, len(number))
    return [labels[node] for node in number], [(number[a], number[b], label) for a, b, label in edges]


def spell(labels: Sequence[str], edges: Sequence[Edge], vocabulary: Vocabulary) -> list[int]:
    """The tokens of nodes and edges in this order."""
    node_ids, edge_ids, typed = vocabulary.node_ids, vocabulary.edge_ids, vocabulary.edge_type_token
    ids = [BOC]
    for number, label in enumerate(labels):
        ids += (node_ids[label], FIRST_INDEX + number, SEPC)
    ids[-1] = EOC
    ids.append(BOG)
    for a, b, label in edges:
        if typed:
            ids += (FIRST_INDEX + a, FIRST_INDEX + b, edge_ids[label], SEPG)
        else:
            ids += (FIRST_INDEX + a, FIRST_INDEX + b, SEPG)
    if edges:
        ids[-1] = EOG
    else:
        ids.append(EOG)
    return ids


def decode(ids: Iterable[int], vocabulary: Vocabulary, *, lenient: bool = False) -> Graph:
    """The graph of a sequence; what follows the end token is not read.

    As published: an edge to a node that was not said is left out, and of two nodes with one number the later counts.

    Args:
        ids: token numbers.
        vocabulary: of the sequence.
        lenient: leave out loops and repeated edges too, as published for graphs that are not molecules.

    Raises:
        GraphError: a delimiter is missing, a token stands where it does not belong, a loop, or a repeated edge.
    """
    ids = [int(token) for token in ids]
    if vocabulary.spelling == "growth":
        return read_growth(ids, vocabulary)
    labels = read_nodes(ids, vocabulary)
    number = {index: place for place, index in enumerate(labels)}
    edges: dict[tuple[int, int], Edge] = {}
    for a, b, label in read_edges(ids, vocabulary):
        if a not in number or b not in number:
            continue
        edge = (number[a], number[b], label)
        pair = (min(edge[:2]), max(edge[:2]))
        if a != b and pair not in edges:
            edges[pair] = edge
        elif not lenient:
            raise GraphError(f"an edge joins two nodes once, got {vocabulary.text([FIRST_INDEX + a, FIRST_INDEX + b])}")
    return Graph(tuple(labels.values()), tuple(edges.values()))


def read_nodes(ids: list[int], vocabulary: Vocabulary) -> dict[int, str]:
    """Label of every node by its number, in the order of the sequence."""
    part = _between(ids, BOC, EOC)
    if (len(part) + 1) % 3 or any(token != SEPC for token in part[2::3]):
        raise GraphError(f"a node is a type, an index and a separator, got {vocabulary.text(part)}")
    pairs = zip(part[1::3], part[0::3], strict=True)
    return {vocabulary.index_of(index): _label(kind, vocabulary.first_node, vocabulary.nodes) for index, kind in pairs}


def read_edges(ids: list[int], vocabulary: Vocabulary) -> list[Edge]:
    """Edges in the order of the sequence, in its numbers."""
    part = [token for token in _between(ids, BOG, EOG) if token != SEPG]
    size = 3 if vocabulary.edge_type_token else 2
    if len(part) % size:
        raise GraphError(f"an edge is two indices{' and a type' if size == 3 else ''}, got {vocabulary.text(part)}")
    kinds = part[2::3] if size == 3 else [vocabulary.first_edge] * (len(part) // 2)
    return [
        (vocabulary.index_of(a), vocabulary.index_of(b), _label(kind, vocabulary.first_edge, vocabulary.edges))
        for a, b, kind in zip(part[0::size], part[1::size], kinds, strict=True)
    ]


def _between(ids: list[int], opening: int, closing: int) -> list[int]:
    if opening not in ids or closing not in ids[ids.index(opening) :]:
        raise GraphError(f"a part of a sequence lies between its two delimiters, got none or one of them in {ids[:12]}")
    start = ids.index(opening)
    return ids[start + 1 : ids.index(closing, start)]


def _label(token: int, first: int, labels: Sequence[str]) -> str:
    if not first <= token < first + len(labels):
        raise GraphError(f"one of the types {', '.join(labels[:12])} belongs here, got token {token}")
    return labels[token - first]
