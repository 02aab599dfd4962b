"""Small weather models and batches for tests."""

from typing import Any

import numpy as np
import torch

from humboldt.domains.weather import Channel, WeatherBatch, WeatherConfig, build, regular, unit_core
from humboldt.foundations import Model

CHANNELS = (
    Channel(variable="T2M", units="K"),
    Channel(variable="T", units="K", level=850.0, level_kind="hPa"),
    Channel(variable="T", units="K", level=500.0, level_kind="hPa"),
)
STATIC = (
    Channel(variable="latitude", units="radian"),
    Channel(variable="longitude", units="radian"),
    Channel(variable="cos_day_of_year"),
    Channel(variable="PHIS", units="m2 s-2"),
)


def configuration(**changes: Any) -> WeatherConfig:
    pairs = changes.pop("pairs", (2, 2))
    shifted, condition = changes.pop("shifted", True), changes.pop("condition", 0)
    cores = {
        name: unit_core(width=16, pairs=count, heads=2, hidden=32, shifted=shifted, condition=condition)
        for name, count in zip(("core", "decoder"), pairs, strict=True)
    }
    return WeatherConfig(**{"channels": CHANNELS, "static": STATIC, "patch": 2, "unit": (4, 8), **cores, **changes})


def model(seed: int = 0, **changes: Any) -> Model:
    torch.manual_seed(seed)
    made = build(configuration(**changes))
    with torch.no_grad():
        for name, value in made.state_dict().items():
            if "normaliser.std" in name:
                value.uniform_(0.5, 2)
            elif "normaliser.mean" in name:
                value.uniform_(-1, 1)
            elif "norm" not in name:
                value.normal_(std=0.15)
    return made.eval()


def batch(rows: int = 8, columns: int = 16, samples: int = 2, seed: int = 1, **changes: Any) -> WeatherBatch:
    generator = torch.Generator().manual_seed(seed)
    grid = changes.pop("grid", regular(rows, columns))
    latitude = torch.tensor(grid.latitude).deg2rad()[:, None].expand(rows, columns)
    longitude = torch.tensor(grid.longitude).deg2rad()[None].expand(rows, columns)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(samples, *shape, rows, columns, generator=generator)

    place = torch.stack([latitude, longitude]).float().expand(samples, -1, -1, -1)
    values: dict[str, Any] = {
        "fields": draw(2, 3),
        "static": torch.cat([place, draw(2)], dim=1),
        "climate": draw(3),
        "target": draw(3),
        "lead_time": torch.full((samples,), 6.0),
        "input_time": torch.full((samples,), 6.0),
        "channels": CHANNELS,
        "static_channels": STATIC,
        "grid": grid,
        "time": (np.datetime64("2020-02-28T18:00:00"),) * samples,
    }
    return WeatherBatch(**{**values, **changes})
