"""How like a reference set generated plain graphs are: discrepancies of their statistics, and the V.U.N. share.

    MMD^2 = mean k(a, a') + mean k(b, b') - 2 mean k(a, b),   k(p, q) = exp(-d(p, q)^2 / 2 s^2)

with d = sum |p - q| / 2 between histograms of one graph each (degrees, clustering coefficients, eigenvalues of the
normalised Laplacian), the kernels of GRAN and DiGress (arXiv 1910.00760, 2209.14734) that G2PT reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from .graph import Graph

Histograms = Float[np.ndarray, "n bins"]
BINS = {"clustering": 100, "spectrum": 200}
WIDTHS = {"degree": 1.0, "clustering": 0.1, "spectrum": 1.0}


def discrepancies(generated: Sequence[Graph], reference: Sequence[Graph]) -> dict[str, float]:
    """MMD^2 of degrees, clustering and spectra between two sets of graphs; 0 for equal ones."""
    both = [adjacency(graph) for graph in (*generated, *reference)]
    count = len(generated)
    found = {}
    for name, histograms in (
        ("degree", _degrees(both)),
        ("clustering", _clusterings(both)),
        ("spectrum", _spectra(both)),
    ):
        found[name] = discrepancy(histograms[:count], histograms[count:], WIDTHS[name])
    return found


def discrepancy(a: Histograms, b: Float[np.ndarray, "m bins"], width: float) -> float:
    """MMD^2 between two sets of histograms, each set with itself included."""

    def kernel(p: Float[np.ndarray, "i bins"], q: Float[np.ndarray, "j bins"]) -> float:
        apart = np.abs(p[:, None] - q[None]).sum(-1) / 2
        return float(np.exp(-np.square(apart) / (2 * width**2)).mean())

    return kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)


def adjacency(graph: Graph) -> Float[np.ndarray, "n n"]:
    """1 where two nodes are joined."""
    out = np.zeros((len(graph), len(graph)))
    for a, b, _ in graph.edges:
        out[a, b] = out[b, a] = 1
    return out


def _degrees(graphs: Sequence[np.ndarray]) -> Histograms:
    found = [graph.sum(0).astype(int) for graph in graphs]
    most = max(int(degrees.max(initial=0)) for degrees in found) + 1
    return np.stack([np.bincount(degrees, minlength=most) / len(degrees) for degrees in found])


def _clusterings(graphs: Sequence[np.ndarray]) -> Histograms:
    """Triangles through a node over pairs of its neighbours; 0 where it has less than two."""
    rows = []
    for graph in graphs:
        degrees = graph.sum(0)
        pairs = degrees * (degrees - 1)
        triangles = np.einsum("ij,jk,ki->i", graph, graph, graph)
        values = np.divide(triangles, pairs, out=np.zeros_like(pairs), where=pairs > 0)
        rows.append(np.histogram(values, BINS["clustering"], (0.0, 1.0))[0] / len(graph))
    return np.stack(rows)


def _spectra(graphs: Sequence[np.ndarray]) -> Histograms:
    """Eigenvalues of 1 - D^(-1/2) A D^(-1/2), where a node alone has a row of zeros."""
    rows = []
    for graph in graphs:
        degrees = graph.sum(0)
        scale = np.divide(1, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
        laplacian = np.diag((degrees > 0).astype(float)) - scale[:, None] * graph * scale
        values = np.linalg.eigvalsh(laplacian)
        rows.append(np.histogram(values, BINS["spectrum"], (-1e-5, 2.0))[0] / len(graph))
    return np.stack(rows)


@dataclass(frozen=True)
class Vun:
    """Shares of all generated graphs that are valid, different from each other, not among the known, and all of it."""

    valid: float
    unique: float
    novel: float
    all: float


def vun(generated: Sequence[Graph], known: Sequence[Graph], kind: str) -> Vun:
    """Valid as a `kind` of `VALID`; unique: the first of its isomorphism class; novel: isomorphic to none known.

    Raises:
        ValueError: another kind.
        ImportError: names what to install.
    """
    if kind not in VALID:
        raise ValueError(f"kinds of graphs that can be checked are {', '.join(VALID)}, got {kind!r}")
    made, before = ([as_networkx(graph) for graph in part] for part in (generated, known))
    seen, classes = _Classes(), _Classes()
    for graph in before:
        seen.add(graph)
    valid = np.array([VALID[kind](graph) for graph in made])
    novel = np.array([not seen.holds(graph) for graph in made])
    unique = np.array([classes.add(graph) for graph in made])
    return Vun(*(float(share.mean()) for share in (valid, unique, novel, valid & unique & novel)))


class _Classes:
    """Graphs up to isomorphism; only those of the same degrees around each node are compared."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], list[Any]] = {}

    def holds(self, graph: Any) -> bool:
        """Whether one like it was added."""
        return any(networkx().is_isomorphic(graph, other) for other in self.known.get(_signature(graph), ()))

    def add(self, graph: Any) -> bool:
        """Add a graph; whether it is a new one."""
        new = not self.holds(graph)
        if new:
            self.known.setdefault(_signature(graph), []).append(graph)
        return new


def _signature(graph: Any) -> tuple[Any, ...]:
    degree = dict(graph.degree)
    return tuple(sorted((degree[node], *sorted(degree[other] for other in graph[node])) for node in graph))


def networkx() -> Any:
    """The library.

    Raises:
        ImportError: names what to install.
    """
    try:
        import networkx as nx
    except ImportError as error:
        raise ImportError("graphs are compared by networkx: pip install networkx") from error
    return nx


def as_networkx(graph: Graph) -> Any:
    """Nodes by number, and edges."""
    out = networkx().empty_graph(len(graph))
    out.add_edges_from((a, b) for a, b, _ in graph.edges)
    return out


def is_lobster(graph: Any) -> bool:
    """A tree that becomes a path when its leaves are taken off twice."""
    nx = networkx()
    if len(graph) == 0 or not nx.is_tree(graph):
        return False
    for _ in range(2):
        graph = graph.subgraph([node for node, degree in graph.degree if degree > 1])
    return max(dict(graph.degree).values(), default=0) <= 2


VALID: dict[str, Callable[[Any], bool]] = {
    "planar": lambda graph: len(graph) > 0 and networkx().is_connected(graph) and networkx().check_planarity(graph)[0],
    "tree": lambda graph: len(graph) > 0 and networkx().is_tree(graph),
    "lobster": is_lobster,
}
"""What makes a graph one of its kind; for block models a statistical test would be needed, which is not here."""
