"""A result that grows on disk: under another name until it is whole, with a journal of what is finished."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from ..errors import no_room
from .grows import Grows, another_writer


class Journal:
    """Lines of JSON, appended one by one; a line that was cut off by a kill counts as not written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """What is finished, by its key."""
        found: dict[str, Any] = {}
        if not self.path.exists():
            return found
        whole = self.path.read_bytes()
        for line in whole[: whole.rfind(b"\n") + 1].splitlines():
            entry = json.loads(line)
            found[entry["key"]] = entry["value"]
        return found

    def add(self, entries: Mapping[str, Any]) -> None:
        """Note what is finished; it is on the disk when this returns."""
        text = "".join(json.dumps({"key": key, "value": value}) + "\n" for key, value in entries.items())
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
            end = file.seek(0, os.SEEK_END)
            while end and (file.seek(end - 1), file.read(1))[1] != b"\n":  # what a kill has cut off
                end -= 1
            file.seek(end)
            file.truncate()
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, kw_only=True)
class Growing(Grows):
    """A folder that becomes `output` when it is whole; until then it is `<output>.partial/store`.

    Attributes:
        output, plan, command: see `Grows`.
    """

    output: Path
    plan: Mapping[str, Any] = field(default_factory=dict)
    command: str = "the same call"

    @property
    def partial(self) -> Path:
        """See `Grows.partial`."""
        return self.output.with_name(self.output.name + ".partial")

    @property
    def store(self) -> Path:
        """See `Grows.store`."""
        return self.partial / "store"

    @property
    def journal(self) -> Journal:
        """See `Grows.journal`."""
        return Journal(self.partial / "journal.jsonl")

    @property
    def beside(self) -> Path:
        """See `Grows.beside`."""
        return self.output

    @property
    def room(self) -> str:
        """See `Grows.room`."""
        return f"{free_bytes(self.output) / 1e6:.0f} MB free"

    def noted(self, name: str) -> dict[str, Any] | None:
        """See `Grows.noted`."""
        return read_json(self.partial / name)

    def note(self, name: str, value: Any) -> None:
        """See `Grows.note`."""
        draft = self.partial / f"{name}.draft"
        draft.write_text(json.dumps(value))
        os.replace(draft, self.partial / name)

    def found(self) -> dict[str, Any] | None:
        """See `Grows.found`."""
        if not self.output.exists():
            return None
        if not (self.output / "zarr.json").exists():
            raise FileExistsError(f"only a Zarr store is overwritten, got {self.output}; choose another output")
        return (read_json(self.output / "zarr.json") or {}).get("attributes", {})

    def require_room(self, needed: int, cure: str) -> None:
        """See `Grows.require_room`."""
        require_room(needed, self.output, cure)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `Grows.locked`."""
        try:
            self.require_writable()
            self.partial.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.partial / "lock")
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise another_writer(self.output) from error
        except OSError as error:
            if no_room(error):
                raise
            raise PermissionError(
                f"the output must lie in a folder that can be written, got {self.output} ({error}); choose another"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def require_writable(self) -> None:
        """Refuse a folder without the permission to write, which the administrator would be let into."""
        folder = next(folder for folder in self.output.absolute().parents if folder.exists())
        if not folder.stat().st_mode & 0o222:
            raise PermissionError(f"{folder} is read-only")

    def empty(self) -> None:
        """See `Grows.empty`."""
        for entry in sorted(self.partial.iterdir(), key=lambda entry: entry.name != "plan.json"):
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def publish(self) -> None:
        """See `Grows.publish`."""
        for stray in self.store.rglob("*.partial"):  # what writers that were killed had begun
            stray.unlink()
        if self.output.exists():
            shutil.rmtree(self.output)
        os.replace(self.store, self.output)
        shutil.rmtree(self.partial)

    def forget(self) -> None:
        """See `Grows.forget`."""
        if self.partial.exists():
            shutil.rmtree(self.partial)


def free_bytes(path: Path) -> int:
    """Free bytes of the disk on which a path lies or would lie."""
    return shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.exists())).free


def require_room(needed: int, output: Path, cure: str) -> None:
    """Refuse to start what the disk cannot hold.

    Raises:
        OSError: with ENOSPC.
    """
    available = free_bytes(output)
    if needed > available:
        raise OSError(
            errno.ENOSPC,
            f"the disk must hold the result: needed {needed} bytes, available {available} bytes at {output}; {cure}",
        )


def read_json(path: Path) -> dict[str, Any] | None:
    """What a JSON file holds, or None where there is none or a damaged one."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
