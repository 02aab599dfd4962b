"""Statistics of the channels of samples; where statistics are kept: beside the data, as long as these stay the same."""

from __future__ import annotations

import glob
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


def written(source: Any) -> dict[str, int] | None:
    """Files, bytes and last change (ns) of what lies at a path or fits a pattern; None in memory or at an address."""
    if not isinstance(source, str | os.PathLike) or "://" in str(source):
        return None
    roots = [str(source)] if os.path.exists(source) else sorted(glob.glob(str(source)))
    inside = [os.path.join(at, name) for root in roots for at, _, names in os.walk(root) for name in names]
    found = [os.stat(path) for path in inside + [root for root in roots if os.path.isfile(root)]]
    changed = max((file.st_mtime_ns for file in found), default=0)
    return {"files": len(found), "bytes": sum(file.st_size for file in found), "changed": changed}


def read_statistics(source: Any, key: str) -> dict[str, Any] | None:
    """What was kept for this source under this fingerprint since it was last changed, or None."""
    here = _this_session.get(_name(source), {})
    return here[key] if key in here else _kept(source).get(key)


def write_statistics(source: Any, key: str, value: dict[str, Any]) -> Path | None:
    """Keep a record for this source, atomically; where nothing can be written it is kept in memory, and logged.

    Records from before the last change of the source are dropped.
    """
    name, path = _name(source), statistics_file(source)
    if name not in _this_session and not isinstance(source, str | os.PathLike | Sequence):
        weakref.finalize(source, _this_session.pop, name, None)
    _this_session.setdefault(name, {})[key] = value
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {"source": written(source), "statistics": {**_kept(source), key: value}}
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            partial = Path(folder, path.name)
            partial.write_text(json.dumps(known, indent=1))
            os.replace(partial, path)
    except OSError as error:
        log.info("the statistics could not be kept in %s (%s): they are kept in memory", path, error)
        return None
    return path


def _kept(source: Any) -> dict[str, Any]:
    """Fingerprints and records in the file beside the source; none where it was written of other bytes."""
    path = statistics_file(source)
    try:
        known = json.loads(path.read_text()) if path else {}
        return known["statistics"] if known.get("source") == written(source) else {}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def _name(source: Any) -> str:
    """Tells sources apart in this process: by their paths and last changes, or as the object that they are."""
    if isinstance(source, str | os.PathLike | Sequence):
        return f"{source} {written(source)}"
    return f"object {id(source)}"
