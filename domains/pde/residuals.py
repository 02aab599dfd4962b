"""What is zero where a predicted state obeys a law, for the method `physics`."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .batch import FieldBatch, FieldPrediction


def divergence(model: Model, prediction: FieldPrediction, batch: FieldBatch) -> Float[Tensor, "b *space"]:
    """Divergence of the velocity of an incompressible flow, of central differences on a periodic square of side 1.

    The components are in the order of the grid's axes. Times the spacing, so that its size is that of differences of
    velocity from point to point, whatever the grid.

    Raises:
        ConfigError: there is not one velocity component an axis.
    """
    fields, axes = prediction.fields, prediction.fields.dim() - 2
    parts = [i for i, c in enumerate(model.config.outputs) if c.error_group == "velocity"]
    if len(parts) != axes:
        names = [c.name for c in model.config.outputs]
        raise ConfigError(f"a divergence needs a velocity of {axes} components, got the channels {names}; group them")
    found = torch.zeros_like(fields[:, 0])
    for axis, part in enumerate(parts):
        v = fields[:, part]
        found = found + (v.roll(-1, axis + 1) - v.roll(1, axis + 1)) / 2
    return found


def mean_change(model: Model, prediction: FieldPrediction, batch: FieldBatch) -> Float[Tensor, "b o"]:
    """What the mean over a closed domain has gained, of every channel that is both input and output, in deviations."""
    names = [c.name for c in model.config.inputs]
    pairs = [(i, names.index(c.name)) for i, c in enumerate(model.config.outputs) if c.name in names]
    if not pairs:
        raise ConfigError(f"a mean is kept of channels that are inputs too, got the inputs {names}; name outputs alike")
    out, came = (torch.tensor(index, device=prediction.fields.device) for index in zip(*pairs, strict=True))
    before, after = batch.fields.index_select(1, came), prediction.fields.index_select(1, out)
    spread = before.flatten(2).std(-1).clamp_min(1e-12)
    return (after.flatten(2).mean(-1) - before.flatten(2).mean(-1)) / spread
