"""What is said of a dataset of trajectories: statistics of its channels, fingerprints, a description."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from humboldt.data_catalog import channel_statistics, read_statistics, write_statistics

from .config import Channel

if TYPE_CHECKING:
    from .trajectories import TrajectoryDataset


def training_statistics(data: TrajectoryDataset) -> tuple[str, dict[str, Any]]:
    """Fingerprint of what the statistics are of, and those of each channel: of the training trajectories here, or, in a
    part without any, of the file's training part."""
    train = set(data.parts.train)
    samples = [s for s in data.samples if s in train] or list(data.parts.train)
    key = digest([content(data), samples])
    record = read_statistics(data.source, key)
    if record is None:
        record = channel_statistics(data.reader, samples)
        write_statistics(data.source, key, record)
    return key, record


def with_shared_deviation(
    found: Mapping[str, tuple[float, float]], channels: Sequence[Channel]
) -> dict[str, tuple[float, float]]:
    """Means and deviations in which the channels of a group have the same deviation."""
    groups: dict[str, list[float]] = {}
    for channel in channels:
        groups.setdefault(channel.error_group, []).append(found[channel.name][1] ** 2)
    return {c.name: (found[c.name][0], float(np.mean(groups[c.error_group]) ** 0.5)) for c in channels}


def content(data: TrajectoryDataset) -> str:
    """Hash of what the file holds (sampled), whatever is taken of it."""
    about = [dataclasses.asdict(channel) for channel in data.layout.channels]
    return digest([about, data.times.tolist(), data.time_units, data.reader.fingerprint()])


def fingerprint(data: TrajectoryDataset) -> str:
    """Hash of what a dataset gives: content (sampled), trajectories, pairs, channels and which axes are periodic."""
    names = [[c.name for c in data.channels], [c.name for c in data.outputs]]
    closed = [list(data.periodic)] if any(data.periodic) else []
    shown = [] if data.view is None else [repr(data.view)]
    ahead = [] if data.ahead is None else [data.ahead.tolist()]
    return digest([content(data), list(data.samples), data.pairs.tolist(), names, *shown, *ahead, *closed])


def description(data: TrajectoryDataset) -> dict[str, Any]:
    """JSON-ready: channels with units, sizes, splits, pairs, fingerprint; of a training part also its statistics, which
    a checkpoint keeps with the fingerprint of what they are of."""
    statistics = {}
    if data.part == "train":
        key, record = training_statistics(data)
        statistics = {"statistics": {"fingerprint": key, "channels": record}}
    return {
        **statistics,
        "source": str(data.source) if isinstance(data.source, str | os.PathLike) else "xarray object",
        "variables": [c.name for c in data.layout.channels],
        "channels": [dataclasses.asdict(c) for c in data.channels],
        "outputs": [dataclasses.asdict(c) for c in data.outputs],
        "part": data.part,
        "trajectories": data.trajectories,
        "frames": data.frame_count,
        "times": data.times.tolist(),
        "time_units": data.time_units,
        "space": list(data.space),
        "grid": list(data.grid),
        "periodic": list(data.periodic),
        "pairs": len(data),
        "augmented": data.augmented,
        **({} if data.view is None else {"view": repr(data.view)}),
        **({} if data.ahead is None else {"unlabelled": sorted(set(data.ahead.tolist()))}),
        "split": {name: len(getattr(data.parts, name)) for name in ("train", "validation", "test")},
        "bytes": data.trajectories * data.reader.bytes_per_sample,
        "fingerprint": fingerprint(data),
    }


def digest(value: Any) -> str:
    """Hash of a JSON-ready value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
