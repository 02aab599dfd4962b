"""The newest checkpoint of a run under one name: whoever opens it finds the old or the new one, never half of one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def scratch(path: Path, step: int) -> Path:
    """Where the checkpoint of a step is written before `put` makes it the newest; nothing is there yet.

    What a killed process left half written is removed.
    """
    newest = path.resolve()
    for old in path.parent.glob(f"{path.name}.step*"):
        if old != newest:
            remove(old)
    return path.with_name(f"{path.name}.step{step}")


def put(made: Path, path: Path) -> None:
    """Make what was written the newest: a file takes the place, to a folder the name becomes a link."""
    for file in [made] if made.is_file() else made.iterdir():
        with open(file, "rb") as content:
            os.fsync(content.fileno())
    if made.is_file():
        os.replace(made, path)
        return
    before = path.resolve()
    link = path.with_name(f".{path.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(made.name)
    os.replace(link, path)
    if before not in (made.resolve(), path):
        remove(before)


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
