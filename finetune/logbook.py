"""The run folder: everything that is needed to repeat a run, and what came of it.

recipe.yaml         method, recipe and what the caller adds (model, data, task, samples)
data.json           what the data are, with their fingerprints, and the content hash of the model at the start
environment.json    versions of Python and packages, processor, threads
log.csv             step, samples, seconds, learning rate, loss, validation loss
checkpoints/        last.ckpt, from which a killed run goes on
config.json, model.safetensors     the tuned model, written at the end
adapter.json, adapter.safetensors  what was changed, for its base alone, where the method left anything as it was
scores.json         written by an evaluation, with fields and pictures beside it; gone when another run begins anew
"""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import yaml

from humboldt.foundations import Model, to_dict

COLUMNS = ("step", "seconds", "rate", "loss", "validation")
PACKAGES = ("humboldt", "torch", "lightning", "peft", "numpy", "xarray", "zarr")
HARMLESS = ("workers", "save_every", "log_every")  # may change while a run goes on: its weights do not depend on them
SCORED = (
    "scores.json",
    "scores.nc",
    "samples.nc",
    "spectra.nc",
    "errors.png",
    "scorecard.png",
    "spectra.png",
    "maps_*.png",
)
"""What an evaluation of the model of a run leaves in its folder: it is not of the next one."""
SLACK = 64 * 2**20  # bytes that are left free beside what a run writes


class RunFolderError(ValueError):
    """A folder that a run cannot use; the message states rule, value and cure."""


class Logbook:
    """One run folder.

    Args:
        folder: made if missing.
        recipe: what was asked for, as `recipe.yaml` keeps it.
        data: what it was asked of, as `data.json` keeps it.
        overwrite: begin anew in a folder that holds another run.
        writes: whether this process is the one of its run that writes.
        needed: bytes that the run will write, for which there is room before anything is written.

    Raises:
        RunFolderError: the folder cannot be written, or holds another run (the difference is named).
    """

    def __init__(
        self,
        folder: str | Path,
        recipe: Mapping[str, Any],
        data: Mapping[str, Any],
        *,
        overwrite: bool = False,
        writes: bool = True,
        needed: int = 0,
    ) -> None:
        self.folder = Path(folder)
        self.recipe, self.data, self.writes = _plain(recipe), _plain(data), writes
        if not writes:
            return
        require_writable(self.folder)
        if overwrite:
            require_space(self.folder, needed - sum(path.stat().st_size for path in self._held()))
            self._clear()
        self._refuse_another_run()
        if not self.finished:
            require_space(self.folder, needed)
        self.checkpoint.parent.mkdir(exist_ok=True)
        _write(self.folder / "recipe.yaml", yaml.safe_dump(self.recipe, sort_keys=False))
        _write(self.folder / "data.json", json.dumps(self.data, indent=1) + "\n")
        _write(self.folder / "environment.json", json.dumps(environment(), indent=1) + "\n")

    @property
    def checkpoint(self) -> Path:
        """Where a killed run goes on from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def finished(self) -> bool:
        """Whether the tuned model is there."""
        return (self.folder / "config.json").is_file()

    def rewind(self, step: int) -> None:
        """Forget rows after `step`, which will be written again."""
        if not self.writes:
            return
        path = self.folder / "log.csv"
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.is_file() else []
        text = "".join(_line([row[c] for c in COLUMNS]) for row in rows if int(row["step"]) <= step)
        _write(path, _line(COLUMNS) + text)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; columns that it lacks stay empty."""
        if not self.writes:
            return
        with _room(self.folder / "log.csv"), (self.folder / "log.csv").open("a") as file:
            file.write(_line([row.get(c, "") for c in COLUMNS]))

    def _held(self) -> Iterator[Path]:
        """The files of the run that the folder holds."""
        names = ("recipe.yaml", "data.json", "environment.json", "log.csv", "config.json", "model.safetensors",
                 "adapter.json", "adapter.safetensors")  # fmt: skip
        yield from (self.folder / name for name in names if (self.folder / name).is_file())
        yield from (path for path in (self.folder / "checkpoints").rglob("*") if path.is_file())

    def _clear(self) -> None:
        scored = (path for pattern in SCORED for path in self.folder.glob(pattern) if path.is_file())
        for path in [*self._held(), *scored]:
            path.unlink()
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)

    def _refuse_another_run(self) -> None:
        if self.checkpoint.exists() and not (self.folder / "recipe.yaml").is_file():
            raise RunFolderError(
                f"a run goes on from its own checkpoint, but {self.checkpoint} lies there without the recipe.yaml that "
                "says whose it is; choose another folder, or overwrite it (--overwrite)"
            )
        for name, ours, read in (("recipe.yaml", self.recipe, yaml.safe_load), ("data.json", self.data, json.loads)):
            path = self.folder / name
            if path.is_file() and (found := differences(_told(read(path.read_text())), _told(ours))):
                raise RunFolderError(
                    f"a run folder belongs to one run, but {path} differs from what is asked: {'; '.join(found[:5])}; "
                    "choose another folder, or overwrite it (--overwrite)"
                )


