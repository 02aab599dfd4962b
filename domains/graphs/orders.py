"""The order in which the edges of a graph are written.

Nodes have been numbered already (a random permutation, as published); every order draws what else it needs. Edges are
written (source, target, label); which end is the source is part of the order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from .graph import Edge, Graph

Draw = Callable[[int], int]  # a whole number below the one given
Neighbours = list[list[tuple[int, str]]]


def neighbours(graph: Graph, place: Sequence[int]) -> Neighbours:
    """For every new number the neighbours (new number, label), ascending in their number in the graph itself."""
    found: list[list[tuple[int, int, str]]] = [[] for _ in graph.nodes]
    for a, b, label in graph.edges:
        found[a].append((b, place[b], label))
        found[b].append((a, place[a], label))
    ordered: Neighbours = [[] for _ in graph.nodes]
    for node, around in enumerate(found):
        around.sort()
        ordered[place[node]] = [(other, label) for _, other, label in around]
    return ordered


def breadth_first(around: Neighbours, starts: Iterable[int]) -> Iterator[Edge]:
    """From the first of `starts` level by level, then from the next one that was not reached."""
    seen, done = set(), set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        queue = deque((start,))
        while queue:
            node = queue.popleft()
            for other, label in around[node]:
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
                    done.add((node, other))
                    yield node, other, label
                elif (other, node) not in done and (node, other) not in done:
                    done.add((node, other))
                    yield node, other, label


def depth_first(around: Neighbours, starts: Iterable[int]) -> Iterator[Edge]:
    """From the first of `starts` as far as possible before going back, then from the next one that was not reached."""
    seen, done = set(), set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(around[start]))]
        while path:
            node, left = path[-1]
            step = next(left, None)
            if step is None:
                path.pop()
                continue
            other, label = step
            if (other, node) in done or (node, other) in done:
                continue
            done.add((node, other))
            yield node, other, label
            if other not in seen:
                seen.add(other)
                path.append((other, iter(around[other])))


def by_degree(around: Neighbours, draw: Draw) -> list[Edge]:
    """Remove edges of the nodes of smallest degree one by one; what was removed last is written first.

    Each time a node of smallest positive degree, and of its neighbours one of smallest degree; ties are drawn among the
    candidates in ascending order, the node's first.
    """
    left = [dict(pairs) for pairs in around]
    degree = [len(pairs) for pairs in left]
    removed: list[Edge] = []
    for _ in range(sum(degree) // 2):
        least = min(d for d in degree if d)
        sources = [node for node, d in enumerate(degree) if d == least]
        source = sources[draw(len(sources))]
        least = min(degree[node] for node in left[source])
        targets = sorted(node for node in left[source] if degree[node] == least)
        target = targets[draw(len(targets))]
        removed.append((source, target, left[source].pop(target)))
        del left[target][source]
        degree[source] -= 1
        degree[target] -= 1
    return removed[::-1]


def uniformly(graph: Graph, place: Sequence[int], draw: Draw) -> list[Edge]:
    """Drawn without replacement; the smaller number is the source."""
    edges = [(min(place[a], place[b]), max(place[a], place[b]), label) for a, b, label in graph.edges]
    for last in range(len(edges) - 1, 0, -1):
        other = draw(last + 1)
        edges[last], edges[other] = edges[other], edges[last]
    return edges
