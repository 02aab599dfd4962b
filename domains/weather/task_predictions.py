"""What models of a task make of states in files: a finer grid, what unresolved motion carries, no more gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, Pieces, evaluating

from .analyses import open_analyses
from .batch import TaskBatch, WeatherPrediction
from .channels import Channel
from .columns import columns_of
from .dataset import WeatherDataset
from .forcings import KNOWN, static_fields
from .forecast import model_about, open_states, write_states
from .gaps import gaps_of
from .grid import Grid
from .labelled import states_to_xarray


def task_predictions(model: Model, source: Any, *, details: Any = None, **choices: Any) -> xr.Dataset:
    """The answer of a model of a task for every time (and member) of the data.

    Args:
        model: tuned to the task `downscaling`, `flux` or `reconstruction`.
        source: coarse states for downscaling and fluxes, states with gaps for a reconstruction: a dataset, or what
            `open_weather` takes.
        details: for downscaling, the fine fields that the model knows beforehand, on the fine grid (a path or xarray
            object); without such fields each cell is cut evenly.
        choices: of `open_weather`.

    Returns:
        Dims ([number], time, [level], latitude, longitude), as the CF conventions have it.

    Raises:
        DataError: the data do not fit the model, or the fine fields are missing or on another grid.
    """
    frames, answer = _answers(model, source, details, choices)
    return xr.concat(map(answer, frames), dim="time", data_vars="minimal")


def task_pieces(
    model: Model,
    source: Any,
    lead_times: Sequence[float],
    along: str,
    *,
    details: Any = None,
    batch_size: int = 4,
    **choices: Any,
) -> Pieces:
    """The same, `batch_size` times a piece.

    Args:
        along: `time`, the only dimension that data of the atmosphere are cut along.
        details, choices: of `task_predictions`.

    Raises:
        ValueError: another dimension, or lead times.
        DataError: as of `task_predictions`.
    """
    _no_lead_times(model, lead_times)
    if along != "time":
        raise ValueError(f"answers in pieces are made for every time of the data, along 'time', got {along!r}")
    frames, answer = _answers(model, source, details, choices)

    def make(first: int, end: int) -> xr.Dataset:
        return xr.concat(map(answer, frames[first:end]), dim="time", data_vars="minimal")

    return Pieces(len(frames), batch_size, "time", make)


def _answers(
    model: Model, source: Any, details: Any, choices: Mapping[str, Any]
) -> tuple[list[int], Callable[[int], xr.Dataset]]:
    """The frames that are answered, and what makes the answer of one, all members together."""
    task = model.config.task
    if task.kind == "reconstruction":
        return gaps_of(model, source, **choices)
    alone = {} if isinstance(source, WeatherDataset) else {"input_times": 1}
    data = open_states(model, source, **{**alone, **choices})
    grid, known = _answer_grid(model, data.grid, details)
    members = sorted({s.member for s in data.samples})
    about = {**model_about(model), "history": "made with humboldt", "title": f"Answers of the task {task.kind}"}
    weights = next(model.parameters())

    def answer(frame: int) -> xr.Dataset:
        batch = _batch(model, data, frame, members, grid, known)
        with evaluating(model), torch.no_grad():
            fields = model(batch.to(weights.device, weights.dtype)).fields
        prediction = WeatherPrediction(fields, task.outputs, grid, batch.time)
        return states_to_xarray(prediction, batch.time[:1], about, data.number(members))

    return sorted({i for s in data.samples for i in s.inputs}), answer


def answered(
    model: Model,
    source: Any,
    lead_times: Sequence[float],
    *,
    output: Any = None,
    overwrite: bool = False,
    **choices: Any,
) -> xr.Dataset:
    """The same, written to a NetCDF file or a Zarr store (`.zarr`) if `output` names one.

    Raises:
        ValueError: lead times.
        DataError: as of `task_predictions`, or the path is taken.
    """
    _no_lead_times(model, lead_times)
    if output is not None and Path(output).exists() and not overwrite:
        raise DataError(f"answers are written to a new file, {output} is there; remove it or choose another name")
    made = task_predictions(model, source, **choices)
    if output is not None:
        write_states(made, Path(output))
    return made


def _no_lead_times(model: Model, lead_times: Sequence[float]) -> None:
    if list(lead_times):
        raise ValueError(
            f"a model of the task {model.config.task.kind!r} answers at the times of its data, got lead times "
            f"{list(lead_times)}; leave them out"
        )


def _batch(
    model: Model, data: WeatherDataset, frame: int, members: list[int], grid: Grid, known: dict[str, np.ndarray]
) -> TaskBatch:
    """The states of all members at a time, the same at all input times, 0 hours ahead, as in training."""
    states = torch.from_numpy(np.stack([data.state(frame, m) for m in members]))
    details = static_fields(model.config.task.details, grid, data.times[frame], known)
    return TaskBatch(
        fields=states[:, None].repeat_interleave(model.config.input_times, 1),
        static=torch.from_numpy(np.stack([data.static_at(frame, m) for m in members])),
        lead_time=torch.zeros(len(members)),
        input_time=torch.zeros(len(members)),
        channels=data.channels,
        static_channels=data.static,
        grid=data.grid,
        time=(data.times[frame],) * len(members),
        details=torch.from_numpy(details).expand(len(members), *details.shape),
        answer_channels=model.config.task.outputs,
        answer_grid=grid,
    )


def _answer_grid(model: Model, coarse: Grid, details: Any) -> tuple[Grid, dict[str, np.ndarray]]:
    """The grid of the answer, and the fields (h, w) that are known beforehand on it, by name."""
    task = model.config.task
    needed: list[Channel] = [c for c in task.details if c.name not in KNOWN]
    if details is None:
        if needed:
            raise DataError(
                f"this model knows fine fields beforehand, {[c.name for c in needed]}, got none; give them on the fine "
                "grid with details=..."
            )
        if task.factor == 1:
            return coarse, {}
        return Grid(*(_cut(edges, task.factor) for edges in (coarse.latitude_edges(), coarse.longitude_edges()))), {}
    fine = open_analyses(details)
    fine = fine.isel(dict.fromkeys({"time", "number"} & set(fine.dims), 0), drop=True)
    grid = Grid(*(tuple(fine[n].values.astype(float).tolist()) for n in ("latitude", "longitude")))
    for name in ("latitude", "longitude"):
        _check_cells(name, getattr(grid, name), getattr(coarse, name), task.factor)
    columns = columns_of(fine, needed)
    return grid, {c.channel.name: c.read({c.variable: fine[c.variable].values}) for c in columns}


def _cut(edges: np.ndarray, factor: int) -> tuple[float, ...]:
    """The middles of `factor` even parts of every cell."""
    parts = (np.arange(factor) + 0.5) / factor
    return tuple((edges[:-1, None] + np.diff(edges)[:, None] * parts).ravel().tolist())


def _check_cells(name: str, fine: tuple[float, ...], coarse: tuple[float, ...], factor: int) -> None:
    if len(fine) == factor * len(coarse):
        away = np.asarray(fine).reshape(-1, factor).mean(1) - coarse
        step = np.abs(np.diff(coarse)).min() if len(coarse) > 1 else 1.0
        if np.abs((away + 180) % 360 - 180).max() < 0.1 * step:
            return
    raise DataError(
        f"every coarse cell holds {factor} x {factor} fine points around its own, got {len(fine)} {name}s from "
        f"{fine[0]:g} to {fine[-1]:g} for {len(coarse)} from {coarse[0]:g} to {coarse[-1]:g}; bring details to the "
        "fine grid with regrid(...)"
    )
