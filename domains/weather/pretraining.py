"""What `humboldt/weather-nano` is pretrained on: views of a simulated atmosphere, near and far, parts of them hidden.

A view is a global grid or a region, its spacing drawn, so that the model meets the same motion at several resolutions.
A sample is two states of a run, a lead time of up to five days, and the state that came. In every batch some channels
may be missing altogether, and some tokens hidden; at lead time 0 what is hidden is reconstructed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from humboldt.foundations import Model

from .batch import WeatherBatch
from .channels import Channel
from .config import WeatherConfig, unit_core
from .data import PLACE, open_weather
from .domain import build
from .forcings import static_fields
from .generate import held_suarez
from .grid import Grid, regular
from .masking import random_mask
from .objective import blanked
from .regrid import weights

LEADS = (3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120)  # hours; those up to a day are drawn more often by their number
STEPS = (3, 6, 12)  # hours between the two states
STATIC = (*PLACE, Channel(variable="sin_latitude"), Channel(variable="cos_latitude"))
MEMORY = 36.0  # hours
PLAN: dict[str, Any] = {"samples": 6, "days": 60, "spin_up": 50, "every": 3.0, "rows": 48, "layers": 8, "seed": 0}
HELD_OUT = 0.2  # share of every run, at its end


def weather_nano(channels: Sequence[Channel] = ()) -> WeatherConfig:
    """The network of `humboldt/weather-nano`.

    Args:
        channels: of the states; those of the simulations by default.
    """
    return WeatherConfig(
        channels=tuple(channels) or simulated_channels(),
        static=STATIC,
        core=unit_core(width=96, pairs=2, heads=6, hidden=384, condition=16),
        decoder=unit_core(width=96, pairs=1, heads=6, hidden=384, condition=16, shifted=True),
        patch=2,
        unit=(8, 8),
        residual="temporal",
        memory=MEMORY,
    )


def simulated_channels() -> tuple[Channel, ...]:
    """The channels of a store of `held_suarez`: four at the surface, four on each pressure level."""
    from .generate import HELD_SUAREZ, NAMES

    made = []
    for name in (*HELD_SUAREZ.flat, *HELD_SUAREZ.deep):
        standard, units, long = NAMES[name]
        plain = Channel(variable=name, units=units, standard_name=standard, long_name=long)
        if name in HELD_SUAREZ.deep:
            made += [dataclasses.replace(plain, level=level, level_kind="hPa") for level in HELD_SUAREZ.levels]
        else:
            made.append(plain)
    return tuple(made)


@dataclass(frozen=True)
class Views:
    """Samples of simulated runs, which a seed and the indices of a batch decide altogether.

    Attributes:
        states: (number, time, channel, latitude, longitude) in physical units, `every` hours apart.
        grid: of the states.
        length: number of samples.
        seed: of everything drawn.
        every: hours between states.
    """

    states: np.ndarray
    grid: Grid
    length: int
    seed: int
    every: float = 3.0

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Sequence[int]) -> WeatherBatch:
        """The samples with these indices, on one grid; the draw depends on all of them."""
        random = np.random.default_rng([self.seed, *map(int, indices)])
        grid, reconstructs = drawn_view(random), random.random() < 0.15
        rows, columns = weights(self.grid, grid, "bilinear")
        draws = [self._draw(random, reconstructs) for _ in indices]
        states = [np.stack([self.states[n, i] for i in frames]) for n, frames, _, _ in draws]
        seen = torch.from_numpy(np.stack([interpolated(x, rows.toarray(), columns.toarray()) for x in states]))
        seen[:, :, self._missing(random)] = torch.nan
        return self._hidden(
            WeatherBatch(
                fields=seen[:, :2],
                static=torch.from_numpy(static_fields(STATIC, grid, None)).expand(len(draws), -1, -1, -1),
                lead_time=torch.tensor([float(lead) for *_, lead in draws]),
                input_time=torch.tensor([float(step) for *_, step, _ in draws]),
                target=seen[:, 2],
                channels=simulated_channels(),
                static_channels=STATIC,
                grid=grid,
            ),
            random,
            reconstructs,
        )

    def _draw(self, random: np.random.Generator, reconstructs: bool) -> tuple[int, tuple[int, int, int], int, int]:
        """A run, its frames (two states, target), the hours between the states, and to the target."""
        step, lead = int(random.choice(STEPS)), 0 if reconstructs else int(random.choice(LEADS))
        before, ahead = round(step / self.every), round(lead / self.every)
        last = int(random.integers(before, self.states.shape[1] - ahead))
        frames = (last - before, last, last - before if reconstructs else last + ahead)
        return int(random.integers(len(self.states))), frames, step, lead

    def _missing(self, random: np.random.Generator) -> np.ndarray:
        """Channels that the whole batch lacks: none in half of the batches, else up to three quarters."""
        count = self.states.shape[2]
        share = random.uniform(0, 0.75) if random.random() < 0.5 else 0.0
        return np.flatnonzero(random.permutation(count) < round(share * count))

    def _hidden(self, batch: WeatherBatch, random: np.random.Generator, reconstructs: bool) -> WeatherBatch:
        if not reconstructs and random.random() < 0.7:
            return batch
        chance = torch.Generator().manual_seed(int(random.integers(2**62)))
        units = weather_nano().units(tuple(batch.fields.shape[-2:]))
        kind, ratio = random.choice(["units", "slots"]), random.uniform(0.2, 0.75)
        mask = random_mask(kind, ratio, len(batch), units, chance)
        return blanked(batch.masked(mask), weather_nano())

    def split(self, name: str) -> Views:
        """There is one part; the end of every run is held out by `open_views`."""
        return self

    def take(self, count: int) -> Views:
        """The first runs."""
        return dataclasses.replace(self, states=self.states[:count])

    def describe(self) -> dict[str, Any]:
        """Runs, frames, lead times, seed."""
        runs, frames = self.states.shape[:2]
        return {"kind": "views of simulations", "runs": runs, "frames": frames, "lead_times": LEADS, "seed": self.seed}


def drawn_view(random: np.random.Generator) -> Grid:
    """The globe at 5.6 degrees in a third of the cases, else a region of 32 x 32 points, their spacing drawn."""
    if random.random() < 1 / 3:
        return regular(32, 64)
    rows, columns = random.uniform(1.25, 4.0), random.uniform(1.5, 5.0)
    middle = random.uniform(-80 + 16 * rows, 80 - 16 * rows)
    latitude = middle + rows * (np.arange(32) - 15.5)
    longitude = random.uniform(-180, 180) + columns * np.arange(32)
    return Grid(tuple(latitude.tolist()), tuple(longitude.tolist()))


def interpolated(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Fields (*, h, w) on another grid, by the weights of its rows and columns."""
    return np.asarray(rows.astype(np.float32) @ x @ columns.astype(np.float32).T)


