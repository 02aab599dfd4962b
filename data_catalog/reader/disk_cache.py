"""Bytes of a remote store on a local disk: bounded, and whole or not there, for any number of processes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np

CHECK = 8
PLACE = "HUMBOLDT_READ_CACHE"
"""Environment variable with the folder in which readers of remote data keep what they fetched; none by default."""


class DiskCache:
    """A folder of byte ranges by name. Those not used for longest make room; a file that is not whole is not used.

    Args:
        folder: which may be shared by processes and runs.
        most_bytes: of all files in it, kept to when something is added.
    """

    def __init__(self, folder: str | Path, most_bytes: int = 10**10) -> None:
        self.folder, self.most_bytes = Path(folder), most_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self.size = self._measure()

    def get(self, key: str) -> np.ndarray | None:
        """The bytes that were kept under a name; None if there are none, or if they were damaged."""
        path = self._path(key)
        try:
            raw = np.frombuffer(path.read_bytes(), np.uint8)
            os.utime(path)
        except OSError:
            return None
        if len(raw) < CHECK or digest(raw[CHECK:]) != raw[:CHECK].tobytes():
            path.unlink(missing_ok=True)
            return None
        return raw[CHECK:]

    def put(self, key: str, values: bytes | np.ndarray) -> None:
        """Keep bytes under a name, if the disk takes them."""
        raw = bytes(values)
        if len(raw) + CHECK > self.most_bytes:
            return
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="writing-", delete=False) as file:
                partial = file.name
                file.write(digest(raw) + raw)
            os.replace(partial, self._path(key))
        except OSError:
            Path(partial).unlink(missing_ok=True)
            return
        self.size += len(raw) + CHECK
        if self.size > self.most_bytes:
            self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()[:32]

    def _files(self) -> list[tuple[float, int, str]]:
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    now = entry.stat()
                except FileNotFoundError:
                    continue  # another process made room
                found.append((now.st_mtime, now.st_size, entry.path))
        return sorted(found)

    def _measure(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _make_room(self) -> None:
        files = self._files()
        self.size = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self.size <= 0.9 * self.most_bytes:
                return
            Path(path).unlink(missing_ok=True)
            self.size -= size


def usual_cache() -> DiskCache | None:
    """The cache in the folder that the environment names, if it does."""
    folder = os.environ.get(PLACE)
    return DiskCache(Path(folder).expanduser()) if folder else None


def digest(raw: bytes | np.ndarray) -> bytes:
    """A short checksum."""
    return hashlib.blake2b(raw if isinstance(raw, bytes) else raw.data, digest_size=CHECK).digest()
