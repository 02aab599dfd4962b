"""Data of tasks other than forecasting: what a state says of its coefficients, fine states from coarse ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import DataError, Split
from humboldt.foundations import Model

from .batch import FieldBatch
from .config import Channel
from .layouts import missing_variable
from .metrics import relative_errors
from .trajectories import TrajectoryDataset

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def inversion(
    data: TrajectoryDataset, observed: Sequence[str], sought: Sequence[str], *, frame: int = -1
) -> TrajectoryDataset:
    """Pairs (some fields of a frame, other fields of the same frame): coefficients or sources from what they caused.

    Args:
        data: trajectories that hold both.
        observed, sought: names of channels, or of vectors.
        frame: the frame that is seen.

    Raises:
        DataError: channels that the data do not have, or a frame outside of them.
    """
    number = range(data.frame_count)[frame] if -data.frame_count <= frame < data.frame_count else None
    if number is None:
        raise DataError(f"a trajectory has frames 0 to {data.frame_count - 1}, got {frame}; choose one of them")
    seen, wanted = (_named(data, names) for names in (observed, sought))
    return dataclasses.replace(data, pairs=np.array([[number, number]]), channels=seen, outputs=wanted)


def _named(data: TrajectoryDataset, names: Sequence[str]) -> tuple[Channel, ...]:
    """Channels of these names, and all of a group of that name."""
    found: list[Channel] = []
    for name in names:
        here = [c for c in data.layout.channels if name in (c.name, c.error_group)]
        if not here:
            raise missing_variable(name, [c.name for c in data.layout.channels])
        found += here
    return tuple(found)


@dataclass(frozen=True)
class Coarse:
    """Shows states as means over blocks of ``factor`` points along each axis, linear between these."""

    factor: int

    def __call__(self, batch: FieldBatch) -> FieldBatch:
        """The same batch with coarse fields on its own grid."""
        axes = batch.fields.dim() - 2
        pool = (torch.nn.functional.avg_pool1d, torch.nn.functional.avg_pool2d, torch.nn.functional.avg_pool3d)
        return dataclasses.replace(batch, fields=between(pool[axes - 1](batch.fields, self.factor), self.factor))


def between(coarse: torch.Tensor, factor: int) -> torch.Tensor:
    """Means over blocks, (n, c, *space), on the grid inside of the blocks, linear between their middles."""
    return torch.nn.functional.interpolate(coarse, scale_factor=factor, mode=MODES[coarse.dim() - 2])


def finer_state(state: Any, factor: int, *, axes: int = 2) -> Any:
    """A coarse state as `super_resolution` shows it: means over blocks on the grid inside of these.

    Args:
        state: a Dataset or DataArray with dims (..., *space); variables without all of the space dims stay as they are.
        factor: points of the fine grid for one of the coarse along each axis.
        axes: number of space dims.

    Raises:
        DataError: a factor below 2.
    """
    if factor < 2:
        raise DataError(f"a finer grid has at least 2 points where the coarse has one, got factor={factor}")
    variables = list(state.data_vars.values()) if isinstance(state, xr.Dataset) else [state]
    space = max(variables, key=lambda v: v.ndim).dims[-axes:]

    def fine(variable: xr.Variable) -> xr.Variable:
        if variable.dims[-axes:] != space:
            return variable
        flat = torch.from_numpy(np.asarray(variable.values, np.float32).reshape(1, -1, *variable.shape[-axes:]))
        values = between(flat, factor).numpy()
        return xr.Variable(variable.dims, values.reshape(*variable.shape[:-axes], *values.shape[2:]), variable.attrs)

    whole = state if isinstance(state, xr.Dataset) else state.to_dataset(name=state.name or "field")
    kept = {name: axis.variable for name, axis in whole.coords.items() if not set(axis.dims) & set(space)}
    edges = {name: _inside(whole[name].variable, factor) for name in space if name in whole.coords}
    made = xr.Dataset({n: fine(v.variable) for n, v in whole.data_vars.items()}, {**kept, **edges}, whole.attrs)
    return made if isinstance(state, xr.Dataset) else made[state.name or "field"].rename(state.name)


def _inside(axis: xr.Variable, factor: int) -> xr.Variable:
    """Coordinates of the points inside of blocks with these middles."""
    middles = np.asarray(axis.values, float)
    step = float(middles[1] - middles[0]) if len(middles) > 1 else 1.0
    within = (np.arange(factor) - (factor - 1) / 2) * step / factor
    return xr.Variable(axis.dims, (middles[:, None] + within).ravel(), axis.attrs)


def unlabelled(data: TrajectoryDataset, lead_times: float | Sequence[float]) -> TrajectoryDataset:
    """Every frame with each of these lead times, and no target: states to learn from by a law (method `physics`).

    All of them are for training: without targets there is nothing to validate or to score.

    Args:
        lead_times: in the units of the data's times; 0 is the state itself.

    Raises:
        DataError: no lead time, or one that is negative.
    """
    times = np.atleast_1d(np.asarray(lead_times, float))
    if not len(times) or not (np.isfinite(times).all() and (times >= 0).all()):
        raise DataError(f"lead times of unlabelled states are numbers from 0 on, got {times.tolist()}; give some")
    frames = np.arange(data.frame_count).repeat(len(times))
    pairs, parts = np.stack([frames, frames], axis=1), Split(train=data.samples)
    return dataclasses.replace(data, pairs=pairs, ahead=np.tile(times, data.frame_count), parts=parts)


def super_resolution(data: TrajectoryDataset, factor: int) -> TrajectoryDataset:
    """Pairs (coarse state, fine state) of every frame.

    Raises:
        DataError: a grid that blocks of `factor` points do not fill.
    """
    if factor < 2 or any(points % factor for points in data.grid):
        raise DataError(
            f"blocks of two or more points fill the grid, got factor={factor} for {data.grid}; choose a divisor"
        )
    frames = np.arange(data.frame_count)
    return dataclasses.replace(data, pairs=np.stack([frames, frames], axis=1), view=Coarse(factor))


def task_errors(model: Model, data: TrajectoryDataset, *, batch_size: int = 8) -> xr.Dataset:
    """Relative errors of a model on the pairs of a dataset as they are: `relative_l1`, dims (forecast, sample, group).

    Beside the model stand `input` (the shown fields where they are sought) and `mean` (that of the training part).
    """
    config = model.config
    pairs, groups = data.arranged(config.inputs, config.outputs), list(config.groups.values())
    means = {name: mean for name, (mean, _) in data.statistics().items()}
    found: dict[str, list[torch.Tensor]] = {"model": [], "input": [], "mean": []}
    model.eval()
    for first in range(0, len(pairs), batch_size):
        batch = pairs.batch(range(first, min(first + batch_size, len(pairs))))
        assert batch.target is not None
        with torch.no_grad():
            made = model(dataclasses.replace(batch, known=None)).fields
        guesses = {"model": made, "input": _shown(batch, config.inputs, config.outputs), "mean": batch.target.clone()}
        for index, channel in enumerate(config.outputs):
            guesses["mean"][:, index] = means.get(channel.name, 0.0)
        for name, guess in guesses.items():
            found[name].append(relative_errors(guess, batch.target, groups, 1, batch.known))
    errors = np.stack([torch.cat(parts).numpy() for parts in found.values()])
    names = {"forecast": [*found], "group": list(config.groups)}
    scores = xr.Dataset({"relative_l1": (("forecast", "sample", "group"), errors, {"units": "1"})}, names)
    return scores.sel(group=scores["relative_l1"].notnull().any(["forecast", "sample"]))


def _shown(batch: FieldBatch, inputs: Sequence[Channel], outputs: Sequence[Channel]) -> torch.Tensor:
    """The input's channels in the order of the outputs; infinitely wrong where they are not among them."""
    places = {channel.name: index for index, channel in enumerate(inputs)}
    nothing = torch.full_like(batch.fields[:, 0], torch.inf)
    columns = [batch.fields[:, places[c.name]] if c.name in places else nothing for c in outputs]
    return torch.stack(columns, dim=1)
