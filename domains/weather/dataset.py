"""Samples of the atmosphere: states at two times and what came after, as batches."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError

from .analyses import starting_at
from .batch import WeatherBatch
from .channels import Channel, require_finite
from .climatology import Climatology
from .columns import Column, columns_of
from .forcings import KNOWN, static_fields
from .grid import Grid
from .periods import SHARES, period
from .samples import Sample
from .time import add_hours


@dataclass(frozen=True, kw_only=True)
class WeatherDataset:
    """A series of states on one grid, and the samples that are made of it.

    Attributes:
        data: canonical analyses.
        columns: where the channels are.
        static: static channels in order; what `forcings` does not make is read from the data.
        static_columns: where those are.
        samples: of the whole series, or of a part of it.
        climatology: of the target times, or None.
        fill: {variable: value} for missing values that mean something (no soil: wet, no leaves: none).
        parts: {name: (first time, last time)}, or shares or numbers of states; by default 70, 10 and 20 %.
    """

    data: xr.Dataset
    columns: tuple[Column, ...]
    static: tuple[Channel, ...]
    static_columns: tuple[Column, ...]
    samples: tuple[Sample, ...]
    climatology: Climatology | None = None
    fill: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        first, last = (str(time)[:16] for time in (self.times[0], self.times[-1]))
        names = ", ".join(channel.name for channel in self.channels)
        return (
            f"<weather states, {len(self.times)} times from {first} to {last}, {' x '.join(map(str, self.grid.shape))} "
            f"places, {len(self)} samples; {names}>"
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Names and units of the fields of a state."""
        return tuple(column.channel for column in self.columns)

    @property
    def grid(self) -> Grid:
        """Where the rows and columns lie."""
        return Grid(*(tuple(self.data[n].values.astype(float).tolist()) for n in ("latitude", "longitude")))

    @property
    def times(self) -> np.ndarray:
        """Times of the frames."""
        return self.data["time"].values

    def number(self, members: Iterable[int]) -> list[int] | list[str]:
        """What members of the ensemble are called: whole numbers, or words (`r1i1p1f1`); nothing without members."""
        if "number" not in self.data.dims:
            return []
        called = self.data["number"].values[[*members]]
        plain = np.issubdtype(called.dtype, np.number) and bool((called == called.astype(int)).all())
        return [int(name) for name in called] if plain else [str(name) for name in called]

    def state(self, frame: int, member: int = 0) -> np.ndarray:
        """One state (c, h, w) in the units of the channels; NaN where it is missing."""
        return self._read(self.columns, frame, member)

    def batch(self, indices: Sequence[int]) -> WeatherBatch:
        """The samples with these indices."""
        return self.collate([self.samples[i] for i in indices])

    def collate(self, samples: Sequence[Sample]) -> WeatherBatch:
        """Any samples of the series as one batch; its targets are NaN where a sample has none."""
        fields = [[self.state(i, s.member) for i in s.inputs] for s in samples]
        times = [self.times[s.inputs[-1]] for s in samples]
        nothing = np.full((len(self.columns), *self.grid.shape), np.nan, np.float32)
        targets = [nothing if s.target is None else self.state(s.target, s.member) for s in samples]
        climate = None
        if self.climatology is not None:
            climate = np.stack([self.expected(self._target_time(s)) for s in samples])
        return WeatherBatch(
            fields=_tensor(fields),
            static=_tensor([self.static_at(s.inputs[-1], s.member) for s in samples]),
            lead_time=torch.tensor([s.lead_time for s in samples]),
            input_time=torch.tensor([s.input_time for s in samples]),
            climate=None if climate is None else torch.from_numpy(climate),
            target=None if all(s.target is None for s in samples) else _tensor(targets),
            channels=self.channels,
            static_channels=self.static,
            grid=self.grid,
            time=tuple(times),
        )

    def series(self, index: int, steps: int) -> tuple[WeatherBatch, ...]:
        """The batches of a rollout from a sample: each begins where the one before ends.

        Raises:
            DataError: the series ends before.
        """
        starts = {(s.inputs[-1], s.lead_time, s.input_time, s.member): s for s in self.samples}
        chain = [self.samples[index]]
        while len(chain) < steps:
            last = chain[-1]
            here = -1 if last.target is None else last.target
            after = starts.get((here, last.lead_time, last.input_time, last.member))
            if after is None or last.lead_time <= 0:
                raise DataError(
                    f"a rollout of {steps} steps of {last.lead_time:g} h from sample {index} has data for {len(chain)}"
                    "; start earlier, or take fewer steps"
                )
            chain.append(after)
        return tuple(self.collate([sample]) for sample in chain)

    def static_at(self, frame: int, member: int = 0) -> np.ndarray:
        """The static channels (s, h, w) at a frame."""
        return self.static_at_time(self.times[frame], frame, member)

    def static_at_time(self, time: Any, frame: int, member: int = 0) -> np.ndarray:
        """The same with the calendar of another time, as for a forecast beyond the series."""
        surface = {c.channel.name: self._read((c,), frame, member)[0] for c in self.static_columns}
        return static_fields(self.static, self.grid, time, surface)

    def expected(self, time: Any) -> np.ndarray:
        """The climatology (c, h, w) at a time.

        Raises:
            DataError: it is of another grid.
        """
        assert self.climatology is not None
        fields = self.climatology.at(time)
        here = {n: self.data[n].values for n in ("latitude", "longitude")}
        shapes = {n: fields[n].values for n in here}
        if any(len(shapes[n]) != len(here[n]) or not np.allclose(shapes[n], here[n], atol=1e-4) for n in here):
            fields = _fitted(fields, here)
        values = {str(n): fields[n].values for n in fields.data_vars}
        return np.stack([column.read(values) for column in columns_of(fields, self.channels)])

    def split(self, name: str) -> WeatherDataset:
        """The part called `train`, `validation` or `test`: samples that lie in its period with all their frames."""
        if name not in {**SHARES, **self.parts}:
            raise ValueError(f"a part is one of {sorted({**SHARES, **self.parts})}, got {name!r}")
        if self.parts and name not in self.parts:
            raise DataError(f"the parts are {sorted(self.parts)}, got {name!r}; name one of them, or its period")
        first, last = period(self.data["time"].to_index(), self.parts, name)
        frames = [(s, [*s.inputs, *([] if s.target is None else [s.target])]) for s in self.samples]
        kept = tuple(s for s, at in frames if first <= min(at) and max(at) <= last)
        if not kept:
            raise DataError(f"the part {name!r} has no whole sample; name longer periods with split={{...}}")
        return dataclasses.replace(self, samples=kept)

    def take(self, count: int) -> WeatherDataset:
        """The first `count` samples of this part."""
        if not 1 <= count <= len(self):
            raise ValueError(f"this part has {len(self)} samples, got a wish for {count}")
        return dataclasses.replace(self, samples=self.samples[:count])

    @property
    def units(self) -> int:
        """How many samples this part has; those of one series resemble each other."""
        return len(self)

    def choose(self, units: Sequence[int]) -> WeatherDataset:
        """These samples of this part, counted from 0."""
        return dataclasses.replace(self, samples=tuple(self.samples[u] for u in units))

    def arranged(
        self, inputs: Sequence[Channel], outputs: Sequence[Channel], static: Sequence[Channel] | None = None
    ) -> WeatherDataset:
        """The same samples with the channels of a model, in its order and units, and its static channels if given."""
        if tuple(inputs) != tuple(outputs):
            raise DataError("a weather model predicts what it takes, got other outputs than inputs")
        fixed = self.static if static is None else tuple(static)
        own = columns_of(self.data, [c for c in fixed if c.name not in KNOWN])
        return dataclasses.replace(self, columns=columns_of(self.data, inputs), static=fixed, static_columns=own)

    def statistics(self) -> dict[str, np.ndarray]:
        """Per channel over the frames of this part: `mean`, `std`, and `increment`, the size of target - last state.

        `hours` holds the lead times over which increments were taken.
        """
        frames = sorted({(i, s.member) for s in self.samples for i in s.inputs})
        sums, squares, counts, largest = np.zeros((4, len(self.columns)))
        for frame, member in frames:
            x = self.state(frame, member).astype(np.float64).reshape(len(self.columns), -1)
            sums += np.nansum(x, 1)
            largest = np.fmax(largest, np.fmax.reduce(np.abs(x), 1))
            counts += np.isfinite(x).sum(1)
        require_finite(self.channels, largest)
        if unknown := [c.name for c, count in zip(self.channels, counts, strict=True) if not count]:
            raise DataError(
                f"every channel has values in the training part, but {unknown} are NaN everywhere; leave them out with "
                "variables=[...], or fill them"
            )
        mean = sums / np.maximum(counts, 1)
        for frame, member in frames:
            x = self.state(frame, member).astype(np.float64).reshape(len(self.columns), -1) - mean[:, None]
            squares += np.nansum(x**2, 1)
        changes, ahead = np.zeros((2, len(self.columns))), []
        for s in self.samples:
            if s.target is not None and s.target != s.inputs[-1]:
                ahead.append(s.lead_time)
                x = self.state(s.target, s.member).astype(np.float64) - self.state(s.inputs[-1], s.member)
                changes += np.nansum(x**2, (1, 2)), np.isfinite(x).sum((1, 2))
        std = np.sqrt(squares / np.maximum(counts, 1))
        increment = np.sqrt(changes[0] / np.maximum(changes[1], 1))
        return {"mean": mean, "std": std, "increment": increment, "hours": np.array(ahead)}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what this dataset gives: channels, grid, times, samples, and the first and last state of them."""
        used = sorted({(frame, s.member) for s in self.samples for frame in s.inputs})
        about = (self.channels, self.static, self.grid, [str(time) for time in self.times], self.samples)
        digest = hashlib.sha256(repr(about).encode())
        for frame, member in used[:1] + used[-1:]:
            digest.update(self.state(frame, member).tobytes())
        return digest.hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """JSON-ready: channels, units, grid, period, sizes, fingerprint."""
        return {
            "variables": [c.name for c in self.channels],
            "units": {c.name: c.units for c in self.channels},
            "static": [c.name for c in self.static],
            "grid": list(self.grid.shape),
            "first": str(self.times[0]),
            "last": str(self.times[-1]),
            "frames": len(self.times),
            "members": self.data.sizes.get("number", 1),
            "samples": len(self),
            "fingerprint": self.fingerprint,
        }

    def _read(self, columns: Sequence[Column], frame: int, member: int) -> np.ndarray:
        values = {}
        for name in dict.fromkeys(column.variable for column in columns):
            variable = self.data[name]
            at = {d: i for d, i in (("time", frame), ("number", member)) if d in variable.dims}
            found = variable.isel(at).values
            fill = self.fill.get(name)
            values[name] = found if fill is None else np.where(np.isnan(found), fill, found)
        return np.stack([column.read(values) for column in columns])

    def _target_time(self, sample: Sample) -> Any:
        start = sample.inputs[-1] if sample.lead_time >= 0 else sample.inputs[0]
        return add_hours(self.times[start], sample.lead_time)


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _fitted(fields: xr.Dataset, here: Mapping[str, np.ndarray]) -> xr.Dataset:
    """A climatology that holds the grid and more (a pole, the globe on any branch of longitudes) cut down to it."""
    try:
        return starting_at(fields, here["longitude"][0] - 1e-4).sel(here, method="nearest", tolerance=1e-4)
    except (KeyError, ValueError) as error:
        sizes = {n: fields.sizes[n] for n in here}
        raise DataError(
            f"a climatology has the grid of the data {[len(v) for v in here.values()]}, got another one "
            f"{list(sizes.values())}; bring it to that of the data with regrid(climatology, data.grid)"
        ) from error