def open_views(folder: str | Path, samples: int, progress: bool = True) -> tuple[Views, Views]:
    """Training and validation samples of the simulations in `folder`, generated where they are not there yet."""
    data = open_weather(held_suarez(Path(folder) / "held-suarez.zarr", progress=progress, **PLAN), targets=False)
    fields = [data.data[n].values for n in dict.fromkeys(c.variable for c in simulated_channels())]
    fields = [x[:, :, None] if x.ndim == 4 else x for x in fields]
    states = np.concatenate(fields, axis=2)
    kept = round((1 - HELD_OUT) * states.shape[1])
    return Views(states[:, :kept], data.grid, samples, 0), Views(states[:, kept:], data.grid, 64, 1)


def fresh_weather_nano(views: Views, seed: int) -> Model:
    """The network before any training, with the statistics of the simulations.

    Deviations at long lead times are those of increments over five days.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(weather_nano())
    ahead = round(LEADS[-1] / views.every)
    some = views.states[:, :: max(1, views.states.shape[1] // 40)].astype(np.float64)
    later = views.states[:, ahead::8].astype(np.float64) - views.states[:, :-ahead:8]
    area = views.grid.area_weights()[:, None]
    mean = (some * area).mean((0, 1, 3, 4))
    std = np.sqrt((some**2 * area).mean((0, 1, 3, 4)) - mean**2)
    change = np.sqrt((later**2 * area).mean((0, 1, 3, 4)))
    for part, deviation in ((model.embed, std), (model.head, change)):
        part.get_buffer("normaliser.mean").copy_(torch.from_numpy(mean))
        part.get_buffer("normaliser.std").copy_(torch.from_numpy(deviation))
    return model
