"""Statistics of the channels of samples, and where statistics are kept: beside the data."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..reader.samples import SampleReader
from .moments import Moments

log = logging.getLogger(__name__)
_this_session: dict[str, dict[str, Any]] = {}


def channel_statistics(reader: SampleReader, samples: Sequence[int]) -> dict[str, dict[str, float]]:
    """Mean, deviation, extremes and number of missing values of each channel over whole samples, one block of them at a
    time; a channel that does not vary has the deviation 1."""
    moments = Moments(len(reader.columns))
    for _, block in reader.blocks(samples):
        for sample in block:
            moments.update(sample)
    deviation = np.sqrt(moments.variance)
    deviation = np.where(deviation > 1e-7 * np.abs(moments.mean), deviation, 1.0)
    values = {"mean": moments.mean, "std": deviation, "min": moments.minimum, "max": moments.maximum}
    counts = {"count": moments.count, "missing": moments.missing}
    return {
        column.name: {k: float(v[i]) for k, v in values.items()} | {k: int(v[i]) for k, v in counts.items()}
        for i, column in enumerate(reader.columns)
    }


def statistics_file(source: Any) -> Path | None:
    """`data.statistics.json` beside `data.nc` where that can be written, else in the user's cache; None in memory."""
    if not isinstance(source, str | os.PathLike) or "://" in str(source):
        return None
    path = Path(source).resolve()
    beside = path.with_name(path.stem + ".statistics.json")
    if path.parent.stat().st_mode & 0o222 and os.access(path.parent, os.W_OK):
        return beside
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "humboldt" / "statistics" / beside.name


def read_statistics(source: Any, key: str) -> dict[str, Any] | None:
    """What was kept for this source under this fingerprint, or None."""
    here = _this_session.get(_name(source), {})
    if key in here:
        return here[key]
    path = statistics_file(source)
    try:
        return json.loads(path.read_text())[key] if path else None
    except (OSError, ValueError, KeyError):
        return None


def write_statistics(source: Any, key: str, value: dict[str, Any]) -> Path | None:
    """Keep a record for this source, atomically; where nothing can be written it is kept in memory, and logged."""
    name, path = _name(source), statistics_file(source)
    if name not in _this_session and not isinstance(source, str | os.PathLike | Sequence):
        weakref.finalize(source, _this_session.pop, name, None)
    _this_session.setdefault(name, {})[key] = value
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            partial = Path(folder, path.name)
            partial.write_text(json.dumps({**known, key: value}, indent=1))
            os.replace(partial, path)
    except (OSError, ValueError) as error:
        log.info("the statistics could not be kept in %s (%s): they are kept in memory", path, error)
        return None
    return path


def _name(source: Any) -> str:
    """Tells sources apart in this process: by their paths, or as the object that they are."""
    return str(source) if isinstance(source, str | os.PathLike | Sequence) else f"object {id(source)}"
