"""Plain graphs made from a seed with NumPy alone: trees, lobsters and block models, in the layout of `graphs.npz`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def random_trees(folder: Path, random: np.random.Generator, *, graphs: int = 200, nodes: int = 64) -> None:
    """Labelled trees, each of the nodes^(nodes - 2) equally likely (Prüfer sequences)."""
    _write_graphs(folder / "graphs.npz", [_tree(random.integers(0, nodes, nodes - 2)) for _ in range(graphs)])


def _tree(sequence: np.ndarray) -> tuple[int, np.ndarray]:
    nodes = len(sequence) + 2
    degree = np.bincount(sequence, minlength=nodes) + 1
    edges = []
    for node in sequence:
        leaf = int(np.flatnonzero(degree == 1)[0])
        edges.append((leaf, int(node)))
        degree[leaf] -= 1
        degree[node] -= 1
    first, last = np.flatnonzero(degree == 1)
    edges.append((int(first), int(last)))
    return nodes, np.array(edges)


def random_lobsters(
    folder: Path,
    random: np.random.Generator,
    *,
    graphs: int = 320,
    backbone: int = 55,
    branch: float = 0.7,
    least: int = 10,
    most: int = 100,
) -> None:
    """Trees that become a path when their leaves are taken off twice, of `least` to `most` nodes.

    A path of on average `backbone` nodes, each length up to twice that equally likely; a node of the path gets another
    leg, and a leg another leaf, with probability `branch` each time, until the first time that it does not.
    """

    def one() -> tuple[int, np.ndarray]:
        path = int(2 * random.random() * backbone + 0.5)
        edges = [(node, node + 1) for node in range(path - 1)]
        nodes = path
        for joint in range(path):
            while random.random() < branch:
                leg, nodes = nodes, nodes + 1
                edges.append((joint, leg))
                while random.random() < branch:
                    edges.append((leg, nodes))
                    nodes += 1
        return nodes, np.array(edges)

    made: list[tuple[int, np.ndarray]] = []
    while len(made) < graphs:
        found = one()
        if least <= found[0] <= most:
            made.append(found)
    _write_graphs(folder / "graphs.npz", made)


def stochastic_blocks(
    folder: Path, random: np.random.Generator, *, graphs: int = 200, within: float = 0.3, between: float = 0.005
) -> None:
    """Stochastic block models: 2 to 5 communities of 20 to 40 nodes, with one probability inside, one across."""

    def one() -> tuple[int, np.ndarray]:
        sizes = random.integers(20, 41, random.integers(2, 6))
        block = np.repeat(np.arange(len(sizes)), sizes)
        first, second = np.triu_indices(len(block), 1)
        likely = np.where(block[first] == block[second], within, between)
        chosen = random.random(len(first)) < likely
        return len(block), np.stack([first[chosen], second[chosen]], axis=1)

    _write_graphs(folder / "graphs.npz", [one() for _ in range(graphs)])


def _write_graphs(path: Path, graphs: list[tuple[int, np.ndarray]]) -> None:
    """Parts of 64, 16 and 20 per cent: `PART_num_nodes`, `PART_edges`, and `PART_offsets` of each graph's edges."""
    bounds = [0, round(0.64 * len(graphs)), round(0.8 * len(graphs)), len(graphs)]
    arrays: dict[str, Any] = {}
    for part, first, last in zip(("train", "val", "test"), bounds, bounds[1:], strict=False):
        edges = [pairs for _, pairs in graphs[first:last]]
        arrays[f"{part}_num_nodes"] = np.array([nodes for nodes, _ in graphs[first:last]], np.int32)
        arrays[f"{part}_edges"] = np.concatenate(edges).astype(np.int16)
        arrays[f"{part}_offsets"] = np.cumsum([0, *(len(pairs) for pairs in edges)]).astype(np.int64)
    np.savez_compressed(path, **arrays)
