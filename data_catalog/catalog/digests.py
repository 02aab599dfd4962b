"""Hashes of files, of stores, and of the values in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pooch
import xarray as xr

from ..store import open_store

UNSEEN = ".lock"


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file, read in pieces."""
    return pooch.file_hash(str(path), alg=algorithm)


def files_below(folder: Path) -> list[str]:
    """Every file below a folder as a relative path with slashes, sorted; our own locks are left out."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != UNSEEN)
    return sorted(path.relative_to(folder).as_posix() for path in found)


def manifest_digest(folder: Path) -> str:
    """SHA-256 over the lines `path sha256` of every file of a store, sorted by path."""
    digest = hashlib.sha256()
    for name in files_below(folder):
        digest.update(f"{name} {file_digest(folder / name)}\n".encode())
    return digest.hexdigest()


def values_digest(path: Path) -> str:
    """SHA-256 over names, types, shapes and values of all that a file, store or folder holds, whatever the container.

    Two files with the same values have the same digest although libraries wrote them differently.
    """
    digest = hashlib.sha256()
    for name, found in arrays(path):
        values = found.astype(str) if found.dtype.kind in "OT" else found
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        digest.update(f"{name} {little.dtype.str} {little.shape}\n".encode() + little.tobytes())
    return digest.hexdigest()


def arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of each array of a file, store or folder, sorted; a file of another kind is its bytes."""
    if path.suffix in (".nc", ".zarr"):
        with open_store(path) as data:
            yield from _variables(data)
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            yield from ((name, file[name]) for name in sorted(file.files))
    elif path.is_dir():
        for below in sorted(path.iterdir()):
            if below.name != UNSEEN:
                yield from ((f"{below.name}/{name}", values) for name, values in arrays(below))
    else:
        yield "bytes", np.frombuffer(path.read_bytes(), np.uint8)


def _variables(data: xr.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    yield from ((str(name), np.asarray(data[name].values)) for name in sorted(data.variables, key=str))
