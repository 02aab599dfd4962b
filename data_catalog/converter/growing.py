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
class Growing:
    """A folder that becomes `output` when it is whole; until then it is `<output>.partial/store`.

    Attributes:
        output: where the result belongs.
        plan: JSON-ready, everything that the result depends on: the same plan continues an unfinished one.
        command: what repeats the run, for messages.
    """

    output: Path
    plan: Mapping[str, Any] = field(default_factory=dict)
    command: str = "the same call"

    @property
    def partial(self) -> Path:
        return self.output.with_name(self.output.name + ".partial")

    @property
    def store(self) -> Path:
        return self.partial / "store"

    @property
    def journal(self) -> Journal:
        return Journal(self.partial / "journal.jsonl")

    def read_plan(self) -> dict[str, Any] | None:
        """The plan of the unfinished result, or None."""
        return read_json(self.partial / "plan.json")

    def note(self, name: str, value: Any) -> None:
        """Keep a JSON-ready value beside the growing result, atomically."""
        draft = self.partial / f"{name}.draft"
        draft.write_text(json.dumps(value))
        os.replace(draft, self.partial / name)

    @contextmanager
    def begun(self, overwrite: bool) -> Iterator[bool]:
        """Whether there is an unfinished result of this plan to go on with; otherwise the folder is new and empty.

        Raises:
            FileExistsError: an unfinished result of another plan, or another process that is writing it.
            PermissionError: a folder that cannot be written.
        """
        before = self.read_plan()
        if before is not None and before != self.plan and not overwrite:
            raise FileExistsError(
                f"an unfinished run continues with the same arguments only, got {self.partial}"
                f"{differences(before, self.plan)}; repeat those, or overwrite=True"
            )
        try:
            self.require_writable()
            self.partial.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.partial / "lock")
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise FileExistsError(
                f"one process at a time writes a result, but another one is writing {self.output}; wait for it"
            ) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise PermissionError(
                f"the output must lie in a folder that can be written, got {self.output} ({error}); choose another"
            ) from error
        try:
            goes_on = before == self.plan
            if not goes_on:
                self.empty()
            yield goes_on
        finally:
            lock.release()

    def require_writable(self) -> None:
        """Refuse a folder without the permission to write, which the administrator would be let into."""
        folder = next(folder for folder in self.output.absolute().parents if folder.exists())
        if not folder.stat().st_mode & 0o222:
            raise PermissionError(f"{folder} is read-only")

    def empty(self) -> None:
        """Remove what another plan has left; the plan goes first."""
        for entry in sorted(self.partial.iterdir(), key=lambda entry: entry.name != "plan.json"):
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def publish(self) -> None:
        """Put the finished result where it belongs."""
        for stray in self.store.rglob("*.partial"):  # what writers that were killed had begun
            stray.unlink()
        if self.output.exists():
            shutil.rmtree(self.output)
        os.replace(self.store, self.output)
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


def differences(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    """` (codec: 'lz4' before, 'zstd' now)`: in what two plans differ."""
    if before is None:
        return ""
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return (
        " (" + "; ".join(f"{key}: {_short(before.get(key))} before, {_short(now.get(key))} now" for key in keys) + ")"
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 80 else text[:76] + " ..."
