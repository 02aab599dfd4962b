"""Molecules that stand in several rows: where parts share them, a score counts what was learned by heart."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from humboldt.data_catalog import Split

from .graph import Graph
from .toolkit import toolkit

logger = logging.getLogger(__name__)


def repeated(graphs: Sequence[Graph], items: Sequence[Any]) -> list[list[int]]:
    """Places of every molecule that is there more than once, by its canonical SMILES with stereochemistry."""
    alike: dict[Any, list[int]] = {}
    for place, graph in enumerate(graphs):
        labels = tuple(sorted(graph.nodes)), tuple(sorted(Counter(label for _, _, label in graph.edges).items()))
        alike.setdefault(labels, []).append(place)
    same: dict[str, list[int]] = {}
    for places in alike.values():
        if len(places) > 1:  # the few that might be the same are written canonically
            for place in places:
                same.setdefault(_canonical(items[place]), []).append(place)
    return [places for places in same.values() if len(places) > 1]


def _canonical(item: Any) -> str:
    chem = toolkit()
    return str(chem.MolToSmiles(chem.MolFromSmiles(item) if isinstance(item, str) else item))


def warn_of_repetitions(
    graphs: Sequence[Graph], items: Sequence[Any], rows: Sequence[int], parts: Split, values: Float[np.ndarray, "n p"]
) -> None:
    """Say how many molecules stand in several rows, in several parts, and with several values."""
    found = repeated(graphs, items)
    if not found:
        return
    part = {place: name for name in ("train", "validation", "test") for place in getattr(parts, name)}
    shared = [places for places in found if len({part.get(place) for place in places} - {None}) > 1]
    spread = np.array([_differ(values[places]) for places in found])
    shown = ", ".join(str(rows[place]) for place in (shared or found)[0][:4])
    logger.warning(
        "%d molecules stand in more than one row (such as rows %s): %d of them in more than one part, which a score "
        "cannot tell from learning (split_by='scaffold' keeps them together), and %d with different values",
        len(found), shown, len(shared), int(spread.sum()),
    )  # fmt: skip


def _differ(values: Float[np.ndarray, "k p"]) -> bool:
    """Whether a property is known with more than one value."""
    return any(len(set(column[~np.isnan(column)].tolist())) > 1 for column in values.T)
