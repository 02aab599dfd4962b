"""The catalog at the door: names that can be opened, and what makes the generated data sets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from humboldt.data_catalog import (
    Entry,
    Generated,
    add_entry,
    draft,
    fetch,
    is_identifier,
    load_catalog,
    synthesise,
)


def is_catalog_name(source: Any) -> bool:
    """Whether a source is written like an id of the catalog (`pde.burgers2d`) and is no file."""
    return isinstance(source, str) and is_identifier(source) and not Path(source).exists()


def from_catalog(name: str) -> tuple[Entry, str | Path]:
    """The entry of that name and its data, fetched or generated if they are not here.

    Raises:
        DataError: an unknown name, or data that have to be got by hand.
    """
    entry = load_catalog().find(name)
    return entry, fetch(entry, make=make)


def make(entry: Entry, folder: Path) -> None:
    """Make the files of a generated entry in an empty folder."""
    source = entry.source
    if not isinstance(source, Generated):
        raise TypeError(f"a generated entry has a generator, got the source {source.kind!r} of {entry.id}")
    MAKERS.get(entry.domain, _with_numpy)(source.problem, folder, source.seed, source.parameters)


def _with_solvers(problem: str, folder: Path, seed: int, parameters: dict[str, Any]) -> None:
    from humboldt.domains.pde import generate

    generate(problem, output=folder / f"{problem}.zarr", seed=seed, progress=False, **parameters)


def _with_numpy(problem: str, folder: Path, seed: int, parameters: dict[str, Any]) -> None:
    synthesise(problem, folder, seed=seed, **parameters)


MAKERS: dict[str, Callable[[str, Path, int, dict[str, Any]], None]] = {"pde": _with_solvers}
"""Who makes the generated entries of a domain; the others are made with NumPy."""


def parts_of(entry: Entry) -> dict[str, Any] | None:
    """The parts of an entry as its domain takes them: numbers of samples, or first and last date; None where its splits
    are said otherwise."""
    splits = entry.splits
    if splits is None or splits.along not in (entry.dims.sample, entry.dims.time):
        return None
    parts: dict[str, Any] = {}
    for name, part in splits.parts.items():
        if splits.along == entry.dims.time and part.first is not None:
            parts[name] = (part.first, part.last)
        elif isinstance(part.first, int) and isinstance(part.last, int):
            parts[name] = list(range(part.first, part.last + 1))
        elif part.ids and all(isinstance(label, int) for label in part.ids):
            parts[name] = [int(label) for label in part.ids]
        else:
            return None
    return parts


def training_range(entry: Entry) -> dict[str, list[Any]] | None:
    """{dimension: first and last label} of the training part of an entry; None where it is not said as a range."""
    splits = entry.splits
    if splits is None or splits.train is None or splits.train.first is None:
        return None
    return {splits.along: [splits.train.first, splits.train.last]}


def add_to_catalog(
    path: str | Path,
    *,
    folder: str | None = None,
    ask: Callable[[str], str] | None = None,
    **answers: str | None,
) -> tuple[Entry, Path]:
    """Write the entry of a file into the user's catalog, asking for what neither the file nor the caller says.

    Args:
        path: file, Zarr store, table or folder.
        folder: of entries; the first of `$HUMBOLDT_CATALOG`.
        ask: how a question is put; at a terminal by default, and not at all where there is none.
        answers: `id`, `title`, `licence` (`unknown` if it is), `citation`, `doi`, `calendar`, `version`.

    Raises:
        DataError: something is still missing, or wrong.
    """
    given: dict[str, Any] = {key: value for key, value in answers.items() if value is not None}
    if ask is None and sys.stdin.isatty():
        ask = input
    known = {**draft(path), **given}
    for key, question in QUESTIONS.items():
        if ask is not None and key not in known and (key != "calendar" or "time" in known.get("dims", {})):
            given[key] = ask(f"{question}: ").strip()
    if given.get("licence") in ("unknown", ""):
        given["licence"] = None
    doi = given.pop("doi", None)
    if isinstance(given.get("citation"), str):
        given["citation"] = {"text": given["citation"]}
    if doi is not None and (citation := given.get("citation", known.get("citation"))):
        given["citation"] = {**citation, "doi": doi}
    return add_entry(path, given, folder)


QUESTIONS = {
    "id": "id (DOMAIN.NAME, such as pde.my-runs)",
    "title": "title",
    "licence": "licence (SPDX, such as CC-BY-4.0, or unknown)",
    "citation": "how to cite it",
    "calendar": "calendar of the times (CF; none for times that are not dates)",
}
"""What only a person can know, and how it is asked."""
