"""What is zero where a predicted state obeys a law, for the method `physics`."""

from __future__ import annotations

from collections.abc import Callable

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
    """What the mean over a closed domain has gained, of every channel that is both input and output, in deviations.

    Places that are missing do not count; a channel that the data lack gains nothing.
    """
    names = [c.name for c in model.config.inputs]
    pairs = [(i, names.index(c.name)) for i, c in enumerate(model.config.outputs) if c.name in names]
    if not pairs:
        raise ConfigError(f"a mean is kept of channels that are inputs too, got the inputs {names}; name outputs alike")
    out, came = (torch.tensor(index, device=prediction.fields.device) for index in zip(*pairs, strict=True))
    before, after = batch.fields.index_select(1, came).flatten(2), prediction.fields.index_select(1, out).flatten(2)
    counts = ~before.isnan()
    number = counts.sum(-1).clamp(min=1)
    gained = torch.where(counts, after - before, 0).sum(-1) / number
    middle = torch.where(counts, before, 0).sum(-1, keepdim=True) / number.unsqueeze(-1)
    squares = torch.where(counts, before - middle, 0).square().sum(-1)
    return gained / (squares / (number - 1).clamp(min=1)).sqrt().clamp_min(1e-12)


Tendency = Callable[[Tensor], Tensor]
STEPS = 20
"""Steps of a horizon over which `evolution` looks back."""


def evolution(
    model: Model, prediction: FieldPrediction, batch: FieldBatch, tendency: Tendency
) -> Float[Tensor, "b o *space"]:
    """What the trapezoidal rule leaves of ``u_t = F(u)`` between the model's own forecasts, in deviations:
    ``S(t) u - S(t - s) u - s / 2 (F(S(t) u) + F(S(t - s) u))``, s a twentieth of the horizon, or t where that is less.

    No target is read, so that it serves data without labels (`unlabelled`). S(0) u is the state itself: lead times
    should reach down to a few s, from where on a solution is built from the initial state.

    Args:
        tendency: F, of fields in the order and units of the model's outputs, which have to be inputs too.
    """
    names, config = [c.name for c in model.config.inputs], model.config
    lacking = [c.name for c in config.outputs if c.name not in names]
    if lacking:
        raise ConfigError(f"an evolution goes on from its outputs, got {lacking}, which are no inputs; add them")
    time = batch.lead_time
    before = (time - config.horizon / STEPS).clamp(min=0)
    earlier = model(batch.at(batch.fields, before)).fields
    came = batch.fields[:, [names.index(c.name) for c in config.outputs]]
    each = (-1, *(1,) * (came.dim() - 1))
    earlier = torch.where(before.view(each) > 0, earlier, came)
    later, gap = prediction.fields, (time - before).view(each)
    found = later - earlier - gap / 2 * (tendency(later) + tendency(earlier))
    deviations: Tensor = model.head.get_submodule("normaliser").get_buffer("std")
    found = torch.where(came.isnan(), 0.0, found)  # of channels that the data lack
    return found / deviations.view(1, -1, *(1,) * (came.dim() - 2))


def burgers(model: Model, prediction: FieldPrediction, batch: FieldBatch) -> Float[Tensor, "b o *space"]:
    """`evolution` by Burgers' equation on a periodic line of length 1: velocity, and viscosity, which is an input.

    Raises:
        ConfigError: other channels, or data that are not periodic.
    """
    names, out = [c.name for c in model.config.inputs], [c.name for c in model.config.outputs]
    if "viscosity" not in names or "velocity" not in out or not all(batch.periodic or (False,)):
        raise ConfigError(
            f"Burgers' equation is here of velocity and viscosity on a periodic line, got {names} -> {out} and "
            f"periodic={batch.periodic}; rename them, or write a residual of your own with `evolution`"
        )
    viscosity = batch.fields[:, names.index("viscosity")]
    wave = 2j * torch.pi * torch.fft.rfftfreq(viscosity.shape[-1], 1 / viscosity.shape[-1], device=viscosity.device)

    def tendency(fields: Tensor) -> Tensor:
        u = fields[:, out.index("velocity")]
        slopes = torch.stack([wave * torch.fft.rfft(u.square() / 2), wave**2 * torch.fft.rfft(u)])
        carried, bent = torch.fft.irfft(slopes, n=u.shape[-1])
        change = torch.zeros_like(fields)
        change[:, out.index("velocity")] = viscosity * bent - carried
        return change

    return evolution(model, prediction, batch, tendency)
