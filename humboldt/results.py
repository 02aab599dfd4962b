"""Result records: one number, and all that is needed to say where it came from; as JSON lines."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from humboldt.foundations import ConfigError, SampleScores, from_dict, to_dict

from ._version import __version__

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One number of one protocol, with its provenance. What is not known is None, and `humboldt leaderboard` says so.

    Attributes:
        protocol: how it was measured: `comparison`, `robustness`, `few-shot`, `frozen`, ...
        model, method: what was scored: where it started, and how it was adapted (`none`: not at all).
        control: whether it started from random weights.
        data: name of the data.
        metric, unit, value: what was measured; `1` is the unit of a ratio.
        better: whether `lower` or `higher` values are.
        model_sha256: of the weights that were scored.
        data_version: fingerprint of the whole data.
        split_sha256: of the fingerprints of their parts.
        code_commit: of this package, or its version where it was installed.
        seed, date, hardware, contact, link: of the run; the date is UTC in ISO 8601.
        samples, steps, cpu_seconds: what adapting was allowed, and what it took.
        settings: everything else that was chosen, JSON-ready.
        scores: the continuous score of every sample behind the value, where the science has one; two records of the
            same data are compared by them (`humboldt.pairing.paired`).
    """

    protocol: str
    model: str
    method: str
    data: str
    metric: str
    value: float
    unit: str | None = None
    better: Literal["lower", "higher"] = "lower"
    control: bool = False
    model_sha256: str | None = None
    data_version: str | None = None
    split_sha256: str | None = None
    code_commit: str | None = None
    seed: int | None = None
    date: str | None = None
    hardware: str | None = None
    contact: str | None = None
    link: str | None = None
    samples: int | None = None
    steps: int | None = None
    cpu_seconds: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    scores: SampleScores | None = None

    @property
    def key(self) -> str:
        """Twelve digits of the hash of the whole record."""
        said = to_dict(self)
        if self.scores is None:
            said.pop("scores")  # records from before there were any keep their keys
        return digest(said)[:12]


def provenance(model: Any, data: Any, *, seed: int, contact: str | None = None) -> dict[str, Any]:
    """What a `Result` says of where it came from: hashes, commit, date, hardware.

    Args:
        model: the one that was scored.
        data: the whole dataset, whose parts are hashed.
        seed: of the run.
    """
    from humboldt.finetune import weights_hash

    return {
        "model_sha256": weights_hash(model),
        "data_version": fingerprint(data),
        "split_sha256": split_hash(data),
        "code_commit": code_commit(),
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "contact": contact or os.environ.get("HUMBOLDT_CONTACT"),
    }


def fingerprint(data: Any) -> str:
    """The fingerprint that a dataset gives itself, else the hash of what it says of itself."""
    own = getattr(data, "fingerprint", None)
    if isinstance(own, str):
        return own
    said = dict(data.describe())
    return str(said.get("fingerprint") or digest(said)[:16])


def split_hash(data: Any) -> str | None:
    """SHA-256 of the fingerprints of the parts; None where there are no parts."""
    found = {}
    for part in PARTS:
        try:
            found[part] = fingerprint(data.split(part))
        except (ValueError, KeyError):
            continue
    return digest(found) if found else None


@cache
def code_commit() -> str:
    """Commit of the checkout that this package runs from (`+` where files were changed), else its version."""
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        changed = git("status", "--porcelain", "--untracked-files=no", "--", f"{folder.parent}")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return f"humboldt {__version__}"


@cache
def hardware() -> str:
    """Processor, cores and accelerator."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    accelerator = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{accelerator}"


def digest(value: Any) -> str:
    """SHA-256 of a JSON-ready value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def write_results(path: str | Path, results: Iterable[Result]) -> Path:
    """Write records, one a line; the file is put in place whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.writing")
    aside.write_text("".join(json.dumps(to_dict(result)) + "\n" for result in results))
    os.replace(aside, path)
    return path


def read_results(*paths: str | Path) -> list[Result]:
    """The records of files, in order.

    Raises:
        ConfigError: a line that is no record; names the file and the line.
        FileNotFoundError: there is no such file.
    """
    found = []
    for path in paths:
        for number, line in enumerate(Path(path).read_text().splitlines(), 1):
            if line.strip():
                found.append(_read(line, f"{path}, line {number}"))
    return found


def _read(line: str, where: str) -> Result:
    try:
        said = json.loads(line)
        if not isinstance(said, Mapping):
            raise ConfigError(f"a record is an object, got {type(said).__name__}")
        return from_dict(Result, dict(said))
    except (json.JSONDecodeError, ConfigError) as error:
        raise ConfigError(f"{where} is no result record ({error}); each line is what write_results wrote") from error
