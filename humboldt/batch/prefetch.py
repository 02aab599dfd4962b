"""On the login node: fetch the weights and data that recipes name, and write down what lies where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import BatchError
from .staging import digest, size


def prefetch(recipes: Sequence[Mapping[str, Any]], manifest: Path) -> list[dict[str, Any]]:
    """Fetch every model and data set that the recipes name; returns and writes a manifest.

    Raises:
        BatchError: a recipe that names no model or no data, data that are neither here nor in the catalog, or a
            manifest that has no folder.
        HubError, CheckpointError, DataError: what cannot be fetched.
    """
    from humboldt.data_catalog import fetch, load_catalog

    from ..cataloguing import make
    from ..pretrained import located

    if not manifest.absolute().parent.is_dir():
        raise BatchError(f"a manifest is written into a folder that is there, got {manifest}; make the folder")
    rows: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    catalog = {entry.id: entry for entry in load_catalog().search()}
    for recipe in recipes:
        model, data, revision = recipe.get("model"), recipe.get("data"), recipe.get("revision")
        if not model or not data:
            raise BatchError(f"a recipe names a model and data, got model {model!r} and data {data!r}; add them")
        folder = located(str(model), revision)
        commit = folder.name if folder.parent.name == "snapshots" else None
        rows["model", str(model), revision] = _row("model", str(model), folder, commit)
        if data in catalog:
            place = Path(fetch(catalog[data], make=make))
        elif Path(data).exists():
            place = Path(data)
        else:
            raise BatchError(f"data are a path or a name of the catalog, got {data!r}; see humboldt catalog search")
        rows["data", str(data), None] = _row("data", str(data), place, None)
    found = list(rows.values())
    aside = manifest.with_name(f".{manifest.name}.writing")
    aside.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(aside, manifest)
    return found


def verify(manifest: Path) -> list[str]:
    """What of a manifest is missing or has changed, a line each; nothing is asked of the network.

    Raises:
        BatchError: no manifest.
    """
    wrong = []
    try:
        rows = json.loads(manifest.read_text())
    except (OSError, ValueError) as error:
        raise BatchError(
            f"a manifest is what humboldt prefetch writes, but {manifest}: {error}; prefetch again"
        ) from error
    for row in rows:
        path = Path(row["path"])
        if not path.exists():
            wrong.append(f"{row['name']} is not at {path}")
        elif (found := digest(path)) != row["sha256"]:
            wrong.append(f"{row['name']} at {path} has changed: SHA-256 {row['sha256'][:12]}..., now {found[:12]}...")
    return wrong


def _row(kind: str, name: str, path: Path, revision: str | None) -> dict[str, Any]:
    found = {"kind": kind, "name": name, "path": str(path.absolute()), "bytes": size(path), "sha256": digest(path)}
    return found | ({"revision": revision} if revision else {})
