"""Drawn graphs on disk: a table that grows batch by batch, and goes on where it was interrupted."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, to_dict

from .drawing import Drawing
from .graph import GraphError
from .metrics import Tally
from .molecules import Decoded, decode_molecule
from .places import Sampled
from .sample import require_generative, sample_sequences
from .sequence import decode
from .vocabulary import Vocabulary

HEADER = ("sample", "status", "graph", "log_likelihood", "log_probability")


def stream(
    model: Model,
    count: int,
    output: str | Path,
    drawing: Drawing | None = None,
    *,
    batch_size: int = 256,
    goals: Mapping[str, float] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Tally:
    """Draw graphs into a CSV file, one row a sample; called again after an interruption, it goes on.

    Columns: `sample`, `status` (`ok`, `invalid` for a graph that is not a molecule, `error` for tokens that are not a
    graph), `smiles` (of the largest part) or `graph` (nodes and edges as JSON), `log_likelihood`, `log_probability`.
    Beside it `OUTPUT.json` says how it was made.

    Args:
        model: of graphs.
        count: number of samples in all.
        output: the file.
        drawing, batch_size, goals: see `sample_sequences`.
        overwrite: replace a file that was made otherwise.
        progress: show a progress bar on a terminal.

    Raises:
        ConfigError: the model predicts properties.
        DataError: the file was made in another way, or cannot be written.
    """
    require_generative(model)
    output, drawing = Path(output), drawing or Drawing()
    record = {**to_dict(drawing), "batch_size": batch_size, "goals": dict(goals or {}), "model": weights_digest(model)}
    vocabulary = model.config.vocabulary
    done = resume(output, record, batch_size, overwrite)
    shown = progress and sys.stderr.isatty()
    try:
        with (
            output.open("a", newline="") as file,
            tqdm(total=count, initial=min(done, count), unit="graph", disable=not shown, dynamic_ncols=True) as bar,
        ):
            batches = sample_sequences(
                model, count, drawing, batch_size=batch_size, goals=goals, start=done // batch_size
            )
            for batch in batches:
                csv.writer(file).writerows(rows(batch, vocabulary, done))
                file.flush()
                os.fsync(file.fileno())
                done += len(batch)
                bar.update(len(batch))
    except OSError as error:
        raise DataError(f"samples are written to a file with room for them, but: {error}; {done} are kept") from error
    return tally(output)


def rows(batch: Iterable[Sampled], vocabulary: Vocabulary, start: int) -> Iterable[tuple[Any, ...]]:
    """Rows of the table."""
    for number, sampled in enumerate(batch, start):
        status, text = described(sampled.ids, vocabulary)
        yield number, status, text, f"{sampled.log_likelihood:.6f}", f"{sampled.log_probability:.6f}"


def described(ids: Iterable[int], vocabulary: Vocabulary) -> tuple[str, str]:
    """Status and text of a sequence: SMILES, or nodes and edges as JSON."""
    if vocabulary.chemistry is not None:
        found = decode_molecule(ids, vocabulary)
        return found.status, found.smiles or ""
    try:
        graph = decode(ids, vocabulary, lenient=True)
    except GraphError:
        return "error", ""
    return "ok", json.dumps({"nodes": list(graph.nodes), "edges": [list(edge) for edge in graph.edges]})


def resume(output: Path, record: dict[str, Any], batch_size: int, overwrite: bool) -> int:
    """Samples that are there already, of whole batches; the rest of a half-written batch is taken away.

    Raises:
        DataError: the file was made in another way.
    """
    beside = output.with_name(output.name + ".json")
    if output.exists() and not overwrite:
        made = json.loads(beside.read_text()) if beside.exists() else None
        if made != record:
            raise DataError(
                f"samples go on in a file that was made in the same way, but {output} was made with "
                f"{_differing(made, record)}; choose another file, or overwrite"
            )
        with output.open(newline="") as file:
            kept = [row for row in csv.reader(file) if len(row) == len(HEADER)][1:]
        whole = len(kept) // batch_size * batch_size
        _write(output, kept[:whole])
        return whole
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, [])
    beside.write_text(json.dumps(record, indent=1) + "\n")
    return 0


def _write(output: Path, kept: list[list[str]]) -> None:
    aside = output.with_name(f".{output.name}.writing")
    with aside.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *kept])
    os.replace(aside, output)


def _differing(made: dict[str, Any] | None, record: dict[str, Any]) -> str:
    if made is None:
        return "no record beside it"
    return ", ".join(f"{key}={made.get(key)}" for key in record if made.get(key) != record[key]) or "other settings"


def tally(output: str | Path) -> Tally:
    """Counts of a file of samples."""
    with open(output, newline="") as file:
        table = list(csv.DictReader(file))
    return Tally.of(Decoded(row["status"], row["graph"] or None) for row in table)  # type: ignore[arg-type]


def weights_digest(model: Model) -> str:
    """Hash of a model's configuration and weights."""
    digest = hashlib.sha256(json.dumps(to_dict(model.config), sort_keys=True).encode())
    for value in model.state_dict().values():
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
