"""A dataset of pairs of frames: (state, lead time) -> later state."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import (
    DataError,
    SampleReader,
    Split,
    block_shuffle,
    require_units,
    say_amplification,
)

from .augment import augment, vector_channels
from .batch import FieldBatch
from .config import Channel
from .coordinates import side_lengths
from .layouts import Layout, labelled
from .pairs import frame_pairs
from .trajectory_summary import description, fingerprint, training_statistics, with_shared_deviation

IN_MEMORY_BELOW = 10**9


@dataclass(frozen=True, kw_only=True, eq=False)
class TrajectoryDataset:
    """Pairs of frames of trajectories; item n is pair n % pairs of trajectory n // pairs.

    Every method returns a new dataset that shares what has been read.

    Attributes:
        source: where it came from; layout: what was recognised there; reader: reads and caches whole trajectories.
        samples: numbers of the trajectories of this part, in the file.
        parts: the split by trajectory.
        pairs: frame numbers (input, target) of each pair of a trajectory, [pairs, 2].
        channels, outputs: channels of `fields` and of `target`, in order.
        in_memory: keep the whole part; None decides by its size.
        augmented: show each pair of the training part under a random symmetry (see `augment`); which one depends on the
            indices of the whole batch, so it differs from pass to pass and is the same when a run is repeated.
        part: name of this part, for messages.
        view: what a task shows of each batch; as it is if None.
        ahead: lead time of each pair, in `time_units`, where nobody knows what comes (`unlabelled`): batches have no
            target; None if the frames of the pairs say it.
    """

    source: Any
    layout: Layout
    reader: SampleReader
    samples: tuple[int, ...]
    parts: Split
    pairs: np.ndarray
    channels: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    in_memory: bool | None = None
    augmented: bool = False
    part: str = "whole"
    view: Callable[[FieldBatch], FieldBatch] | None = None
    ahead: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.samples) * len(self.pairs)

    def __getitem__(self, index: int) -> FieldBatch:
        return self.batch([index])

    def __repr__(self) -> str:
        return (
            f"<{self.part} trajectories: {self.trajectories} of {self.frame_count} frames on {self.grid}, "
            f"{[c.name for c in self.channels]}, {len(self)} pairs>"
        )

    @property
    def trajectories(self) -> int:
        """Number of trajectories in this part."""
        return len(self.samples)

    @property
    def frame_count(self) -> int:
        """Frames of a trajectory."""
        return self.reader.shape[0]

    @property
    def grid(self) -> tuple[int, ...]:
        """Points along each space axis."""
        return self.reader.shape[2:]

    @property
    def space(self) -> tuple[str, ...]:
        """Names of the space axes, in order."""
        return self.layout.space

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which space axes close on themselves."""
        return self.layout.periodic

    @property
    def steady(self) -> bool:
        """Whether pairs are scored as they are, for nothing lies ahead: data without time, or frames paired with
        themselves (another field, a finer state)."""
        return self.layout.times is None or not np.diff(self.pairs).any()

    @property
    def times(self) -> np.ndarray:
        """Times of the frames from 0, in `time_units` (float64); [0] for steady data."""
        return np.zeros(1) if self.layout.times is None else self.layout.times

    @property
    def time_units(self) -> str:
        """CF units of times and lead times."""
        return self.layout.time_units

    def lead_times(self) -> np.ndarray:
        """Lead time of each pair of a trajectory, in `time_units`; 1 for data without time."""
        if self.ahead is not None:
            return self.ahead
        without = self.layout.times is None
        return np.ones(1) if without else self.times[self.pairs[:, 1]] - self.times[self.pairs[:, 0]]

    @property
    def sides(self) -> tuple[float, ...]:
        """Lengths of the domain along the space axes, see `side_lengths`."""
        return side_lengths(self.reader.dataset, self.space)

    def batch(self, indices: Sequence[int] | np.ndarray) -> FieldBatch:
        """The pairs with these indices, in physical units; NaN and channels that the data lack are NaN in `fields`, and
        in `target` 0 and `known`. Inside of a solid body (a channel that the layout names is 1) the target is 1 and
        `known`.

        Raises:
            IndexError: an index outside of this part.
            DataError: NaN in the data, unless they were opened with `missing='mask'`.
        """
        index = np.asarray(indices, dtype=int).reshape(-1)
        if len(index) and (index.min() < -len(self) or index.max() >= len(self)):
            raise IndexError(f"this part has pairs 0 to {len(self) - 1}, got {index.min()} to {index.max()}")
        which, pair = np.divmod(index % len(self), len(self.pairs))
        trajectories, (start, end) = self._frames([self.samples[i] for i in which], self.pairs[pair])
        batch = FieldBatch(
            fields=torch.from_numpy(self._gather(trajectories, start, self.channels)),
            lead_time=torch.from_numpy(self.lead_times()[pair].astype(np.float32)),
            **({} if self.ahead is not None else self._targets(trajectories, start, end)),
            periodic=self.periodic,
        )
        batch = batch if self.view is None else self.view(batch)
        if not self.augmented or self.part != "train":
            return batch
        axes, chance = len(self.grid), torch.Generator().manual_seed(zlib.crc32(index.tobytes()))
        vectors = vector_channels(self.channels, axes), vector_channels(self.outputs, axes)
        return augment(batch, vectors, generator=chance)

    def pass_order(self, seed: int | list[int]) -> np.ndarray:
        """All items in an order by chance. Where they are read from chunks that hold whole trajectories, the pairs of
        as many trajectories as fit into the reader's memory come together, so that each is read once."""
        if self._kept or self.reader.chunk_frames == 1:
            return np.random.default_rng(seed).permutation(len(self))
        size = self.reader.chunk_samples
        say_amplification(str(self.source), float(size), f"chunks of {size} trajectories", sample=1)
        chunk = np.asarray(self.samples)[np.arange(len(self)) // len(self.pairs)] // size
        return block_shuffle(chunk, seed, self.reader.cache_bytes // (size * self.reader.bytes_per_sample))

    @property
    def _kept(self) -> bool:
        small = len(self.samples) * self.reader.bytes_per_sample < IN_MEMORY_BELOW
        return small if self.in_memory is None else self.in_memory

    def _frames(self, samples: Sequence[int], pairs: np.ndarray) -> tuple[Sequence[np.ndarray], np.ndarray]:
        """Frames [k, channel, *space] of each pair's trajectory, and where in them the two of the pair are, [2, n]."""
        whole = len(set(samples)) * self.frame_count <= 2 * len(samples)
        if self._kept or whole or self.reader.chunk_frames > 1:
            return self.reader.get(samples, keep=self.samples if self._kept else None), pairs.T
        return list(self.reader.read_frames(samples, pairs)), np.tile([[0], [1]], len(samples))

    def _targets(
        self, trajectories: Sequence[np.ndarray], start: np.ndarray, end: np.ndarray
    ) -> dict[str, torch.Tensor | None]:
        """Target, and where it is known beforehand."""
        target = self._gather(trajectories, end, self.outputs)
        known = np.isnan(target)
        target[known] = 0
        if solid := self.layout.attributes.get("solid"):
            inside = self._gather(trajectories, start, (Channel(name=solid),)) == 1
            known, target = known | inside, np.where(inside, np.float32(1), target)
        return {"target": torch.from_numpy(target), "known": torch.from_numpy(known) if known.any() else None}

    def _gather(
        self, trajectories: Sequence[np.ndarray], frames: np.ndarray, channels: Sequence[Channel]
    ) -> np.ndarray:
        names = [channel.name for channel in self.layout.channels]
        columns = [names.index(c.name) if c.name in names else -1 for c in channels]
        absent = [number for number, column in enumerate(columns) if column < 0]
        out = np.empty((len(trajectories), len(channels), *self.grid), np.float32)
        for row, trajectory, frame in zip(out, trajectories, frames, strict=True):
            np.take(trajectory[frame], columns, axis=0, out=row, mode="wrap")
        out[:, absent] = np.nan
        return out

    def split(self, name: str) -> TrajectoryDataset:
        """The trajectories of this dataset that belong to `train`, `validation` or `test`.

        Raises:
            DataError: no such part, or none of its trajectories is here.
        """
        part = self.parts.part(name)
        samples = tuple(s for s in self.samples if s in set(part))
        if not samples:
            raise DataError(f"the {name} part shares no trajectory with this {self.part} part; split the whole dataset")
        return dataclasses.replace(self, samples=samples, part=name)

    def take(self, count: int) -> TrajectoryDataset:
        """The first `count` trajectories of this part.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        if not 1 <= count <= self.trajectories:
            raise DataError(
                f"this {self.part} part has {self.trajectories} trajectories, got {count}; "
                f"take 1 to {self.trajectories}"
            )
        return dataclasses.replace(self, samples=self.samples[:count])

    @property
    def units(self) -> int:
        """How many trajectories this part has: they are independent, their pairs are not."""
        return self.trajectories

    def choose(self, units: Sequence[int]) -> TrajectoryDataset:
        """These trajectories of this part, counted from 0.

        Raises:
            DataError: one that there is not.
        """
        if odd := [u for u in units if not 0 <= u < self.trajectories]:
            raise DataError(f"this {self.part} part has trajectories 0 to {self.trajectories - 1}, got {odd}")
        return dataclasses.replace(self, samples=tuple(self.samples[u] for u in units))

    def frames(self, start: int = 0, ahead: Sequence[int] = (2, 5, 10)) -> TrajectoryDataset:
        """Pairs (start -> start + k) for each k of every trajectory, trajectory outer and k inner.

        Raises:
            DataError: a frame outside of the trajectories.
        """
        pairs = frame_pairs(self.frame_count, start, ahead)
        return dataclasses.replace(self, pairs=pairs, ahead=None, augmented=False)

    def arranged(self, channels: Sequence[Channel], outputs: Sequence[Channel] | None = None) -> TrajectoryDataset:
        """The same data in a model's channel order; channels that the data lack are NaN, and `known` in the target.

        Raises:
            DataError: units that differ, or no channel in common.
        """
        outputs = channels if outputs is None else outputs
        here = {c.name: c for c in self.layout.channels}
        for wanted in (channels, outputs):
            if not any(c.name in here for c in wanted):
                raise DataError(
                    f"data and model share at least one channel, got {list(here)} for a model of "
                    f"{[c.name for c in wanted]}; rename with variables={{'name in the file': 'name in the model'}}"
                )
            for channel in wanted:
                if channel.name in here:
                    require_units(here[channel.name].units, channel.units, channel.name)
        return dataclasses.replace(self, channels=tuple(channels), outputs=tuple(outputs))

    def statistics(self, *, shared: bool = False) -> dict[str, tuple[float, float]]:
        """Mean and deviation of each channel of the data, over all frames of the training trajectories here.

        A part without training trajectories gives those of the file's training part. A channel that does not vary has
        the deviation 1. With `shared` the channels of a group (the components of a vector) share one deviation.
        """
        _, record = training_statistics(self)
        found = {name: (entry["mean"], entry["std"]) for name, entry in record.items()}
        return with_shared_deviation(found, self.layout.channels) if shared else found

    @property
    def fingerprint(self) -> str:
        """Hash of what this dataset gives: content (sampled), trajectories, pairs, channels, periodic axes."""
        return fingerprint(self)

    def describe(self) -> dict[str, Any]:
        """JSON-ready: channels with units, sizes, splits, pairs, fingerprint; of a training part also its statistics,
        which a checkpoint keeps with the fingerprint of what they are of."""
        return description(self)

    def to_xarray(self) -> xr.Dataset:
        """The trajectories of this part, labelled and lazy (where nothing is subtracted), one variable a channel."""
        data = self.reader.dataset
        return labelled(data.isel(sample=list(self.samples)) if "sample" in data.dims else data, self.layout)
