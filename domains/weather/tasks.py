"""Samples of tasks other than forecasts, made from states: coarse and fine, resolved and not, seen and hidden."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import DataError

from .batch import TaskBatch
from .channels import Channel, position
from .columns import columns_of
from .config import TaskConfig, WeatherConfig
from .dataset import WeatherDataset
from .forcings import static_fields
from .grid import Grid
from .samples import Sample


@dataclass(frozen=True, kw_only=True)
class Coarsened:
    """States on a coarse grid made of fine ones by area means; each sample is of one time.

    Attributes:
        fine: states on the fine grid.
        factor: fine rows and columns of one coarse cell; rows and columns that are left over are dropped.
        frames: (member, frame) of every sample; all by default.
    """

    fine: WeatherDataset
    factor: int
    frames: tuple[tuple[int, int], ...] = field(default=())

    def __post_init__(self) -> None:
        rows, columns = self.fine.grid.shape
        if self.factor < 2 or min(rows, columns) < 2 * self.factor:
            raise DataError(
                f"a coarse grid has at least two rows and columns of two or more fine ones, got factor={self.factor} "
                f"for {rows} x {columns} points; choose a smaller one"
            )
        if not self.frames:
            found = sorted({(i, s.member) for s in self.fine.samples for i in s.inputs})
            object.__setattr__(self, "frames", tuple((m, i) for i, m in found))

    @property
    def columns(self) -> Any:
        """Where the channels are; with it, a model is fitted to the states."""
        return self.fine.columns

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Of the coarse states."""
        return self.fine.channels

    @property
    def static(self) -> tuple[Channel, ...]:
        """Static channels of the coarse states."""
        return self.fine.static

    @property
    def data(self) -> xr.Dataset:
        """The fine analyses."""
        return self.fine.data

    def statistics(self) -> dict[str, np.ndarray]:
        """Of the fine states."""
        return self.fine.statistics()

    @property
    def fine_grid(self) -> Grid:
        """The fine grid without what is left over."""
        whole, f = self.fine.grid, self.factor
        rows, columns = (n // f * f for n in whole.shape)
        return Grid(whole.latitude[:rows], whole.longitude[:columns])

    @property
    def grid(self) -> Grid:
        """The coarse grid, at the means of the fine coordinates."""
        fine, f = self.fine_grid, self.factor
        means = (np.asarray(x).reshape(-1, f).mean(1) for x in (fine.latitude, fine.longitude))
        return Grid(*(tuple(m.tolist()) for m in means))

    def __len__(self) -> int:
        return len(self.frames)

    def state(self, index: int) -> np.ndarray:
        """The fine state (c, h, w) of a sample."""
        member, frame = self.frames[index]
        rows, columns = self.fine_grid.shape
        return self.fine.state(frame, member)[:, :rows, :columns]

    def coarse(self, x: np.ndarray) -> np.ndarray:
        """Area means (*, h, w) of fine fields over the cells that are known by half or more."""
        grid, f = self.fine_grid, self.factor
        area = np.asarray(grid.area_weights())[:, None] * np.isfinite(x)
        parts = (*x.shape[:-2], x.shape[-2] // f, f, x.shape[-1] // f, f)
        total = np.where(np.isfinite(x), x * area, 0).reshape(parts).sum((-3, -1))
        share = area.reshape(parts).sum((-3, -1))
        whole = np.asarray(grid.area_weights()).reshape(-1, f).sum(1)[:, None] * f
        return np.where(share >= 0.5 * whole, total / np.where(share > 0, share, 1), np.nan).astype(np.float32)

    def resolved(self, indices: Sequence[int], fine: Sequence[np.ndarray], input_times: int = 2) -> dict[str, Any]:
        """What a batch says of the coarse of these fine states: the same at all input times, 0 hours ahead."""
        states = np.stack([self.coarse(x) for x in fine])
        times = tuple(self.fine.times[self.frames[i][1]] for i in indices)
        surfaces = map(self._surface, indices)
        static = [static_fields(self.static, self.grid, t, x) for t, x in zip(times, surfaces, strict=True)]
        return {
            "fields": torch.from_numpy(np.repeat(states[:, None], input_times, axis=1)),
            "static": torch.from_numpy(np.stack(static)),
            "lead_time": torch.zeros(len(indices)),
            "input_time": torch.zeros(len(indices)),
            "channels": self.channels,
            "static_channels": self.static,
            "grid": self.grid,
            "time": times,
        }

    def _surface(self, index: int) -> dict[str, np.ndarray]:
        member, frame = self.frames[index]
        rows, columns = self.fine_grid.shape
        read = self.fine._read
        return {
            c.channel.name: self.coarse(read((c,), frame, member)[0, :rows, :columns]) for c in self.fine.static_columns
        }

    def split(self, name: str) -> Any:
        """The part called `train`, `validation` or `test`: the times of that part of the fine states."""
        part = self.fine.split(name)
        kept = {i for s in part.samples for i in s.inputs}
        frames = tuple(f for f in self.frames if f[1] in kept)
        return dataclasses.replace(self, fine=part, frames=frames)

    def take(self, count: int) -> Any:
        """The first `count` samples."""
        return dataclasses.replace(self, frames=self.frames[:count])

    def arranged(
        self, inputs: Sequence[Channel], outputs: Sequence[Channel], static: Sequence[Channel] | None = None
    ) -> Any:
        """The same samples with the channels of a model."""
        return dataclasses.replace(self, fine=self.fine.arranged(inputs, inputs, static))

    def describe(self) -> dict[str, Any]:
        """JSON-ready: the fine data and the factor."""
        return {**self.fine.describe(), "factor": self.factor, "samples": len(self)}


@dataclass(frozen=True, kw_only=True)
class Downscaling(Coarsened):
    """Coarse states in, the fine ones out.

    Attributes:
        outputs: names of the channels that are wanted on the fine grid; all by default.
        details: fine fields that are known beforehand: static fields of the data, or what `forcings` makes.
    """

    outputs: tuple[str, ...] = ()
    details: tuple[str, ...] = ("sin_latitude",)

    @property
    def task(self) -> TaskConfig:
        """What a model is to do."""
        return TaskConfig(
            kind="downscaling",
            outputs=tuple(self.channels[i] for i in self._places),
            details=self._details,
            factor=self.factor,
        )

    def batch(self, indices: Sequence[int]) -> TaskBatch:
        """The samples with these indices."""
        states = [self.state(i) for i in indices]
        answer = np.stack([x[self._places] for x in states])
        grid = self.fine_grid
        rows, columns = grid.shape
        own = columns_of(self.data, [c for c in self._details if c.name in self.data])
        details = []
        for i in indices:
            member, frame = self.frames[i]
            surface = {c.channel.name: self.fine._read((c,), frame, member)[0, :rows, :columns] for c in own}
            details.append(static_fields(self._details, grid, self.fine.times[frame], surface))
        return TaskBatch(
            **self.resolved(indices, states),
            details=torch.from_numpy(np.stack(details)),
            answer=torch.from_numpy(answer),
            answer_channels=self.task.outputs,
            answer_grid=grid,
        )

    def output_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the outputs."""
        found = self.statistics()
        return found["mean"][self._places], found["std"][self._places]

    @property
    def _places(self) -> list[int]:
        return [position(self.channels, name) for name in self.outputs] or [*range(len(self.channels))]

    @property
    def _details(self) -> tuple[Channel, ...]:
        made = []
        for name in self.details:
            attrs = self.data[name].attrs if name in self.data else {}
            made.append(Channel(variable=name, units=str(attrs.get("units", "1"))))
        return tuple(made)


@dataclass(frozen=True, kw_only=True)
class SubgridFluxes(Coarsened):
    """Coarse states in, out what the motion that they do not resolve carries:  mean(a b) - mean(a) mean(b).

    The means are over the fine points of a coarse cell. With a = u and b = w (Pa s-1) it is the vertical flux of
    eastward momentum of gravity waves; any two variables of one level make one.

    Attributes:
        pairs: names of the two variables of each flux.
    """

    pairs: tuple[tuple[str, str], ...] = (("u", "w"), ("v", "w"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._places:
            raise DataError(
                f"a flux is of two variables of one level, got pairs={self.pairs} for "
                f"{sorted({c.variable for c in self.channels})}; name two that are there on the same levels"
            )

    @property
    def task(self) -> TaskConfig:
        """What a model is to do."""
        return TaskConfig(kind="flux", outputs=tuple(c for c, *_ in self._places))

    def batch(self, indices: Sequence[int]) -> TaskBatch:
        """The samples with these indices."""
        states = [self.state(i) for i in indices]
        return TaskBatch(
            **self.resolved(indices, states),
            answer=torch.from_numpy(np.stack([self._carried(x) for x in states])),
            answer_channels=self.task.outputs,
            answer_grid=self.grid,
        )

    def fluxes(self, index: int) -> np.ndarray:
        """(flux, h, w) of a sample on the coarse grid."""
        return self._carried(self.state(index))

    def _carried(self, fine: np.ndarray) -> np.ndarray:
        x, made = fine.astype(np.float64), []
        for _, a, b in self._places:
            both = np.where(np.isfinite(x[a] * x[b]), 1.0, np.nan)
            fields = self.coarse64(np.stack([x[a] * x[b], x[a] * both, x[b] * both]))
            made.append(fields[0] - fields[1] * fields[2])
        return np.stack(made).astype(np.float32)

    def coarse64(self, x: np.ndarray) -> np.ndarray:
        """Area means in double precision: a flux is a small difference of large numbers."""
        f, area = self.factor, np.asarray(self.fine_grid.area_weights())[:, None]
        parts = (*x.shape[:-2], x.shape[-2] // f, f, x.shape[-1] // f, f)
        whole = np.broadcast_to(area, x.shape).reshape(parts).sum((-3, -1))
        return (x * area).reshape(parts).sum((-3, -1)) / whole

    def output_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the fluxes over all samples."""
        x = np.stack([self.fluxes(i) for i in range(len(self))])
        return np.nanmean(x, (0, 2, 3)), np.nanstd(x, (0, 2, 3)).clip(min=1e-12)

    @property
    def _places(self) -> list[tuple[Channel, int, int]]:
        """Every flux with the places of its two channels."""
        made, where = [], {(c.variable, c.level): i for i, c in enumerate(self.channels)}
        for one, other in self.pairs:
            for (variable, level), i in where.items():
                if variable == one and (other, level) in where:
                    j = where[other, level]
                    units = f"{self.channels[i].units} {self.channels[j].units}"
                    flux = dataclasses.replace(
                        self.channels[i], variable=f"{one}{other}", units=units, standard_name="",
                        long_name=f"unresolved flux of {one} and {other}",
                    )  # fmt: skip
                    made.append((flux, i, j))
        return made


def reconstructions(data: WeatherDataset, config: WeatherConfig) -> WeatherDataset:
    """The same states, each to be reconstructed: lead time 0, its target the state itself.

    That is the last one, and the first one where a model corrects a state (see `StateHead.base`).
    """
    which = 0 if config.residual == "temporal" else -1
    samples = dict.fromkeys(Sample(s.inputs, s.inputs[which], 0.0, s.input_time, s.member) for s in data.samples)
    return dataclasses.replace(data, samples=tuple(samples))
