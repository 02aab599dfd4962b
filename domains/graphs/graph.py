"""A graph as a value: labelled nodes and undirected labelled edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NODE, EDGE = "NODE", "EDGE"  # the labels where there is only one kind

Edge = tuple[int, int, str]


class GraphError(ValueError):
    """Nodes and edges that are not a graph, or not one that a vocabulary can say; the message says how to cure it."""


@dataclass(frozen=True, slots=True)
class Graph:
    """An undirected graph without loops and without parallel edges.

    Attributes:
        nodes: label of each node: an atom, or `NODE`.
        edges: each edge once, as (node, node, label): a bond, or `EDGE`.

    Raises:
        GraphError: an edge to a node that is not there, to the node itself, or a repeated one.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        count, seen = len(self.nodes), set()
        for a, b, _ in self.edges:
            if a == b or not 0 <= a < count or not 0 <= b < count:
                raise GraphError(f"an edge joins two different nodes of 0 to {count - 1}, got {a}-{b}; take it out")
            pair = (a, b) if a < b else (b, a)
            if pair in seen:
                raise GraphError(f"two nodes are joined by one edge, got {a}-{b} twice; take one of them out")
            seen.add(pair)

    @classmethod
    def plain(cls, count: int, edges: Iterable[Sequence[int]]) -> Graph:
        """A graph without labels; edges given in both directions (as in `edge_index` arrays) count once."""
        pairs = {(min(int(a), int(b)), max(int(a), int(b))): None for a, b in edges}
        return cls((NODE,) * count, tuple((a, b, EDGE) for a, b in pairs))

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    def components(self) -> int:
        """Number of connected parts."""
        root = list(range(len(self.nodes)))

        def find(node: int) -> int:
            while root[node] != node:
                root[node] = root[root[node]]
                node = root[node]
            return node

        for a, b, _ in self.edges:
            root[find(a)] = find(b)
        return sum(find(node) == node for node in range(len(root)))
