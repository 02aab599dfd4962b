"""Bytes of local files: read into given memory, from any thread, with a check that a file is what it was before."""

from __future__ import annotations

import mmap
import os
import threading
from collections import OrderedDict
from contextlib import suppress

import numpy as np

from .buffers import read_into, scratch

ACCESS = ("mmap", "pread")
Stamp = tuple[int, int, int]
OPEN_FILES = 64
STAMPS = 2**20


class FileChangedError(OSError):
    """A file that is not what it was when it was first read."""


class Handle:
    """A file open for reading, closed when nobody holds it any more."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def read_into(self, start: int, out: np.ndarray) -> int:
        """Fill contiguous memory from a place on; how many bytes there were."""
        return read_into(self.number, start, out)

    def read(self, start: int, size: int) -> np.ndarray:
        """Bytes from a place on, as many as there are, in memory that this thread uses again."""
        out = scratch("encoded", size)[:size]
        return out[: self.read_into(start, out)]

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


class MappedHandle(Handle):
    """A file mapped into memory: what is compressed is decoded from there, with no copy between."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        empty = os.fstat(self.number).st_size == 0  # which cannot be mapped
        self.bytes = np.frombuffer(b"" if empty else mmap.mmap(self.number, 0, access=mmap.ACCESS_READ), np.uint8)

    def read_into(self, start: int, out: np.ndarray) -> int:
        """See `Handle.read_into`."""
        found = self.read(start, out.nbytes)
        out.reshape(-1).view(np.uint8)[: len(found)] = found
        return len(found)

    def read(self, start: int, size: int) -> np.ndarray:
        """Bytes from a place on, as many as there are, where they lie; not to be written to."""
        if start < 0:
            raise ValueError(f"it begins at byte {start} of its file")
        return self.bytes[start : start + size]


def opened(path: str, access: str) -> Handle:
    """A file, mapped where that is wanted and its file system allows it."""
    if access == "mmap":
        with suppress(OSError):
            return MappedHandle(path)
    return Handle(path)


class LocalFiles:
    """Files under a folder; the large ones stay open. A file must stay as it was at first sight.

    An open file that is dropped is closed when no thread uses it any more, so that none reads another under its number.

    Args:
        folder: of the files, or a single file.
        access: of the large ones, `mmap` or `pread`. Mapped memory costs a tenth to a third less time. But a disk that
            fails, or another process that cuts a file short, in the very moment in which mapped bytes are read ends the
            process; with `pread` it is an error.

    Raises:
        ValueError: another access.
    """

    def __init__(self, folder: str, access: str = "mmap") -> None:
        if access not in ACCESS:
            raise ValueError(f"files are read with access 'mmap' or 'pread', got {access!r}; choose one of them")
        self.folder, self.access = folder, access
        self.stamps: dict[str, Stamp] = {}
        self.open: OrderedDict[str, Handle] = OrderedDict()
        self.lock = threading.Lock()

    def read_all(self, name: str, most: int) -> np.ndarray | None:
        """The bytes of a small file, in memory that this thread uses again; None where there is no file.

        Raises:
            ValueError: there are more bytes than `most`.
        """
        file = self._open(name)
        if file is None:
            return None
        try:
            size = self._stamped(name, os.fstat(file))
            if size > most:
                raise ValueError(f"it takes {size} bytes, more than {most}")
            out = scratch("encoded", size)[:size]
            return out[: read_into(file, 0, out)]
        finally:
            os.close(file)

    def read_part(self, name: str, start: int, out: np.ndarray) -> int | None:
        """Fill bytes from a place in a small file on; how many there were, None where there is no file."""
        file = self._open(name)
        if file is None:
            return None
        try:
            size = self._stamped(name, os.fstat(file))
            return read_into(file, start, out) if start < size else 0
        finally:
            os.close(file)

    def _open(self, name: str) -> int | None:
        try:
            return os.open(f"{self.folder}/{name}", os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            if name in self.stamps:
                raise FileChangedError(name) from None
            return None

    def handle(self, name: str) -> Handle | None:
        """A large file, open; None where there is none.

        Raises:
            FileChangedError: it was written, replaced or removed since it was first read.
        """
        path = f"{self.folder}/{name}" if name else self.folder
        try:
            now = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if name in self.stamps:
                raise FileChangedError(name) from None
            return None
        self._stamped(name, now)
        file = self.open.get(name)
        if file is None:
            file = opened(path, self.access)
            with self.lock:
                self.open[name] = file
                while len(self.open) > OPEN_FILES:
                    self.open.popitem(last=False)
        return file

    def size(self, name: str) -> int:
        """Bytes of a file that was opened."""
        return self.stamps[name][1]

    def _stamped(self, name: str, now: os.stat_result) -> int:
        stamp = now.st_ino, now.st_size, now.st_mtime_ns
        if self.stamps.setdefault(name, stamp) != stamp:
            raise FileChangedError(name)
        if len(self.stamps) > STAMPS:  # of more files than this, some are not watched
            self.stamps.clear()
        return now[6]
