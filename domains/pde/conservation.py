"""What a solution must keep: mass, momentum, energy, a velocity without divergence; and a projection on the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float
from torch import Tensor

from .batch import FieldBatch, FieldPrediction
from .config import Channel, PDEConfig

Forecaster = Callable[[FieldBatch, Sequence[float]], Iterator[FieldPrediction]]
AXES = ("velocity_x", "velocity_y", "velocity_z")
SMALLEST = 1e-12


def totals(
    fields: Float[Tensor, "b c *space"],
    channels: Sequence[Channel],
    gamma: float = 1.4,
    sides: Sequence[float] | None = None,
    outside: Bool[Tensor, "b *space"] | None = None,
) -> dict[str, Tensor]:
    """Means over space of what is conserved, by name, one value a sample; those that the channels allow.

    `mass` is the mean density; `momentum_...` that of density times velocity (density is 1 where it is no channel);
    `energy` of p / (gamma - 1) + density |u|^2 / 2 + density times the potential `gravity`, without what is no channel;
    `divergence` is the root mean square of div u over that of grad u, by Fourier series on a box of these `sides`.
    Places `outside` of the domain do not count; where there are some, there is no Fourier series.
    """
    where = {channel.name: index for index, channel in enumerate(channels)}
    axes = [name for name in AXES if name in where]
    inside = torch.ones_like(fields[:, 0]) if outside is None else (~outside).to(fields.dtype)

    def mean(values: Tensor) -> Tensor:
        counted = values if outside is None else torch.where(outside, 0, values)
        return counted.flatten(1).sum(1) / inside.flatten(1).sum(1)

    density = fields[:, where["density"]] if "density" in where else torch.ones_like(fields[:, 0])
    found = {"mass": mean(density)} if "density" in where else {}
    if not axes:
        return found
    velocity = fields[:, [where[name] for name in axes]]
    for index, name in enumerate(axes):
        found[f"momentum{name.removeprefix('velocity')}"] = mean(density * velocity[:, index])
    energy = 0.5 * density * velocity.square().sum(1)
    if "pressure" in where:
        energy = energy + fields[:, where["pressure"]] / (gamma - 1)
    if "gravity" in where:
        energy = energy + density * fields[:, where["gravity"]]
    found["energy"] = mean(energy)
    if len(axes) == fields.dim() - 2 and outside is None:
        found["divergence"] = divergence(velocity, sides)
    return found


def divergence(velocity: Float[Tensor, "b axes *space"], sides: Sequence[float] | None = None) -> Float[Tensor, " b"]:
    """Root mean square of div u over that of grad u, on a periodic grid.

    sides: lengths of the box, negative along axes whose coordinates fall; by default in proportion to its points, which
    are then as far apart along all axes.
    """
    space = tuple(range(2, velocity.dim()))
    spectrum, waves = torch.fft.fftn(velocity, dim=space), _waves(velocity, sides)
    along = sum(wave * spectrum[:, index] for index, wave in enumerate(waves))
    assert isinstance(along, Tensor)
    squared = sum(wave.square() for wave in waves)
    gradient = (squared * spectrum.abs().square()).flatten(1).sum(1)
    return (along.abs().square().flatten(1).sum(1) / gradient.clamp(min=SMALLEST)).sqrt()


def without_divergence(
    velocity: Float[Tensor, "b axes *space"], sides: Sequence[float] | None = None
) -> Float[Tensor, "b axes *space"]:
    """The nearest velocity with div u = 0 on a periodic grid: u - grad Lap^-1 div u (Helmholtz and Leray).

    The last wavenumber of an even grid has no derivative along its axis and is left as it is along it. sides: as in
    `divergence`.
    """
    space = tuple(range(2, velocity.dim()))
    spectrum, waves = torch.fft.fftn(velocity, dim=space), _waves(velocity, sides)
    squared = torch.stack([wave.square().expand(velocity.shape[2:]) for wave in waves]).sum(0)
    along = torch.stack([wave * spectrum[:, index] for index, wave in enumerate(waves)]).sum(0)
    potential = along / squared.clamp(min=SMALLEST)
    kept = torch.stack([spectrum[:, index] - wave * potential for index, wave in enumerate(waves)], dim=1)
    return torch.fft.ifftn(kept, dim=space).real


def projected(forecaster: Forecaster, channels: Sequence[Channel], sides: Sequence[float] | None = None) -> Forecaster:
    """The same forecasts with the velocity made free of divergence.

    Args:
        channels: of the forecasts.
        sides: lengths of the box, such as a dataset's `sides`; by default in proportion to its points.

    Raises:
        ValueError: channels without a velocity, or a batch that is not periodic.
    """
    places = [index for name in AXES for index, channel in enumerate(channels) if channel.name == name]
    if not places:
        raise ValueError(f"a projection needs the channels {AXES[0]}, ..., got {[c.name for c in channels]}")

    def forecast(batch: FieldBatch, lead_times: Sequence[float]) -> Iterator[FieldPrediction]:
        if not batch.periodic or not all(batch.periodic):
            raise ValueError(f"a projection by Fourier series needs periodic axes, got periodic={batch.periodic}")
        for prediction in forecaster(batch, lead_times):
            fields = prediction.fields.clone()
            fields[:, places] = without_divergence(fields[:, places], sides)
            yield replace(prediction, fields=fields)

    return forecast


def conservation(
    forecaster: Forecaster,
    data: Any,
    config: PDEConfig,
    *,
    lead_steps: Sequence[int],
    gamma: float = 1.4,
    batch_size: int = 8,
) -> xr.Dataset:
    """How far forecasts drift from what the first state holds, and how far the truth does.

    Args:
        forecaster: see `model_forecaster`.
        data: trajectories; forecasts start at their first frame. A pressure from which a mean was taken on reading
            (`offsets` of a published collection) is whole here. Places that are missing or solid do not count.
        config: whose channels the forecasts are in.
        batch_size: trajectories at a time.

    Returns:
        One variable a quantity of `totals`, dims (forecast, lead_step, sample): the change of the mean since the first
        frame (of momentum in units of the speed that the energy there stands for, else relative to the value there);
        `divergence` as it is, on periodic axes.

    Raises:
        ValueError: channels of which nothing is conserved.
    """
    given = {c.name for c in data.layout.channels} & {c.name for c in config.inputs}
    outputs = [c for c in config.outputs if c.name in given]
    if not {c.name for c in outputs} & {"density", *AXES}:
        raise ValueError(
            f"what is kept is known of density, {', '.join(AXES)} and pressure, got {[c.name for c in outputs]}; open "
            "the data with variables={'name in the file': 'velocity_x', ...}"
        )
    pairs, count = data.arranged(config.inputs, config.outputs).frames(0, ahead=tuple(lead_steps)), len(lead_steps)
    measure = _Drift(config, outputs, data, gamma)
    parts = []
    for first in range(0, len(pairs), batch_size * count):
        batch = pairs.batch(range(first, min(first + batch_size * count, len(pairs))))
        start = batch.at(batch.fields[::count], batch.lead_time[::count])
        leads = [float(time) for time in batch.lead_time[:count]]
        made = torch.stack([prediction.fields for prediction in forecaster(start, leads)], dim=1).flatten(0, 1)
        parts.append([measure(fields, batch, count) for fields in (made, batch.target)])
    dims = ("forecast", "lead_step", "sample")
    found = {
        name: (dims, np.stack([np.concatenate([p[n][name] for p in parts]).T for n in (0, 1)]), {"units": "1"})
        for name in parts[0][0]
        if all(name in p[0] for p in parts)
    }
    return xr.Dataset(found, {"forecast": ["model", "truth"], "lead_step": list(lead_steps)})


class _Drift:
    """The change of `totals` from the states of a batch, ``count`` lead times each, to fields ``[b, c, *space]``."""

    def __init__(self, config: PDEConfig, outputs: Sequence[Channel], data: Any, gamma: float) -> None:
        self.outputs, self.gamma, self.sides, self.closed = outputs, gamma, data.sides, all(data.periodic)
        self.here = [config.outputs.index(c) for c in outputs]
        self.before = [[c.name for c in config.inputs].index(c.name) for c in outputs]
        offsets = {column.name: column.offset for column in data.layout.columns}
        self.taken = torch.tensor([offsets[c.name] for c in outputs]).view(-1, *(1,) * len(data.grid))

    def __call__(self, fields: Tensor, batch: FieldBatch, count: int) -> dict[str, np.ndarray]:
        outside = batch.fields[:, self.before].isnan().any(1)
        if batch.known is not None:
            outside = outside | batch.known[:, self.here].any(1)
        before = self.measured(batch.fields[:, self.before], outside)
        pace = (2 * before["energy"] / before.get("mass", 1)).sqrt() if "energy" in before else torch.ones(1)
        found = {}
        for name, value in self.measured(fields[:, self.here], outside).items():
            unit = pace if name.startswith("momentum") else before[name].abs()
            drift = value if name == "divergence" else (value - before[name]) / unit.clamp(min=SMALLEST)
            found[name] = drift.unflatten(0, (-1, count)).numpy()
        return found

    def measured(self, fields: Tensor, outside: Tensor) -> dict[str, Tensor]:
        """The totals of fields, of those places that count."""
        found = totals(fields + self.taken, self.outputs, self.gamma, self.sides, outside if outside.any() else None)
        return {name: value for name, value in found.items() if name != "divergence" or self.closed}


def _waves(velocity: Tensor, sides: Sequence[float] | None) -> list[Tensor]:
    """Wavenumbers along each axis, shaped to multiply spectra of ``[b, *space]``; 0 for the last of an even axis,
    whose derivative vanishes on the grid. Raises ValueError for another number of sides than axes."""
    size = velocity.shape[2:]
    lengths = [points / max(size) for points in size] if sides is None else list(sides)
    if len(lengths) != len(size) or 0 in lengths:
        raise ValueError(f"a box of {len(size)} axes has as many sides that are not 0, got {lengths}; name each")
    waves = []
    for axis, points in enumerate(size):
        shape = [1] * len(size)
        shape[axis] = points
        wave = torch.fft.fftfreq(points, 1 / points, dtype=velocity.dtype)
        wave = torch.where(2 * wave.abs() == points, 0, wave)
        waves.append(wave.to(velocity.device).view(shape) / lengths[axis])
    return waves
