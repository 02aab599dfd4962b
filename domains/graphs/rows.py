"""Rows of a file of molecules, read a piece at a time: memory holds one piece, however long the file is."""

from __future__ import annotations

import gzip
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from io import BufferedIOBase
from itertools import accumulate
from pathlib import Path
from typing import Any

from .files import LINES, Source, lines_source, read_source, separator_of, structures_source, table_source, text_table

PARQUET, SEPARATED = (".parquet", ".pq"), (".csv", ".tsv")


class Rows(ABC):
    """Rows of a source; `read(a, b)` gives those from a to before b, where a is a multiple of `every`."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of rows."""

    @abstractmethod
    def read(self, first: int, end: int) -> Source:
        """The rows from one number to before another."""


def open_rows(source: Any, every: int, smiles_column: str | None = None) -> Rows:
    """The rows of what `read_source` takes.

    Lines, separated tables and structures are looked through once for the places of their rows; what is compressed is
    unpacked on the way. Other sources are held in memory.

    Args:
        every: rows between two of these places; pieces begin there.
        smiles_column: of a table, where its name is not an ordinary one.

    Raises:
        FileNotFoundError, DataError: as of `read_source`.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    kind = "" if path is None else Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if path is not None and path.is_file():
        if kind in (*LINES, *SEPARATED, ".sdf"):
            return TextRows(path, kind, every, smiles_column)
        if path.suffix in PARQUET:
            return ParquetRows(path, smiles_column)
    return HeldRows(read_source(source, smiles_column))


@dataclass(frozen=True)
class HeldRows(Rows):
    """Rows that are in memory."""

    source: Source

    def __len__(self) -> int:
        return len(self.source.items)

    def read(self, first: int, end: int) -> Source:
        """These rows, without their columns."""
        return Source(self.source.items[first:end])


@dataclass(frozen=True)
class ParquetRows(Rows):
    """Rows of a Parquet file, read by its groups."""

    path: Path
    smiles_column: str | None

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    @cached_property
    def _file(self) -> Any:
        from pyarrow.parquet import ParquetFile

        return ParquetFile(self.path)

    def read(self, first: int, end: int) -> Source:
        """These rows, with their columns."""
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        starts = list(accumulate(sizes, initial=0))
        groups = [i for i in range(len(sizes)) if starts[i] < end and starts[i + 1] > first]
        table = self._file.read_row_groups(groups).slice(first - starts[groups[0]], end - first)
        return table_source(table.to_pandas(), self.smiles_column, str(self.path))


@dataclass(frozen=True)
class TextRows(Rows):
    """Rows of a text file: `.smi`, `.csv`, `.tsv`, `.sdf`, also compressed."""

    path: Path
    kind: str
    every: int
    smiles_column: str | None

    def __len__(self) -> int:
        return self._places[1]

    def read(self, first: int, end: int) -> Source:
        """These rows, with their columns."""
        places = self._places[0]
        start, stop = places[first // self.every], places[min(-(-end // self.every), len(places) - 1)]
        with nullcontext(self._held) if self.path.suffix == ".gz" else self._open() as file:
            file.seek(start)
            content = file.read(stop - start)
        if self.kind in LINES:
            return lines_source(content, str(self.path))
        if self.kind == ".sdf":
            return structures_source(content)
        table = text_table(self._head + content, self.kind, str(self.path))
        return table_source(table, self.smiles_column, str(self.path))

    @cached_property
    def _held(self) -> BufferedIOBase:
        """A compressed file, held by the process that reads it: going on costs nothing, opening begins at the start."""
        file = self._open()
        weakref.finalize(self, file.close)
        return file

    def _open(self) -> BufferedIOBase:
        return gzip.open(self.path, "rb") if self.path.suffix == ".gz" else self.path.open("rb")

    @cached_property
    def _head(self) -> bytes:
        with self._open() as file:
            return file.read(self._places[0][0])

    @cached_property
    def _places(self) -> tuple[list[int], int]:
        """Where every so manieth row begins, and where the file ends; the number of rows."""
        found, count = [], 0
        with self._open() as file:
            for start in self._starts(file):
                if count % self.every == 0:
                    found.append(start)
                count += 1
            return [*found, file.tell()], count

    def _starts(self, file: BufferedIOBase) -> Iterator[int]:
        """First byte of each row; the head of a table is none."""
        start = place = 0
        blank, quoted, head, separator = True, False, self.kind in SEPARATED, b""
        for line in file:
            separator = separator if place else separator_of(line, self.kind)
            place += len(line)
            blank &= not line.strip()
            quoted = self.kind in SEPARATED and goes_on(line, separator, quoted)
            if quoted or (self.kind == ".sdf" and not line.startswith(b"$$$$")) or (blank and self.kind in SEPARATED):
                continue
            if not head:
                yield start
            start, blank, head = place, True, False
        if not blank and not head:
            yield start


def goes_on(line: bytes, separator: bytes, quoted: bool) -> bool:
    """Whether a cell in quotation marks goes on after a line; in the middle of a plain cell they are only letters."""
    if b'"' not in line:
        return quoted
    for cell in line.split(separator):
        if not quoted and cell.startswith(b'"'):
            quoted, cell = True, cell[1:]
        if quoted:
            quoted = b'"' not in cell.replace(b'""', b"")
    return quoted
