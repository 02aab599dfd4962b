"""The catalog: the entries that come with Humboldt and those of the user, listed, found by name, searched."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..store import did_you_mean
from .entry import Entry, read_entry

SHIPPED = Path(__file__).parent.parent / "entries"
VARIABLE = "HUMBOLDT_CATALOG"
"""Environment variable with further folders of entries, separated as those of PATH are."""


class Catalog:
    """Entries by their id; those of later folders come after, and no id is there twice.

    Raises:
        DataError: a file that is not an entry, or an id that two files have.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[str, Entry] = {}
        for entry in entries:
            if entry.id in self.entries:
                raise DataError(f"an id is there once, got {entry.id!r} twice; give one of them another name")
            self.entries[entry.id] = entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def find(self, name: str) -> Entry:
        """The entry of that id.

        Raises:
            DataError: there is none, with the nearest ids.
        """
        if name not in self.entries:
            bare = {known.partition(".")[2]: known for known in self.entries}
            known = bare.get(name)
            hint = f"; did you mean {known!r}?" if known else did_you_mean(name, [*self.entries])
            raise DataError(f"a data set is called by its id in the catalog, got {name!r}{hint}")
        return self.entries[name]

    def search(self, *words: str, **facets: str | bool | None) -> list[Entry]:
        """The entries that hold every word somewhere and fit every facet.

        Facets (None fits all): `domain`, `licence`, `kind` (of source), `variable` (its name or standard name),
        `calendar`, `grid`, `model` (that was trained or tested on it), `redistribution`, `checksum`.

        Raises:
            DataError: an unknown facet.
        """
        unknown = [facet for facet in facets if facet not in FACETS]
        if unknown:
            raise DataError(
                f"a facet is one of {', '.join(FACETS)}, got {unknown[0]!r}{did_you_mean(unknown[0], [*FACETS])}"
            )
        wanted = {facet: value for facet, value in facets.items() if value is not None}
        return [
            entry
            for entry in self
            if all(word.lower() in _text(entry) for word in words)
            and all(_fits(FACETS[facet](entry), value) for facet, value in wanted.items())
        ]

    def nearest(self, facet: str, value: str) -> str:
        """'; did you mean ...' for a value of a facet that no entry has; nothing for one that some have."""
        known = {str(each) for entry in self for each in FACETS[facet](entry)}
        return "" if _fits(known, value) else did_you_mean(value, sorted(known))


def load_catalog(*folders: str | Path) -> Catalog:
    """The catalog of these folders; by default what comes with Humboldt, and the folders of `$HUMBOLDT_CATALOG`.

    A file of `$HUMBOLDT_CATALOG` that is no entry is left out with a warning, so that all others can be used.
    """
    if folders:
        return Catalog(read_entry(path) for path in _files(*folders))
    own = [folder for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    return Catalog((*map(read_entry, _files(SHIPPED)), *_readable(_files(*own))))


def _files(*folders: str | Path) -> list[Path]:
    return [path for folder in folders for path in sorted(Path(folder).expanduser().glob("*.yaml"))]


def _readable(paths: Iterable[Path]) -> Iterator[Entry]:
    for path in paths:
        try:
            yield read_entry(path)
        except (DataError, OSError) as error:
            warnings.warn(f"left out of the catalog: {error}", stacklevel=3)


def _variables(entry: Entry) -> set[str]:
    standard = {v.standard_name for v in entry.variables.values() if v.standard_name}
    return {*entry.variables, *standard}


FACETS: dict[str, Any] = {
    "domain": lambda entry: {entry.domain},
    "licence": lambda entry: {entry.licence or "unknown"},
    "kind": lambda entry: {entry.source.kind},
    "variable": _variables,
    "calendar": lambda entry: {entry.calendar or ""},
    "grid": lambda entry: {entry.grid.type if entry.grid else ""},
    "model": lambda entry: set(entry.used_by),
    "redistribution": lambda entry: {entry.redistribution},
    "checksum": lambda entry: {entry.has_checksum},
}
"""What can be asked of an entry, and the values that it has."""


def _fits(values: set[Any], wanted: str | bool) -> bool:
    return wanted in values or (isinstance(wanted, str) and wanted.lower() in {str(value).lower() for value in values})


def _text(entry: Entry) -> str:
    words = (entry.id, entry.title, entry.description, *entry.keywords, *entry.used_by, *_variables(entry))
    return " ".join(words).lower()
