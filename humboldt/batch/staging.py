"""Data on the node's own disk: copied once by whichever process comes first, checked, and used by all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import filelock
from xxhash import xxh3_128

from .errors import BatchError

PLACE = "HUMBOLDT_STAGE"
"""Environment variable with a folder on the node's own disk; data are read from a copy there."""
PIECE = 1 << 19  # bytes that are copied and hashed at a time: they stay in the cache of a core


def staged(source: str | Path, place: str | Path | None = None) -> Path:
    """The copy of a file or store on the node's own disk.

    Any number of processes may ask at once: one copies, the others wait and find the copy. A copy that was cut short is
    begun anew; one whose source has changed since is made again.

    Args:
        source: file, or folder such as a Zarr store.
        place: folder on the node's own disk; `$HUMBOLDT_STAGE` by default.

    Raises:
        BatchError: no place, no such source, too little room, or a copy that differs from its source.
    """
    source, root = Path(source).absolute(), Path(place or os.environ.get(PLACE, ""))
    if not str(place or os.environ.get(PLACE, "")):
        raise BatchError(f"data are staged to a folder on the node's own disk, got none; set {PLACE}")
    if not source.exists():
        raise BatchError(f"data to stage are a file or a folder, but {source} does not exist; check the path")
    target = root / hashlib.sha256(str(source).encode()).hexdigest()[:12] / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    from humboldt.data_catalog import files_fingerprint  # xarray, which no help text waits for

    with filelock.FileLock(target.parent / ".lock"):
        wanted, mark = files_fingerprint(source), target.parent / ".state"
        if target.exists() and mark.is_file() and mark.read_text() == wanted:
            return target
        _remove(target)
        _require_room(source, root)
        _copy(source, target)
        mark.write_text(wanted)
    return target


def digest(path: Path) -> str:
    """SHA-256 over the names and contents of all files."""
    found = hashlib.sha256()
    for name, file in _files(path):
        with file.open("rb") as content:
            found.update(f"{name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return found.hexdigest()


def size(path: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for _, file in _files(path))


def _files(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [("", path)]
    return sorted((p.relative_to(path).as_posix(), p) for p in path.rglob("*") if p.is_file())


def _require_room(source: Path, root: Path) -> None:
    needed, free = size(source), shutil.disk_usage(root).free
    if needed > 0.95 * free:
        raise BatchError(
            f"{source.name} needs {needed / 1e6:.0f} MB on the node's own disk, {free / 1e6:.0f} MB of {root} are "
            f"free; clear it, or unset {PLACE} to read the data where they are"
        )


def _copy(source: Path, target: Path) -> None:
    """A few files at a time; each is hashed while it is copied, so that the source is read once."""
    aside = target.with_name(f".{target.name}.copying")
    _remove(aside)
    for folder in [source, *source.rglob("*")]:
        if folder.is_dir():
            (aside / folder.relative_to(source)).mkdir(parents=True)
    files = [file for _, file in _files(source)]
    copies = [aside / file.relative_to(source) if source.is_dir() else aside for file in files]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        whole = all(pool.map(_copied, files, copies))
    if not whole:
        _remove(aside)
        raise BatchError(
            f"the copy of {source} on {target.parent} differs from it; is it being written, or a disk broken?"
        )
    os.replace(aside, target)


def _copied(source: Path, target: Path) -> bool:
    """Copy a file; whether the copy, read back, has the checksum (XXH3, 128 bits) of what was read from the source."""
    read, back = xxh3_128(), xxh3_128()
    with source.open("rb") as file, target.open("wb") as copy:
        for part in _parts(file):
            read.update(part)
            copy.write(part)
    with target.open("rb") as file:
        for part in _parts(file):
            back.update(part)
    shutil.copystat(source, target)
    return read.digest() == back.digest()


def _parts(file: BinaryIO) -> Iterator[memoryview]:
    """The content of a file, piece by piece, each in the place of the one before."""
    place = memoryview(bytearray(PIECE))
    while length := file.readinto(place):  # type: ignore[attr-defined]
        yield place[:length]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
