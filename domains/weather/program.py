"""A weather model as a function of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Model, Program

from .batch import WeatherBatch
from .grid import Grid, regular


class StateProgram(Program):
    """States, static fields and times to the state at the target time; with a climatology where the model corrects one.

    Args:
        model: of the weather domain, that forecasts.
        grid: rows and columns.
        periodic: the rows go around the globe.
        samples: forecasts at a time.
    """

    outputs = ("forecast",)

    def __init__(
        self, model: Model, *, grid: Sequence[int] = (32, 64), periodic: bool = True, samples: int = 2
    ) -> None:
        super().__init__(model)
        if model.config.task is not None or len(grid) != 2:
            kind = "forecast" if model.config.task is None else model.config.task.kind
            raise ValueError(f"a weather program forecasts on rows and columns, got a {kind} on {list(grid)}")
        self.rows, self.columns = grid
        self.samples, self.grid = samples, regular(*grid) if periodic else _region(*grid)
        climate = ("climate",) if model.config.residual == "climate" else ()
        self.inputs = ("fields", "static", "lead_time", "input_time", *climate)

    def forward(self, *tensors: Tensor) -> Float[Tensor, "b c h w"]:
        """Predict in physical units."""
        given: dict[str, Any] = dict(zip(self.inputs, tensors, strict=True))
        prediction: Tensor = self.model(WeatherBatch(**given, grid=self.grid)).fields
        return prediction

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Noise of the mean and deviation of the channels, at the places of the grid, 6 hours and more ahead."""
        config, generator = self.model.config, torch.Generator().manual_seed(seed)

        def draw(normaliser: nn.Module, count: int, *before: int) -> Tensor:
            mean, std = (normaliser.get_buffer(name)[-count:].view(-1, 1, 1) for name in ("mean", "std"))
            return mean + std * torch.randn(self.samples, *before, count, self.rows, self.columns, generator=generator)

        states, context = (self.model.embed.get_submodule(name) for name in ("normaliser", "context.normaliser"))
        known = draw(context, len(config.embedded)) if config.embedded else torch.empty(0)
        latitude, longitude = (torch.tensor(v).deg2rad() for v in (self.grid.latitude, self.grid.longitude))
        place = torch.stack(torch.meshgrid(latitude, longitude, indexing="ij")).expand(self.samples, -1, -1, -1)
        static = torch.cat([place, known], dim=1) if config.position == "fourier" else known
        hours = torch.randint(1, 5, (2, self.samples), generator=generator) * 6.0
        given = draw(states, len(config.channels), config.input_times), static, *hours
        return (*given, draw(states, len(config.channels))) if "climate" in self.inputs else given


def _region(rows: int, columns: int) -> Grid:
    """Half a degree between neighbours, around the equator."""
    return Grid(tuple(0.5 * (row - rows / 2) for row in range(rows)), tuple(0.5 * column for column in range(columns)))
