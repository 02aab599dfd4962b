"""Graphs and their properties from files and objects, row by row; a row that cannot be read is counted, not fatal."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError

from .graph import Graph, GraphError
from .molecules import graph_from_molecule, graph_from_smiles
from .toolkit import toolkit
from .vocabulary import Chemistry

COLUMNS = ("smiles", "canonical_smiles", "mol", "molecule", "structure")
LINES, TABLES = (".smi", ".smiles", ".txt"), (".csv", ".tsv", ".parquet", ".pq")


@dataclass(frozen=True)
class Skipped:
    """A row that is not in the dataset: its number (from 0, headers not counted), what stood there, and why."""

    row: int
    text: str
    reason: str


@dataclass(frozen=True)
class Source:
    """What a file or object holds.

    Attributes:
        items: SMILES, RDKit molecules, graphs, or objects that can be read as graphs, in order.
        columns: of numbers, by name, one entry a row; text in them is refused when they are asked for.
        parts: rows of named parts, where the file says them.
    """

    items: Sequence[Any]
    columns: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)


def read_source(source: Any, smiles_column: str | None = None) -> Source:
    """The rows of a file or object.

    Args:
        source: a list of SMILES (`.smi`, `.txt`, one a line), a table (`.csv`, `.tsv`, `.parquet`, a DataFrame), an
            `.sdf` file, `graphs.npz`, or a list of SMILES, RDKit molecules, `Graph`, networkx graphs, `(nodes, edges)`
            pairs or objects with `edge_index` and `num_nodes`. Files may be compressed (`.gz`).
        smiles_column: of a table, where its name is not an ordinary one.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: a file of another kind, or a table without molecules.
    """
    if isinstance(source, Source):
        return source
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return table_source(source, smiles_column, "the table")
    if not isinstance(source, str | Path):
        return Source(list(source))
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"graphs are read from a file, got {path}, which is not there; check the path")
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if kind in LINES:
        return lines_source(_bytes(path), str(path))
    if kind in TABLES:
        return table_source(_read_table(path, kind), smiles_column, str(path))
    if kind == ".sdf":
        return structures_source(_bytes(path))
    if kind == ".npz":
        return _arrays(path)
    raise DataError(
        f"graphs are read from {', '.join((*LINES, *TABLES, '.sdf', '.npz'))} (also .gz) or a store of sequences, "
        f"got {path.name}; convert it"
    )


def with_columns(source: Source, values: Mapping[str, Any] | None) -> Source:
    """The source with more columns.

    Raises:
        DataError: another number of values than rows, or a column that is there already.
    """
    for name, column in (values or {}).items():
        if len(column) != len(source.items) or name in source.columns:
            there = " and the column is there already" if name in source.columns else ""
            raise DataError(
                f"a column has a value a row, got {len(column)} of {name!r} for {len(source.items)} rows{there}; give "
                "NaN where a value is not known, under another name"
            )
    return replace(
        source, columns={**source.columns, **{name: list(column) for name, column in (values or {}).items()}}
    )


def _bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _read_table(path: Path, kind: str) -> Any:
    import pandas as pd

    if kind in (".parquet", ".pq"):
        return pd.read_parquet(path)
    return text_table(_bytes(path), kind, str(path))


def text_table(content: bytes, kind: str, name: str) -> Any:
    """A table of words from what a `.csv` or `.tsv` file holds; cells without one are missing.

    Raises:
        DataError: text in another encoding than UTF-8, or a file without a head.
    """
    import pandas as pd

    text = _text(content, name)
    if not text.strip():
        raise DataError(f"a table has a head and a row for every molecule, got {name} without either; fill it")
    separator = separator_of(content.partition(b"\n")[0], kind).decode()
    return pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, na_values=[""])


def separator_of(head: bytes, kind: str) -> bytes:
    """What stands between the cells of a table: a tab in `.tsv`, in `.csv` what its first line has most of."""
    return b"\t" if kind == ".tsv" else max((b",", b";", b"\t"), key=head.count)


def lines_source(content: bytes, name: str) -> Source:
    """SMILES, the first word of every line.

    Raises:
        DataError: text in another encoding than UTF-8.
    """
    lines = io.StringIO(_text(content, name), newline=None)  # ends as an editor sees them, no rare separators
    return Source([line.split()[0] if line.split() else "" for line in lines])


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"a table or list of molecules is text in UTF-8, but {name} is not ({error}); save it anew in that encoding"
        ) from error


def table_source(table: Any, smiles_column: str | None, name: str) -> Source:
    """The SMILES of a table, and its other columns.

    Raises:
        DataError: no column of SMILES.
    """
    names = [str(column) for column in table.columns]
    if smiles_column is None:
        smiles_column = next((n for known in COLUMNS for n in names if n.lower() == known), None)
    if smiles_column is None and len(like := [n for n in names if "smiles" in n.lower()]) == 1:
        (smiles_column,) = like
    if smiles_column not in names:
        raise DataError(f"a table of molecules has a column of SMILES, got {names[:12]} in {name}; give smiles_column=")
    smiles = table[smiles_column]
    items = ["" if value is None or value != value else str(value) for value in smiles.tolist()]
    return Source(items, {n: table[n] for n in names if n != smiles_column})


def structures_source(content: bytes) -> Source:
    """The molecules of an `.sdf` file with their properties; None where one cannot be read."""
    ends = [place.end() for place in re.finditer(rb"^\$\$\$\$.*\n?", content, re.MULTILINE)]
    cuts = [0, *ends, *([len(content)] if content[ends[-1] if ends else 0 :].strip() else [])]
    records = [content[start:end] for start, end in pairwise(cuts)]  # a broken one does not take the next along
    molecules = [next(iter(toolkit().ForwardSDMolSupplier(io.BytesIO(record))), None) for record in records]
    names = dict.fromkeys(name for mol in molecules if mol is not None for name in mol.GetPropNames())
    columns: dict[str, Any] = {name: [_property(mol, name) for mol in molecules] for name in names}
    return Source(molecules, columns)


def _property(mol: Any, name: str) -> str | None:
    return mol.GetProp(name) if mol is not None and mol.HasProp(name) else None


def _arrays(path: Path) -> Source:
    """`PART_num_nodes`, `PART_edges`, `PART_offsets` of every part."""
    names, parts = {"val": "validation"}, {}
    graphs: list[Graph] = []
    with np.load(path) as found:
        here = [key.removesuffix("_num_nodes") for key in found if key.endswith("_num_nodes")]
        if not here:
            raise DataError(
                f"graphs.npz holds PART_num_nodes, PART_edges and PART_offsets, got {list(found)} in {path}"
            )
        for part in here:
            counts, edges, offsets = (found[f"{part}_{name}"] for name in ("num_nodes", "edges", "offsets"))
            start = len(graphs)
            bounds = zip(counts.tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            graphs += [Graph.plain(count, edges[a:b].tolist()) for count, a, b in bounds]
            parts[names.get(part, part)] = tuple(range(start, len(graphs)))
    return Source(graphs, parts=parts)


def read_graphs(items: Iterable[Any], chemistry: Chemistry, processes: int = 0) -> Iterator[Graph | Skipped]:
    """The graph of every row, or why there is none; in so many processes, here if 0."""
    read = partial(_read_row, chemistry=chemistry)
    if not processes:
        yield from map(read, enumerate(items))
        return
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        yield from pool.imap(read, enumerate(items), chunksize=512)


def _read_row(numbered: tuple[int, Any], chemistry: Chemistry) -> Graph | Skipped:
    row, item = numbered
    try:
        return to_graph(item, chemistry)
    except (GraphError, DataError) as error:
        return Skipped(row, shown(item)[:200], str(error))


def shown(item: Any) -> str:
    """A row in words: SMILES of a molecule, nothing of one that could not be read."""
    if hasattr(item, "GetAtoms"):
        return str(toolkit().MolToSmiles(item))
    return "" if item is None else str(item)


def to_graph(item: Any, chemistry: Chemistry) -> Graph:
    """A graph from whatever describes one.

    Raises:
        GraphError: it is not a graph, or not a molecule.
    """
    if isinstance(item, Graph):
        return item
    if isinstance(item, str):
        if not item:
            raise GraphError("a row holds the SMILES of a molecule, got nothing; leave it out")
        return graph_from_smiles(item, chemistry)
    if item is None:
        raise GraphError("a structure is a molecule that RDKit reads, got one that it does not; leave it out")
    if hasattr(item, "GetAtoms"):
        return graph_from_molecule(item, chemistry)
    if hasattr(item, "edge_index"):
        edges = np.asarray(item.edge_index).T.tolist()
        return Graph.plain(int(item.num_nodes), edges)
    if hasattr(item, "nodes") and hasattr(item, "edges"):
        return _from_networkx(item)
    if isinstance(item, tuple) and len(item) == 2:
        return Graph.plain(int(item[0]), np.asarray(item[1]).reshape(-1, 2).tolist())
    raise GraphError(
        f"a graph is a SMILES, a molecule, a networkx graph or (nodes, edges), got a {type(item).__name__}"
    )


def _from_networkx(item: Any) -> Graph:
    """Labels are the attribute `label` of nodes and edges, if they have one."""
    number = {node: i for i, node in enumerate(item.nodes)}
    plain = Graph.plain(len(number), [(number[a], number[b]) for a, b in item.edges if a != b])
    labels = {frozenset((number[a], number[b])): data.get("label") for a, b, data in item.edges(data=True)}
    nodes = (data.get("label", label) for (_, data), label in zip(item.nodes(data=True), plain.nodes, strict=True))
    edges = ((a, b, labels.get(frozenset((a, b))) or label) for a, b, label in plain.edges)
    return Graph(tuple(nodes), tuple(edges))


def numbers(columns: dict[str, Any], names: Sequence[str]) -> np.ndarray:
    """Columns of numbers (rows, names), NaN where a cell is empty.

    Raises:
        DataError: a column that is not there, or a cell with text in it.
    """
    import difflib

    import pandas as pd

    found = []
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            cure = f"did you mean {near[0]!r}?" if near else f"there are {list(columns)[:12]}"
            raise DataError(f"a property is a column of the data, got {name!r}; {cure}")
        cells = pd.Series(columns[name])
        values = pd.to_numeric(cells, errors="coerce")
        empty = cells.isna() | (cells.astype(str).str.strip() == "")
        if len(text := cells[values.isna() & ~empty]):
            raise DataError(
                f"a property is a number or an empty cell, got {text.iloc[0]!r} in row {text.index[0]} of {name!r} "
                f"({len(text)} such cells); empty the cell or choose another column"
            )
        found.append(values.to_numpy(np.float64))
    return np.stack(found, axis=1).astype(np.float32) if found else np.zeros((0, 0), np.float32)
