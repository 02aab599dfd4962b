"""A store that grows behind a URL, where nothing can be renamed at once: it says itself that it is not finished."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock

from ..errors import DataError
from ..reader.ranges import file_system
from ..store import UNFINISHED
from .growing import Growing
from .grows import Grows, another_writer


class RemoteJournal:
    """What is finished, a file of JSON for each time that something was: what is behind a URL cannot be appended to."""

    def __init__(self, files: Any, folder: str) -> None:
        self.files, self.folder = files, folder

    def read(self) -> dict[str, Any]:
        """What is finished, by its key."""
        found: dict[str, Any] = {}
        for name in self._names():
            found |= json.loads(self.files.cat_file(name))
        return found

    def add(self, entries: Mapping[str, Any]) -> None:
        """Note what is finished; it is there when this returns."""
        name = hashlib.sha256(json.dumps(sorted(entries)).encode()).hexdigest()[:16]
        self.files.pipe_file(f"{self.folder}/{name}.json", json.dumps(dict(entries)).encode())

    def _names(self) -> list[str]:
        try:
            return list(self.files.ls(self.folder, detail=False))
        except FileNotFoundError:
            return []


@dataclass(frozen=True, kw_only=True)
class GrowingRemote(Grows):
    """A store at a URL, written in its place; until it is whole its attributes say that it is not.

    Beside it, under `<output>.partial`, lie its plan and journal. Two processes of one machine do not write it at the
    same time; of other machines nothing is known.

    Attributes:
        output: a URL as fsspec or obstore understand it.
        plan, command: see `Grows`.
    """

    output: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    command: str = "the same call"

    @cached_property
    def place(self) -> tuple[Any, str]:
        """The file system, and the path in it."""
        return file_system(self.output)

    @property
    def store(self) -> str:
        """The URL of the store, which grows where it will be."""
        return self.output

    @property
    def partial(self) -> str:
        """The URL under which plan and journal lie."""
        return f"{self.output}.partial"

    @property
    def journal(self) -> RemoteJournal:
        """See `Grows.journal`."""
        files, root = self.place
        return RemoteJournal(files, f"{root}.partial/journal")

    @property
    def beside(self) -> Path:
        """See `Grows.beside`: in the folder for temporary files."""
        digest = hashlib.sha256(self.output.encode()).hexdigest()[:8]
        return Path(tempfile.gettempdir(), f"{self.output.rsplit('/', 1)[-1]}-{digest}")

    def noted(self, name: str) -> dict[str, Any] | None:
        """See `Grows.noted`."""
        return self._json(f"{self.place[1]}.partial/{name}")

    def note(self, name: str, value: Any) -> None:
        """See `Grows.note`."""
        files, root = self.place
        files.pipe_file(f"{root}.partial/{name}", json.dumps(value).encode())

    def found(self) -> dict[str, Any] | None:
        """See `Grows.found`."""
        _, root = self.place
        metadata = self._json(f"{root}/zarr.json")
        if metadata is not None:
            attributes: dict[str, Any] = metadata.get("attributes", {})
            return None if attributes.get(UNFINISHED) else attributes
        if self.read_plan() is None and self._holds(root):
            raise FileExistsError(f"only a Zarr store is overwritten, got {self.output}; choose another output")
        return None

    def require_room(self, needed: int, cure: str) -> None:
        """What is behind a URL does not say how much more it takes."""

    @property
    def room(self) -> str:
        """See `Grows.room`."""
        return "behind a URL"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `Grows.locked`."""
        lock = filelock.FileLock(f"{self.beside}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise another_writer(self.output) from error
        try:
            yield
        except object_faults() as error:
            raise OSError(
                f"what is written is taken, but {self.output} refuses it ({str(error).splitlines()[0]}); "
                f"what is finished is kept: repeat {self.command}"
            ) from error
        finally:
            lock.release()

    def empty(self) -> None:
        """See `Grows.empty`; the store itself is emptied when it is laid out."""
        files, root = self.place
        with suppress(FileNotFoundError):
            files.rm_file(f"{root}.partial/plan.json")
        self.forget()

    def publish(self) -> None:
        """The store has been whole since its attributes said so; forget how it became so."""
        self.forget()

    def forget(self) -> None:
        """See `Grows.forget`."""
        files, root = self.place
        if self._holds(f"{root}.partial"):
            files.rm(f"{root}.partial", recursive=True)

    def _holds(self, folder: str) -> bool:
        """Whether anything lies under a path."""
        files, _ = self.place
        files.invalidate_cache()
        try:
            return bool(files.ls(folder, detail=False))
        except FileNotFoundError:
            return False

    def _json(self, path: str) -> dict[str, Any] | None:
        """What a JSON file holds, or None where there is none."""
        try:
            found = json.loads(self.place[0].cat_file(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DataError(f"what lies beside a store is JSON, got {path}, which is not; remove it") from error
        return found if isinstance(found, dict) else None


def object_faults() -> tuple[type[BaseException], ...]:
    """What obstore raises, which is no OSError."""
    try:
        from obstore.exceptions import BaseError
    except ImportError:
        return ()
    return (BaseError,)


def growing_at(output: str | Path, plan: Mapping[str, Any]) -> Grows:
    """What grows at an output: a path, or a URL."""
    text = str(output)
    if "://" in text and not text.startswith("file://"):
        return GrowingRemote(output=text.rstrip("/"), plan=plan)
    return Growing(output=Path(text.removeprefix("file://")), plan=plan)
