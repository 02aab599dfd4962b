"""Opening graphs as a dataset of sequences, which are drawn anew each time that they are asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from humboldt.data_catalog import DataError, Split

from .batch import SequenceBatch
from .files import Skipped, numbers, read_graphs, read_source, shown, with_columns
from .graph import Graph, GraphError
from .repetitions import warn_of_repetitions
from .sequence import Ordering, encode
from .splitting import make_split, require_one_way, time_split
from .vocabulary import PUBLISHED, Chemistry, Vocabulary

logger = logging.getLogger(__name__)
PARTS = ("train", "validation", "test")
SHOWN = 5  # skipped rows that a warning shows


@dataclass(frozen=True, kw_only=True)
class GraphDataset:
    """Graphs with their properties; a sample is a sequence of one of them.

    Attributes:
        graphs: all that could be read and said.
        rows: the row of each in the source.
        vocabulary, ordering: how they are written.
        values: properties [graph, name], NaN where not known.
        names: of the properties.
        goals: which of them the model is told; the others are to be predicted.
        parts: of the split; `part` is the one that this dataset gives, at `places`.
        skipped: rows that were left out, and why.
        source, split_by: what was opened, and how it was split.
    """

    graphs: tuple[Graph, ...]
    rows: tuple[int, ...]
    vocabulary: Vocabulary
    ordering: Ordering
    parts: Split
    places: tuple[int, ...]
    part: str = "all"
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    source: str = ""
    split_by: str = ""

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return f"<{len(self)} graphs, properties {list(self.names)}, {len(self.vocabulary)} words>"

    def batch(self, indices: Sequence[int]) -> SequenceBatch:
        """Sequences of these graphs, drawn anew from the global random state of torch."""
        seeds = torch.randint(2**62, (len(indices),)).tolist()
        here = [self.places[i] for i in indices]
        sequences = [
            encode(self.graphs[place], self.vocabulary, self.ordering, random.Random(seed))
            for place, seed in zip(here, seeds, strict=True)
        ]
        return SequenceBatch.of(sequences, self.vocabulary.pad, *(self._chosen(here, told) for told in (True, False)))

    def _chosen(self, places: list[int], told: bool) -> torch.Tensor | None:
        chosen = [i for i, name in enumerate(self.names) if (name in self.goals) is told]
        if self.values is None or not chosen:
            return None
        return torch.from_numpy(self.values[np.ix_(places, chosen)])

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of every sample; where graphs grow, of one of their sequences."""
        if self.vocabulary.spelling == "growth":
            encoded = (encode(self.graphs[i], self.vocabulary, self.ordering, random.Random(0)) for i in self.places)
            return np.array([len(ids) for ids in encoded])
        return np.array([self.vocabulary.length(self.graphs[place]) for place in self.places])

    def split(self, name: str) -> GraphDataset:
        """The part called `train`, `validation` or `test`.

        Raises:
            DataError: there is no such part, or nothing in it.
        """
        return dataclasses.replace(self, places=self.parts.part(name), part=name)

    def take(self, count: int) -> GraphDataset:
        """The first `count` graphs of this part.

        Raises:
            DataError: more than there are.
        """
        if not 1 <= count <= len(self):
            raise DataError(f"this {self.part} part has {len(self)} graphs, got {count}; take 1 to {len(self)}")
        return dataclasses.replace(self, places=self.places[:count])

    @property
    def units(self) -> int:
        """How many graphs this part has."""
        return len(self)

    def choose(self, units: Sequence[int]) -> GraphDataset:
        """These graphs of this part, counted from 0."""
        return dataclasses.replace(self, places=tuple(self.places[u] for u in units))

    def statistics(self) -> dict[str, tuple[float, float]]:
        """None: tokens have no statistics."""
        return {}

    def describe(self) -> dict[str, Any]:
        """JSON-ready: sizes, vocabulary, properties, split, what was skipped, fingerprint."""
        return {
            "source": self.source,
            "part": self.part,
            "graphs": len(self),
            "variables": list(self.names),
            "goals": list(self.goals),
            "vocabulary": self.vocabulary.name,
            "tokens": int(self.lengths.sum()),
            "longest": int(self.lengths.max()),
            "split": {name: len(getattr(self.parts, name)) for name in PARTS},
            "split_by": self.split_by,
            "split_sha256": self.split_sha256,
            "skipped": len(self.skipped),
            "fingerprint": self.fingerprint,
        }

    @cached_property
    def split_sha256(self) -> str:
        """Hash of the rows of the source that are in each part: two scores with one hash are of one split."""
        parts = {name: sorted(self.rows[place] for place in getattr(self.parts, name)) for name in PARTS}
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the graphs and properties of this part, and of how they are written."""
        digest = hashlib.sha256(repr((self.vocabulary, self.ordering, self.names, self.goals)).encode())
        for place in self.places:
            digest.update(repr(self.graphs[place]).encode())
        if self.values is not None:
            digest.update(self.values[list(self.places)].tobytes())
        return digest.hexdigest()[:16]


def open_graphs(
    source: Any,
    *,
    vocabulary: Vocabulary | str | None = None,
    chemistry: Chemistry | None = None,
    ordering: Ordering | Mapping[str, Any] | None = None,
    smiles_column: str | None = None,
    values: Mapping[str, Sequence[Any]] | None = None,
    targets: Sequence[str] | str = (),
    goals: Sequence[str] | str = (),
    split: Mapping[str, Any] | None = None,
    split_by: str = "position",
    seed: int = 0,
    processes: int = 0,
) -> Any:
    """Open graphs or molecules; a row that cannot be read is left out, counted and reported.

    Args:
        source: a file or objects (see `files.read_source`), or a Zarr store of sequences (see `store`).
        vocabulary: a vocabulary, or the name of a published one; that of the data if not given.
        chemistry: how molecules become graphs; that of the vocabulary, else Kekule bonds and exact atoms.
        ordering: which sequences of a graph are written; nodes in breadth-first discovery order if not given.
        smiles_column: of a table, where its name is not an ordinary one.
        values: columns by name, a number a row, of graphs that come without (NaN where not known).
        targets, goals: columns that are predicted, and that the model is told.
        split: sizes of `train`, `validation`, `test` or their rows in the source (those that cannot be read are left
            out), {"file": "scaffold_split.json", "variant": "murcko"}, or {"time": COLUMN} of numbers or dates: the
            earliest graphs are for training, the latest for the test.
        split_by: where `split` does not say it: `position` in the file (or its own parts), `random`, `scaffold`,
            `scaffold_chiral`.
        seed: of a random split.
        processes: that read molecules, for large files; 0 reads here.

    Raises:
        DataError: the data break a rule; the message states it, the value and the cure.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        from .store import SequenceStore

        return SequenceStore.open(source)
    require_one_way(split_by, split)
    found = with_columns(read_source(source, smiles_column), values)
    if isinstance(vocabulary, str):
        if vocabulary not in PUBLISHED:
            raise DataError(f"published vocabularies are {', '.join(PUBLISHED)}, got {vocabulary!r}")
        vocabulary = PUBLISHED[vocabulary]
    chemistry = chemistry or (vocabulary.chemistry if vocabulary else None) or Chemistry()
    kept, skipped = _readable(found.items, chemistry, vocabulary, processes)
    graphs = tuple(graph for _, graph in kept)
    rows = tuple(row for row, _ in kept)
    is_chemical = isinstance(found.items[rows[0]], str) or hasattr(found.items[rows[0]], "GetAtoms")
    vocabulary = vocabulary or Vocabulary.of(graphs, chemistry=chemistry if is_chemical else None)
    targets, goals = ((chosen,) if isinstance(chosen, str) else tuple(chosen) for chosen in (targets, goals))
    names = (*targets, *goals)
    known = numbers(found.columns, names)[list(rows)] if names else None
    items = [found.items[row] for row in rows]
    if split is not None and "time" in split:
        parts, how = time_split(found.columns, str(split["time"]), rows)
    else:
        parts, how = make_split(items, rows, split_by, split, found.parts, seed, len(found.items))
    if known is not None and is_chemical:
        warn_of_repetitions(graphs, items, rows, parts, known)
    if not isinstance(ordering, Ordering):
        ordering = Ordering(**(ordering or {}))
    return GraphDataset(
        graphs=graphs,
        rows=rows,
        vocabulary=vocabulary,
        ordering=ordering,
        parts=parts,
        places=tuple(range(len(graphs))),
        values=known,
        names=names,
        goals=goals,
        skipped=skipped,
        source=str(source) if isinstance(source, str | Path) else f"{type(source).__name__} of {len(found.items)}",
        split_by=how,
    )


