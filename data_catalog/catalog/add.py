"""Draft the entry of a file by looking into it; what cannot be known is asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..errors import DataError
from .calendar import CALENDARS
from .catalog import VARIABLE
from .contents import open_contents
from .digests import file_digest, files_below, manifest_digest
from .entry import Entry, read_entry, write_entry
from .ledger import promise, require_same
from .licences import forbids_redistribution
from .summary import summarise

ROLES = {
    "sample": ("sample", "samples", "trajectory", "trajectories", "n", "batch"),
    "time": ("time", "t", "valid_time", "date"),
    "level": ("level", "lev", "plev", "pressure_level", "height"),
    "realization": ("realization", "member", "member_id", "number", "ensemble"),
    "component": ("component", "channel", "channels"),
}
SPACE = ("latitude", "lat", "longitude", "lon", "x", "y", "z", "cell", "row", "node")
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
        dims = _dims(data)
        found = {
            "source": _source(place),
            "dims": dims,
            "sizes": {name: int(data.sizes[name]) for name in _names(dims)},
            "variables": _variables(data, dims),
            "chunking": _chunking(data, dims),
            **_from_attributes(data.attrs),
        }
        if "time" in dims:
            found["calendar"] = _calendar(data, dims["time"])
        if dims.get("space"):
            found["grid"] = _grid(data, dims["space"])
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
    moments = {
        name: {key: value for key, value in found.items() if key != "missing"}
        for name, found in summarise(entry, data, part).items()
        if found["n"]
    }
    if not moments:
        return entry
    told = {"over": part or "all", "by": "Humboldt", "variables": moments}
    known = entry.model_dump(by_alias=True)
    return Entry.from_data({**known, "statistics": told}, entry.id)


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


def _dims(data: xr.Dataset) -> dict[str, Any]:
    names = [str(name) for name in data.sizes]
    found: dict[str, Any] = {}
    for role, known in ROLES.items():
        here = next((name for name in names if name.lower() in known), None)
        if here is not None:
            found[role] = here
    if "sample" not in found and "row" in names:
        found["sample"] = "row"
    space = [name for name in names if name.lower() in SPACE and name not in found.values()]
    return {**found, "space": space} if space else found


def _names(dims: Mapping[str, Any]) -> list[str]:
    return [name for role, name in dims.items() if role != "space"] + list(dims.get("space", ()))


def _variables(data: xr.Dataset, dims: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, array in data.data_vars.items():
        said = {key: array.attrs.get(key) for key in ("units", "standard_name", "long_name")}
        known: dict[str, Any] = {key: str(value) for key, value in said.items() if value not in (None, "")}
        if array.dtype.kind not in "fiub":
            known = {"kind": "text", "role": "label", **{k: v for k, v in known.items() if k != "units"}}
        elif dims.get("time") and dims["time"] not in array.dims:
            known["role"] = "static"
        found[str(name)] = known
    return found


def _calendar(data: xr.Dataset, name: str) -> str | None:
    """What the times say; `none` for numbers without an origin, nothing for dates without a calendar."""
    if name not in data.variables:
        return "none"
    attributes = data[name].attrs
    if " since " not in str(attributes.get("units", "")):
        return "none"
    return str(attributes["calendar"]) if "calendar" in attributes else None


def _grid(data: xr.Dataset, space: list[str]) -> dict[str, Any]:
    ends = {}
    for name in space:
        if name in data.coords and data[name].dtype.kind in "fiu" and data[name].ndim == 1:
            values = np.asarray(data[name].values, float)
            ends[name] = (float(values[0]), float(values[-1]))
    is_globe = any(name.lower().startswith("lat") for name in space)
    said = data.attrs.get("periodic", ())
    periodic = [name for name in space if name in ([said] if isinstance(said, str) else list(np.atleast_1d(said)))]
    for name in space if is_globe and not periodic else ():
        if name.lower().startswith("lon") and name in ends:
            step = abs(ends[name][1] - ends[name][0]) / max(1, data.sizes[name] - 1)
            periodic += [name] if abs(ends[name][1] - ends[name][0]) + step > 359.9 else []
    grid = {"type": "regular_latlon" if is_globe else "cartesian", "periodic": periodic, "extent": ends}
    return {**grid, "crs": "EPSG:4326", "units": "degrees"} if is_globe else grid


def _chunking(data: xr.Dataset, dims: Mapping[str, Any]) -> dict[str, int]:
    first = next(iter(data.data_vars.values()), None)
    chunks = first.encoding.get("chunks") or first.encoding.get("chunksizes") if first is not None else None
    if first is None or not chunks:
        return {}
    known = _names(dims)
    return {str(dim): int(size) for dim, size in zip(first.dims, chunks, strict=True) if dim in known}


def _from_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Title, licence, citation and redistribution, where the file says them."""
    found: dict[str, Any] = {}
    if title := attributes.get("title"):
        found["title"] = str(title)
    if citation := attributes.get("references") or attributes.get("citation"):
        found["citation"] = {"text": str(citation)}
    if forbids_redistribution(attributes):
        found["redistribution"] = "forbidden"
    licence = str(attributes.get("license") or attributes.get("licence") or "")
    if licence and " " not in licence:
        found["licence"] = licence
    return found
