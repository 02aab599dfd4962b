"""Draft the entry of a file by looking into it; what cannot be known is asked for."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import TypeAdapter, ValidationError

from ..errors import DataError
from .axes import calendar_said, chunks_of, grid_of, names_of, roles_of
from .calendar import CALENDARS
from .catalog import VARIABLE
from .contents import open_contents
from .digests import file_digest, files_below, manifest_digest
from .entry import LONGEST_TITLE, Entry, Missing, StandardName, Units, read_entry, write_entry
from .ledger import promise, require_same
from .licences import forbids_redistribution
from .strict import one_line
from .summary import summarise

log = logging.getLogger(__name__)

ASKED = ("id", "title", "licence", "citation")


def draft(path: str | Path) -> dict[str, Any]:
    """What a file, store, table or folder says of itself, as the keys of an entry.

    Raises:
        DataError: it cannot be read.
        FileNotFoundError: it is not there.
    """
    place = Path(path).expanduser().resolve()
    if not place.exists():
        raise FileNotFoundError(f"an entry is drafted from data that are there, got {path}")
    with open_contents(place) as data:
        if not data.data_vars:
            raise DataError(
                f"an entry describes variables, got none in {path}; convert the group that holds them first"
            )
        dims = roles_of(data)
        found = {
            "source": _source(place),
            "dims": dims,
            "sizes": {name: int(data.sizes[name]) for name in names_of(dims)},
            "variables": _variables(data, dims),
            "chunking": chunks_of(data, names_of(dims)),
            **_from_attributes(data.attrs),
        }
        if "time" in dims:
            found["calendar"] = calendar_said(data, dims["time"])
        if dims.get("space"):
            found["grid"] = grid_of(data, dims["space"])
    return {key: value for key, value in found.items() if value not in ({}, None)}


def add_entry(path: str | Path, answers: Mapping[str, Any], folder: str | Path | None = None) -> tuple[Entry, Path]:
    """Write the entry of a file: the draft, and what was answered over it.

    Args:
        path: of the data.
        answers: `id`, `title`, `licence` (None for unknown) and `citation`, and whatever else is better known than
            the file says it.
        folder: of entries; the first of `$HUMBOLDT_CATALOG`.

    Returns:
        The entry, with statistics of its training part, and its file.

    Raises:
        DataError: something is missing or wrong, or another version with other checksums is already there.
        PermissionError: the folder of entries cannot be written.
    """
    where = catalog_folder(folder)
    given = {**draft(path), **answers}
    if "time" in given.get("dims", {}) and not given.get("calendar"):
        raise DataError(
            f"times have a calendar, got none in {path}; say which: calendar=... of {', '.join(CALENDARS)} "
            "(none for times that are not dates)"
        )
    lacking = [key for key in ASKED if key not in given]
    if lacking:
        raise DataError(f"an entry needs {', '.join(ASKED)}, got no {', '.join(lacking)}; the file does not say it")
    entry = Entry.from_data({"schema": 1, "version": "1.0.0", **given}, str(path))
    with open_contents(Path(path).expanduser()) as data:
        entry = _with_statistics(entry, data)
    target = where / f"{entry.id}.yaml"
    if target.exists():
        before = read_entry(target)
        if before.version == entry.version and (promised := promise(before)):
            require_same(entry, promised)
    _write(target, write_entry(entry))
    return entry, target


def catalog_folder(folder: str | Path | None) -> Path:
    """The folder of the user's own entries.

    Raises:
        DataError: none is named.
    """
    chosen = folder or os.environ.get(VARIABLE, "").split(os.pathsep)[0]
    if not chosen:
        raise DataError(f"own entries lie in a folder, got none; set {VARIABLE}, or give folder=")
    return Path(chosen).expanduser()


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, delete=False, encoding="utf-8", suffix=".draft"
        ) as file:
            file.write(text)
        os.replace(file.name, target)
    except OSError as error:
        raise PermissionError(
            f"own entries lie in a folder that can be written, got {target.parent} ({error}); set {VARIABLE} to another"
        ) from error


def _with_statistics(entry: Entry, data: xr.Dataset) -> Entry:
    splits = entry.splits
    part = "train" if splits and splits.train and splits.along in data.dims else None
    found = summarise(entry, data, part)
    moments = {
        name: {key: value for key, value in of.items() if key != "missing"} for name, of in found.items() if of["n"]
    }
    more: dict[str, Any] = {}
    if moments:
        more["statistics"] = {"over": part or "all", "by": "Humboldt", "variables": moments}
    if any(of["missing"] for of in found.values()) and entry.missing == Missing():
        more["missing"] = {"policy": "mask"}
    return Entry.from_data({**entry.model_dump(by_alias=True), **more}, entry.id) if more else entry


def _source(place: Path) -> dict[str, Any]:
    root = str(place.parent)
    if place.suffix == ".zarr" or (place / "zarr.json").exists():
        return {"kind": "zarr", "root": root, "path": place.name, "manifest_sha256": manifest_digest(place)}
    if place.is_dir():
        return {"kind": "files", "root": str(place), "files": [_file(place, name) for name in files_below(place)]}
    return {"kind": "files", "root": root, "files": [_file(place.parent, place.name)]}


def _file(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return {"path": name, "sha256": file_digest(path), "bytes": path.stat().st_size}


def _variables(data: xr.Dataset, dims: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    beside = _beside(data)
    for name, array in data.data_vars.items():
        if name in beside:
            continue
        said = {key: str(array.attrs.get(key, "")).strip() for key in ("units", "standard_name", "long_name")}
        if said["standard_name"] and not _fits(StandardName, said["standard_name"]):
            said["long_name"] = said["long_name"] or said["standard_name"]
            said["standard_name"] = ""
        if said["units"] and not _fits(Units, said["units"]):
            log.warning("the units %r of %s cannot be written down and are left out", said["units"], name)
            said["units"] = ""
        known: dict[str, Any] = {key: value for key, value in said.items() if value}
        if array.dtype.kind not in "fiub":
            known = {"kind": "text", "role": "label", **{k: v for k, v in known.items() if k != "units"}}
        elif dims.get("time") and dims["time"] not in array.dims:
            known["role"] = "static"
        found[str(name)] = known
    return found


def _beside(data: xr.Dataset) -> set[str]:
    """Variables that only describe others: bounds of cells, and grid mappings."""
    found = {str(name) for name, variable in data.data_vars.items() if "grid_mapping_name" in variable.attrs}
    for variable in data.variables.values():
        for word in ("bounds", "climatology", "grid_mapping"):
            found.add(str(variable.attrs.get(word) or variable.encoding.get(word, "")))
    return found


def _fits(kind: Any, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _from_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Title, licence, citation and redistribution, where the file says them."""
    found: dict[str, Any] = {}
    if title := one_line(str(attributes.get("title", ""))):
        found["title"] = title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 2]} …"
    if citation := attributes.get("references") or attributes.get("citation"):
        found["citation"] = {"text": str(citation)}
    if forbids_redistribution(attributes):
        found["redistribution"] = "forbidden"
    licence = str(attributes.get("license") or attributes.get("licence") or "")
    if licence and " " not in licence:
        found["licence"] = licence
    return found
