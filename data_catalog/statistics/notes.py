"""How far a pass has come, noted in a file, so that an interrupted one goes on."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .summaries import Summary

log = logging.getLogger(__name__)


def notes_beside(result: Path | None) -> bool:
    """Whether notes of any pass lie beside a result."""
    return result is not None and any(result.parent.glob(f".{result.name}.*"))


@dataclass(frozen=True)
class Notes:
    """How far a pass has come, in a file beside the result; nothing is kept where there is no place for one."""

    beside: Path | None
    key: str

    def file(self, name: str) -> Path | None:
        digest = hashlib.sha256(f"{self.key} {name}".encode()).hexdigest()[:16]
        return self.beside and self.beside.with_name(f".{self.beside.name}.{digest}.npz")

    def keep(self, name: str, blocks: int, summary: Summary) -> None:
        """Note the summary of the first blocks, atomically."""
        path = self.file(name)
        if path is None:
            return
        draft = path.with_suffix(f".{os.getpid()}.draft")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "wb") as file:
                arrays: dict[str, Any] = {**summary.arrays(), "blocks": np.asarray(blocks)}
                np.savez(file, **arrays)
            os.replace(draft, path)
        except OSError as error:  # it can be computed again
            log.info("how far the statistics have come could not be kept in %s (%s)", path, error)
            draft.unlink(missing_ok=True)

    def restore(self, name: str, summary: Summary) -> int:
        """Fill a summary with what was noted; the number of blocks in it."""
        path = self.file(name)
        try:
            if path is None or not path.exists():
                return 0
            with np.load(path, allow_pickle=False) as arrays:
                summary.restore(arrays)
                return int(arrays["blocks"])
        except (OSError, ValueError, KeyError):
            return 0

    def forget(self, names: Iterable[str]) -> None:
        """Remove the notes of this very pass, which a kill after its result has left; those of others stay."""
        if self.beside is None or not self.beside.parent.is_dir():
            return
        own = {path.stem for name in names if (path := self.file(name)) is not None}
        for path in self.beside.parent.glob(f".{self.beside.name}.*"):
            if any(path.name.startswith(f"{stem}.") for stem in own):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the notes, and the drafts of passes that were killed."""
        if self.beside is not None and self.beside.parent.is_dir():
            for path in self.beside.parent.glob(f".{self.beside.name}.*"):
                if path.suffix in (".npz", ".draft"):
                    path.unlink(missing_ok=True)