def origin(recipe: Mapping[str, Any], data: Mapping[str, Any], model: Model) -> str:
    """What a checkpoint says of the run that wrote it: recipe, data and configuration of the model, as JSON."""
    said = {"recipe": recipe, "data": data, "model": to_dict(model.config)}
    return json.dumps(_told(_plain(said)), sort_keys=True)


def require_own(checkpoint: Mapping[str, Any], ours: str) -> None:
    """Refuse a checkpoint that another run wrote (those of before they said whose they are pass).

    Raises:
        RunFolderError: names what differs.
    """
    said = checkpoint.get("run", ours)
    if said != ours and (found := differences(json.loads(said), json.loads(ours))):
        raise RunFolderError(
            f"a run goes on from its own checkpoint, but the one in this folder is of another: {'; '.join(found[:5])}; "
            "choose another folder, or overwrite it (--overwrite)"
        )


def require_writable(folder: Path) -> None:
    """Make the folder and try a file in it.

    Raises:
        RunFolderError: neither is possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunFolderError(
            f"a run writes its folder, but {folder} cannot be written ({error.strerror}); choose another --output"
        ) from error


def require_space(folder: Path, needed: int) -> None:
    """Check the disk before anything is written; a folder that holds nothing yet is removed where there is no room.

    Raises:
        RunFolderError: fewer than `needed` bytes (and some slack) are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + SLACK:
        with suppress(OSError):
            folder.rmdir()
        raise RunFolderError(
            f"the run needs {(needed + SLACK) / 1e6:.0f} MB in {folder}, of which {free / 1e6:.0f} MB are free; "
            "make room or choose another --output"
        )


def environment() -> dict[str, Any]:
    """Versions and the machine's kind, JSON-ready."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "packages": versions,
        "system": platform.system(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def weights_hash(model: Model) -> str:
    """SHA-256 over names and values of all tensors of a model."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two nested records differ, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(k for k in new if k not in old)]
        return [line for k in keys for line in differences(old.get(k), new.get(k), f"{path}.{k}" if path else str(k))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for at, pair in pairs for line in differences(*pair, f"{path}.{at}")]
    return [] if old == new else [f"{path} was {old!r}, now {new!r}"]


def _told(record: Any) -> Any:
    """A record without what does not tell runs apart: what is harmless, and where data lay (their fingerprint says what
    they are, and a copy elsewhere is the same data)."""
    if isinstance(record, dict):
        left = {*HARMLESS, *(("source",) if "fingerprint" in record else ())}
        return {k: _told(v) for k, v in record.items() if k not in left}
    return [_told(v) for v in record] if isinstance(record, list) else record


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(record, default=str))


def _line(values: Any) -> str:
    return ",".join(f"{v:.8g}" if isinstance(v, float) else str(v) for v in values) + "\n"


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.writing")
    try:
        with _room(path):
            scratch.write_text(text)
            os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _room(path: Path) -> Iterator[None]:
    """What is written to a file is refused with a cure where there is no room, or no place, for it.

    Raises:
        RunFolderError: says what the disk said.
    """
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"a run writes {path.name} into a folder with room for it, but {path.parent} refused ({error.strerror}); "
            "what was saved before is unchanged: free some space, or lift the limit on the size of files (ulimit -f), "
            "and the same command goes on from there"
        ) from error
