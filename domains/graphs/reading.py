"""Graphs as a model reads them that is to say something of them: what it cannot say is left out or stands as `*`."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from typing import Any

from .batch import SequenceBatch
from .config import GraphConfig
from .files import Skipped, read_graphs
from .graph import EDGE, Graph, GraphError
from .sequence import encode
from .vocabulary import Chemistry

logger = logging.getLogger(__name__)
ANY = "*"  # the atom that stands for those without a token


def sayable(graph: Graph, config: GraphConfig) -> Graph:
    """The graph, or what a model can say of it.

    Atoms without a token become `*` where the vocabulary has it, bonds without one become single, and of a graph that
    is too long its first nodes are kept. For properties only: what is generated is never changed.
    """
    vocabulary = config.vocabulary
    nodes, edges = graph.nodes, graph.edges
    plain = "SINGLE" if "SINGLE" in vocabulary.edge_ids else EDGE
    if ANY in vocabulary.node_ids and any(label not in vocabulary.node_ids for label in nodes):
        nodes = tuple(label if label in vocabulary.node_ids else ANY for label in nodes)
    if any(label not in vocabulary.edge_ids for _, _, label in edges):
        edges = tuple((a, b, label if label in vocabulary.edge_ids else plain) for a, b, label in edges)
    if nodes is not graph.nodes or edges is not graph.edges:
        graph = Graph(nodes, edges)
    while len(graph) > vocabulary.indices or vocabulary.length(graph) > config.length:
        count = min(vocabulary.indices, len(graph) - 1)
        kept = tuple(edge for edge in graph.edges if max(edge[:2]) < count)
        graph = Graph(graph.nodes[:count], kept)
    return graph


def unsayable(graph: Graph, config: GraphConfig) -> str:
    """Why a model can say nothing of a graph, as where an atom has no token and there is no `*`; empty if it can."""
    try:
        config.vocabulary.require(sayable(graph, config))
    except GraphError as error:
        return str(error)
    return ""


def readable(items: Sequence[Any], *configs: GraphConfig) -> tuple[list[Graph | None], list[str]]:
    """The graph of every row, or why there is none that all models can read; reported and counted."""
    chemistry = configs[0].vocabulary.chemistry or Chemistry()
    graphs: list[Graph | None] = []
    problems: list[str] = []
    for found in read_graphs(items, chemistry):
        empty = not isinstance(found, Skipped) and not found.nodes
        problem = (
            found.reason
            if isinstance(found, Skipped)
            else "a graph has nodes, got none; leave it out"
            if empty
            else next(filter(None, (unsayable(found, config) for config in configs)), "")
        )
        graphs.append(None if problem else found)  # type: ignore[arg-type]
        problems.append(problem)
    if bad := [f"row {row}: {problem}" for row, problem in enumerate(problems) if problem]:
        logger.warning("%d of %d rows are not graphs: %s", len(bad), len(items), "; ".join(bad[:5]))
    return graphs, problems


def in_full(graphs: Sequence[Graph | None], problems: Sequence[str], config: GraphConfig) -> list[str]:
    """The problems of every row, and what is left out where a model cannot say all of a graph; reported and counted."""
    found, changed = list(problems), []
    for row, graph in enumerate(graphs):
        if graph is None or (said := sayable(graph, config)) is graph:
            continue
        known, cut = config.vocabulary.node_ids, len(said) < len(graph)
        odd = sorted({label for label in graph.nodes[: len(said)] if label not in known})
        parts = [f"of {len(graph)} atoms the first {len(said)} are read"] if cut else []
        parts += [f"{', '.join(odd)} is read as {ANY}"] if odd else []
        found[row] = "; ".join(parts) or "bonds of an unknown kind are read as single ones"
        changed.append(f"row {row}: {found[row]}")
    if changed:
        logger.warning("%d of %d graphs are not read in full: %s", len(changed), len(graphs), "; ".join(changed[:5]))
    return found


def batches(
    graphs: Sequence[Graph], config: GraphConfig, batch_size: int, seed: int = 0
) -> Iterator[tuple[list[int], SequenceBatch]]:
    """Places and sequences of graphs, similar lengths together; a graph is written in one way for a seed."""
    sequences = [encode(g, config.vocabulary, config.ordering, random.Random(seed)) for g in graphs]
    order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        yield places, SequenceBatch.of([sequences[place] for place in places], config.vocabulary.pad)
