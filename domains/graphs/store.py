"""A Zarr store of ragged sequences: millions of them, read through the memory map of the file, never all at once.

    ids       all tokens one after another, in uncompressed chunks
    offsets   sequence i is ids[offsets[i] : offsets[i + 1]]
    targets   properties [sequence, name], if there are any

The attributes hold the vocabulary and the ordering. Every graph may be stored as several sequences.
"""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from humboldt.data_catalog import DataError, Split, split_units
from humboldt.foundations import from_dict, to_dict

from .batch import SequenceBatch
from .graph import Graph
from .sequence import Ordering, encode
from .vocabulary import Vocabulary

FORMAT = "humboldt-sequences-1"
CHUNK = 1 << 24  # tokens in a chunk: 32 MB


def write_store(
    path: str | Path,
    graphs: Iterable[Graph],
    vocabulary: Vocabulary,
    ordering: Ordering | None = None,
    *,
    copies: int = 1,
    values: np.ndarray | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Write sequences of graphs; the store takes its place when it is finished.

    Args:
        path: of the store.
        graphs: any number, read one after another.
        vocabulary, ordering: how they are written.
        copies: sequences of each graph, one after another.
        values, names: properties of the graphs.
        seed: of the sequences.
        overwrite: replace a store that is there.

    Raises:
        DataError: the store is there already, or there are no graphs.
    """
    path, ordering = Path(path), ordering or Ordering()
    if path.exists() and not overwrite:
        raise DataError(f"a new store is written where nothing is, but {path} is there; choose overwrite=True")
    aside = path.with_name(f".{path.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    root = zarr.open_group(aside, mode="w")
    ids = root.create_array("ids", shape=(0,), chunks=(CHUNK,), dtype="uint16", compressors=None)
    offsets, filled = [0], 0
    for block in _blocks(_sequences(graphs, vocabulary, ordering, copies, seed)):
        flat = np.concatenate(block).astype(np.uint16)
        ids.resize((filled + len(flat),))
        ids[filled:] = flat
        offsets += (filled + np.cumsum([len(sequence) for sequence in block])).tolist()
        filled += len(flat)
    if not filled:
        shutil.rmtree(aside)
        raise DataError(f"a store holds at least one sequence, got no graphs for {path}")
    root.create_array("offsets", data=np.array(offsets, np.int64))
    if values is not None:
        root.create_array("targets", data=np.repeat(values.astype(np.float32), copies, axis=0))
    root.attrs.update(
        {
            "format": FORMAT,
            "vocabulary": to_dict(vocabulary),
            "ordering": to_dict(ordering),
            "copies": copies,
            "seed": seed,
            "names": list(names),
        }
    )
    shutil.rmtree(path, ignore_errors=True)
    os.replace(aside, path)
    return path


def _sequences(
    graphs: Iterable[Graph], vocabulary: Vocabulary, ordering: Ordering, copies: int, seed: int
) -> Iterator[list[int]]:
    chance = random.Random(seed)
    for graph in graphs:
        for _ in range(copies):
            yield encode(graph, vocabulary, ordering, chance)


def _blocks(sequences: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Sequences of about one chunk together."""
    block: list[list[int]] = []
    filled = 0
    for sequence in sequences:
        block.append(sequence)
        filled += len(sequence)
        if filled >= CHUNK:
            yield block
            block, filled = [], 0
    if block:
        yield block


@dataclass(frozen=True, kw_only=True)
class SequenceStore:
    """The sequences of a store as a dataset; independent units are graphs, of which all copies stay together."""

    path: Path
    vocabulary: Vocabulary
    ordering: Ordering
    offsets: np.ndarray
    copies: int
    names: tuple[str, ...]
    values: np.ndarray | None
    parts: Split
    places: np.ndarray
    part: str = "all"

    @classmethod
    def open(cls, path: str | Path) -> SequenceStore:
        """Read the offsets and properties; tokens stay on disk.

        Raises:
            DataError: it is not a store of sequences.
        """
        path = Path(path)
        try:
            root = zarr.open_group(path, mode="r")
        except (FileNotFoundError, ValueError) as error:
            raise DataError(f"sequences are read from a Zarr store, got {path} ({error}); see write_store") from error
        about: dict[str, Any] = dict(root.attrs)
        if about.get("format") != FORMAT:
            raise DataError(f"a store of sequences says format {FORMAT}, got {about.get('format')!r} in {path}")
        offsets = np.asarray(root["offsets"][:])  # type: ignore[index]
        values = np.asarray(root["targets"][:]) if "targets" in root else None  # type: ignore[index]
        copies = about["copies"]
        return cls(
            path=path,
            vocabulary=from_dict(Vocabulary, about["vocabulary"]),
            ordering=from_dict(Ordering, about["ordering"]),
            offsets=offsets,
            copies=copies,
            names=tuple(about["names"]),
            values=values,
            parts=split_units((len(offsets) - 1) // copies),
            places=np.arange(len(offsets) - 1),
        )

    def __len__(self) -> int:
        return len(self.places)

    def __getstate__(self) -> dict[str, Any]:
        """Without memory maps, which another process makes for itself."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def batch(self, indices: Sequence[int]) -> SequenceBatch:
        """The sequences with these numbers."""
        places = self.places[list(indices)]
        sequences = [self.sequence(int(place)) for place in places]
        target = None if self.values is None else torch.from_numpy(self.values[places])
        return SequenceBatch.of(sequences, self.vocabulary.pad, None, target)

    def sequence(self, place: int) -> list[int]:
        """Tokens of one sequence."""
        start, end = int(self.offsets[place]), int(self.offsets[place + 1])
        parts = []
        for chunk in range(start // CHUNK, (end - 1) // CHUNK + 1):
            first = chunk * CHUNK
            parts.append(self._chunk(chunk)[max(start - first, 0) : end - first])
        return [token for part in parts for token in part.tolist()]

    def _chunk(self, number: int) -> np.ndarray:
        if number not in self._maps:
            self._maps[number] = np.memmap(self.path / "ids" / "c" / str(number), dtype="<u2", mode="r")
        return self._maps[number]

    @cached_property
    def _maps(self) -> dict[int, np.ndarray]:
        return {}

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every sample."""
        return np.diff(self.offsets)[self.places]

    def split(self, name: str) -> SequenceStore:
        """The part called `train`, `validation` or `test`."""
        units = np.asarray(self.parts.part(name))
        places = (units[:, None] * self.copies + np.arange(self.copies)).ravel()
        return dataclasses.replace(self, places=places, part=name)

    def take(self, count: int) -> SequenceStore:
        """The first `count` graphs of this part.

        Raises:
            DataError: more than there are.
        """
        if not 1 <= count <= len(self) // self.copies:
            there = len(self) // self.copies
            raise DataError(f"this {self.part} part has {there} graphs, got {count}; take 1 to {there}")
        return dataclasses.replace(self, places=self.places[: count * self.copies])

    def statistics(self) -> dict[str, tuple[float, float]]:
        """None: tokens have no statistics."""
        return {}

    def describe(self) -> dict[str, Any]:
        """JSON-ready: sizes, vocabulary, split."""
        return {
            "source": str(self.path),
            "part": self.part,
            "graphs": len(self) // self.copies,
            "copies": self.copies,
            "variables": list(self.names),
            "vocabulary": self.vocabulary.name,
            "tokens": int(self.lengths.sum()),
            "longest": int(self.lengths.max()),
            "fingerprint": f"{len(self.offsets)}-{int(self.offsets[-1])}-{len(self)}",
        }
