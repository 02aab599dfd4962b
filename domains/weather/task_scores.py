"""Errors of what models of a task say: a finer state, or what unresolved motion carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import LabelledScores, Model

from .adapt import arranged
from .batch import TaskBatch
from .channels import Channel
from .metrics import squared_error

WRAPPED = {
    "downscaling": "wrap the fine states in Downscaling(fine=data, factor=...)",
    "flux": "wrap the fine states in SubgridFluxes(fine=data, factor=...)",
}
"""What makes data of a task of states."""


def has_answers(model: Model) -> bool:
    """Whether a model answers with other fields than it takes, and not with a state on their grid."""
    return model.config.task is not None and bool(model.config.task.outputs)


def task_scores(models: Mapping[str, Model], data: Any, batch_size: int = 4) -> LabelledScores:
    """`task_errors` of models, beside bicubic interpolation (downscaling) or the mean of the training part (fluxes).

    Raises:
        DataError: data of another task than that of the models.
    """
    kind = data.task.kind if hasattr(data, "task") else "forecast"
    for name, model in models.items():
        own = model.config.task.kind if model.config.task else "forecast"
        if own != kind:
            raise DataError(
                f"models are scored on data of their task, got data of the task {kind!r} for {name!r}, a model of the "
                f"task {own!r}; {WRAPPED.get(own, 'give it the states themselves')}"
            )
    head: Any = next(iter(models.values())).head
    if kind == "downscaling":
        reference = {"bicubic": head.bicubic}
    else:
        reference = {"mean": lambda batch: head.outputs.mean[:, None, None].expand_as(batch.answer)}
    return LabelledScores(task_errors({**reference, **models}, data, batch_size), "rmse", "channel", "channels")


@torch.no_grad()
def task_errors(
    forecasts: Mapping[str, Model | Callable[[TaskBatch], Tensor]], data: Any, batch_size: int = 4
) -> xr.Dataset:
    """Root mean squared error and correlation over area and samples, by forecast and output channel.

    Every model gets the samples with its own channels, in its own units; a function of a batch to the answer gets those
    of the first model, or the samples as they are where there is none.

    Raises:
        ValueError: a model that answers with other channels than the data or the first model.
    """
    parts = {name: arranged(data, f) for name, f in forecasts.items() if isinstance(f, Model)}
    first = next(iter(parts.values()), data)
    channels, grid = first.task.outputs, first.fine_grid if first.task.kind == "downscaling" else first.grid
    rows = torch.from_numpy(grid.area_weights())
    rmse, correlation = [], []
    for name, forecast in forecasts.items():
        part = parts.get(name, first)
        said = forecast.config.task.outputs if isinstance(forecast, Model) else channels
        if not names(said) == names(part.task.outputs) == names(channels):
            raise ValueError(
                f"forecasts are scored on the channels that they answer with, got {names(part.task.outputs)} for "
                f"{name!r}, which says {names(said)}, beside {names(channels)}; score it by itself on data of its own"
            )
        made, truth = (torch.cat(found).double() for found in zip(*_answers(forecast, part, batch_size), strict=True))
        rmse.append(squared_error(made, truth, rows).nanmean(0).sqrt())
        correlation.append(_correlation(made, truth))
    coords = {
        "forecast": list(forecasts),
        "channel": names(channels),
        "units": ("channel", [c.units for c in channels]),
    }
    found = {"rmse": torch.stack(rmse), "correlation": torch.stack(correlation)}
    return xr.Dataset({name: (("forecast", "channel"), values.numpy()) for name, values in found.items()}, coords)


def names(channels: Sequence[Channel]) -> list[str]:
    """Of channels."""
    return [channel.name for channel in channels]


def _answers(forecast: Model | Callable[[TaskBatch], Tensor], data: Any, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """What is said and what is true, batch by batch."""
    for begin in range(0, len(data), size):
        batch = data.batch(range(begin, min(begin + size, len(data))))
        made = forecast(batch)
        yield made if isinstance(made, Tensor) else made.fields, batch.answer


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's, of every channel over samples and places that both know."""
    known = ~(one.isnan() | other.isnan())
    count = known.sum((0, 2, 3))
    centred = []
    for x in (one, other):
        x = torch.where(known, x, 0)
        centred.append(torch.where(known, x - (x.sum((0, 2, 3)) / count)[:, None, None], 0))
    a, b = centred
    return (a * b).sum((0, 2, 3)) / (a.square().sum((0, 2, 3)) * b.square().sum((0, 2, 3))).sqrt()