def _readable(
    items: Sequence[Any], chemistry: Chemistry, vocabulary: Vocabulary | None, processes: int
) -> tuple[list[tuple[int, Graph]], tuple[Skipped, ...]]:
    """Rows with their graphs, and those that are none or that the vocabulary cannot say.

    Raises:
        DataError: nothing is left.
    """
    kept: list[tuple[int, Graph]] = []
    skipped: list[Skipped] = []
    for row, graph in enumerate(read_graphs(items, chemistry, processes)):
        if isinstance(graph, Skipped):
            skipped.append(graph)
            continue
        try:
            if vocabulary is not None or not graph.nodes:
                (vocabulary or EMPTY).require(graph)
            kept.append((row, graph))
        except GraphError as error:
            skipped.append(Skipped(row, shown(items[row])[:200], str(error)))
    reasons = "; ".join(f"row {s.row}: {s.reason}" for s in skipped[:SHOWN])
    if not kept:
        raise DataError(f"a dataset holds at least one graph, got none of {len(items)} rows; {reasons or 'no rows'}")
    if skipped:
        logger.warning("%d of %d rows are left out: %s", len(skipped), len(items), reasons)
    return kept, tuple(skipped)


EMPTY = Vocabulary(name="any", indices=1, nodes=("NODE",), edges=("EDGE",))
