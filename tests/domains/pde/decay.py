"""A problem with a known solution for tests: every field decays as exp(-t)."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from humboldt.domains.pde import Channel, FieldBatch, FieldEmbed, FieldPrediction, PDEConfig, scot_core
from humboldt.foundations import Core, Head, Model, Normaliser, Tokens

VELOCITY = (Channel(name="velocity_x", group="velocity"), Channel(name="velocity_y", group="velocity"))
CHANNELS = (*VELOCITY, Channel(name="tracer"))


class DecayHead(Head[FieldBatch, FieldPrediction]):
    """Exact, but for a given factor."""

    def __init__(self, config: PDEConfig, factor: float = 1.0) -> None:
        super().__init__()
        self.config, self.factor = config, factor
        self.normaliser = Normaliser([0.0] * len(config.outputs), [1.0] * len(config.outputs))

    def forward(self, tokens: Tokens, batch: FieldBatch) -> FieldPrediction:
        """fields * exp(-t) * factor, of the channels that are predicted."""
        names = [c.name for c in self.config.inputs]
        decay = torch.exp(-batch.lead_time).view(-1, *(1,) * (batch.fields.dim() - 1))
        fields = batch.fields[:, [names.index(c.name) for c in self.config.outputs]]
        return FieldPrediction(fields * decay * self.factor)

    def loss(self, prediction: FieldPrediction, batch: FieldBatch) -> torch.Tensor:
        """Mean absolute error."""
        assert batch.target is not None
        return (prediction.fields - batch.target).abs().mean()


def decay_config(inputs: tuple[Channel, ...] = CHANNELS, outputs: tuple[Channel, ...] = CHANNELS) -> PDEConfig:
    """A small network on any grid."""
    core = scot_core(width=8, depths=(1, 1), heads=(1, 2), window=4, grid=4, skips=(0, 0))
    return PDEConfig(inputs=inputs, outputs=outputs, core=core, patch=4)


def decay_model(factor: float = 1.0, config: PDEConfig | None = None) -> Model:
    """A model that knows the solution."""
    config = config or decay_config()
    return Model(FieldEmbed(config), Core(config.core), DecayHead(config, factor), domain="pde", config=config)


def decay_trajectories(samples: int = 3, frames: int = 5, size: int = 16, seed: int = 0) -> xr.Dataset:
    """Smooth random fields that decay, every 0.5 time units, on the periodic unit square."""
    generator = np.random.default_rng(seed)
    place = np.arange(size) / size
    waves = np.sin(2 * np.pi * place)[:, None] * np.cos(2 * np.pi * place)
    time = 0.5 * np.arange(frames)
    decay = np.exp(-time)[None, :, None, None]
    columns = {
        c.name: (
            ("sample", "time", "x", "y"),
            (generator.normal(size=(samples, 1, 1, 1)) * decay * (waves + 0.3)).astype(np.float32),
            {"units": c.units, "long_name": f"a {c.name}"},
        )
        for c in CHANNELS
    }
    coords = {"time": ("time", time, {"units": "1"}), "x": place, "y": place}
    return xr.Dataset(columns, coords, {"periodic": "x y", "title": "decay"})
