"""What was promised: the checksums of every version that was ever shipped. A changed one needs a new version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import DataError
from .entry import Entry
from .sources import Files, Generated, ZarrStore

LEDGER = Path(__file__).parent.parent / "entries" / "ledger.json"


def promise(entry: Entry) -> str | None:
    """Hash of the checksums (or of the recipe, for what is generated) of an entry; None where nothing is promised."""
    source = entry.source
    if not source.has_checksum and not isinstance(source, Generated):
        return None
    if isinstance(source, Files):
        said: object = sorted((file.path, *(file.checksum or ())) for file in source.files)
    elif isinstance(source, ZarrStore):
        said = source.manifest_sha256
    else:
        assert isinstance(source, Generated)
        said = [source.problem, dict(sorted(source.parameters.items())), source.seed, source.values_sha256]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def read_ledger(path: Path = LEDGER) -> dict[str, dict[str, str]]:
    """Id -> version -> promise."""
    return json.loads(path.read_text())


def check_ledger(entries: Iterable[Entry], ledger: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse entries whose checksums changed under the same version, or that are not in the ledger.

    Raises:
        DataError: names the entry and the cure.
    """
    for entry in entries:
        promised, kept = promise(entry), ledger.get(entry.id, {})
        if promised is None:
            continue
        if entry.version not in kept:
            raise DataError(
                f"every version with checksums is in the ledger, got {entry.id} {entry.version}; add it with "
                "python -m humboldt.data_catalog.catalog.ledger"
            )
        require_same(entry, kept[entry.version])


def require_same(entry: Entry, promised: str) -> None:
    """Refuse an entry that promises something else than its version did before.

    Raises:
        DataError: the checksums have changed.
    """
    if promise(entry) != promised:
        raise DataError(
            f"a changed checksum needs a new version, got other checksums of {entry.id} under the version "
            f"{entry.version}; raise the version, or put the checksums back"
        )


def extend_ledger(entries: Iterable[Entry], ledger: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The ledger with what is new; what was promised stays."""
    grown = {name: dict(versions) for name, versions in ledger.items()}
    for entry in entries:
        promised = promise(entry)
        if promised is not None:
            grown.setdefault(entry.id, {}).setdefault(entry.version, promised)
    return dict(sorted(grown.items()))


if __name__ == "__main__":
    from .catalog import SHIPPED, load_catalog

    known = read_ledger() if LEDGER.exists() else {}
    LEDGER.write_text(json.dumps(extend_ledger(load_catalog(SHIPPED), known), indent=1) + "\n")
