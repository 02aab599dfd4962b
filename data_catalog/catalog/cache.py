"""Where fetched data lie, whether the network may be asked, and whether there is room."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pooch

from .entry import Entry
from .sources import Files, Generated, Remote, ZarrStore, expanded_root

CACHE = "HUMBOLDT_DATA"
"""Environment variable with the folder of fetched data; by default `humboldt/data` in the user's cache."""
OFFLINE = ("HUMBOLDT_OFFLINE", "HF_HUB_OFFLINE")


def cache_folder(cache: str | Path | None = None) -> Path:
    """The folder of all fetched data."""
    chosen = cache or os.environ.get(CACHE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("humboldt")) / "data"


def is_offline(offline: bool | None = None) -> bool:
    """Whether the network must not be asked: as said, else by `HUMBOLDT_OFFLINE` or `HF_HUB_OFFLINE`."""
    if offline is not None:
        return offline
    return any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in OFFLINE)


def home(entry: Entry, cache: str | Path | None = None) -> Path:
    """The folder of an entry's data: the root that it names, or its id and version in the cache."""
    root = getattr(entry.source, "root", None)
    return expanded_root(root) if root else cache_folder(cache) / entry.id / entry.version


def located(entry: Entry, cache: str | Path | None = None) -> str | Path:
    """What is opened: an address that is read in place, a Zarr store, the only file, or the folder of several."""
    source, folder = entry.source, home(entry, cache)
    if isinstance(source, Remote):
        return source.url
    if isinstance(source, ZarrStore):
        return folder / source.path
    if isinstance(source, Files) and len(source.files) == 1:
        file = source.files[0]
        return unpacked(folder / file.path) if file.unpack else folder / file.path
    if isinstance(source, Generated):
        made = sorted((folder / "made").glob("*"))
        return made[0] if len(made) == 1 else folder / "made"
    return folder


def unpacked(archive: Path) -> Path:
    """The folder beside an archive that holds its members."""
    name = archive.name
    for suffix in (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip"):
        if name.endswith(suffix):
            return archive.with_name(name.removesuffix(suffix))
    return archive.with_name(name + ".members")


def is_here(entry: Entry, cache: str | Path | None = None) -> bool:
    """Whether all that the entry lists is on this machine (its checksums are another matter: see `verify`)."""
    folder, source = home(entry, cache), entry.source
    if isinstance(source, Files):
        there = [(unpacked(folder / f.path) if f.unpack else folder / f.path).exists() for f in source.files]
        return all(there) if there else folder.is_dir() and any(p.name[0] != "." for p in folder.iterdir())
    if isinstance(source, Generated):
        return (folder / "made").is_dir()
    return isinstance(source, ZarrStore) and (folder / source.path).is_dir()


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk on which a folder lies or would lie."""
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def require_space(needed: int, folder: Path, name: str) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        OSError: with ENOSPC.
    """
    available = free_bytes(folder)
    if needed > available:
        raise OSError(
            errno.ENOSPC,
            f"the disk must hold the data: {name} needs {needed} bytes, available {available} bytes at {folder}; "
            f"free space, or set {CACHE} to a folder on another disk",
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an entry's folder: other processes wait for their turn; a killed one lets it go.

    Raises:
        PermissionError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise PermissionError(
            f"fetched data need a folder that can be written, got {folder} ({error}); set {CACHE} to another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()
