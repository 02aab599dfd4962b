"""Several models as one: a mean, a spread, and a score of the whole distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model

from .batch import FieldBatch, FieldPrediction
from .evaluation import model_forecaster

Forecaster = Callable[[FieldBatch, Sequence[float]], Iterator[FieldPrediction]]


def crps(members: Float[Tensor, "m *shape"], target: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Continuous ranked probability score ``E|X - y| - E|X - X'| / 2`` of an ensemble, fair to its size.

    The second mean runs over pairs of different members (Ferro, Q. J. R. Meteorol. Soc. 140, 2014), so that more
    members score better only if they say more. With one member it is the absolute error.
    """
    count = len(members)
    distance = (members - target).abs().mean(0)
    if count == 1:
        return distance
    order = torch.arange(1 - count, count, 2, dtype=members.dtype, device=members.device)
    ordered = members.sort(dim=0).values
    spread = (order.view(-1, *(1,) * target.dim()) * ordered).sum(0) / (count * (count - 1))
    return distance - spread


def ensemble_forecaster(models: Sequence[Model], step: float | None = None) -> Forecaster:
    """The mean of the forecasts of several models of the same channels.

    Raises:
        ValueError: no model, or models of different outputs.
    """
    members = _members(models, step)

    def forecast(batch: FieldBatch, lead_times: Sequence[float]) -> Iterator[FieldPrediction]:
        for together in zip(*(member(batch, lead_times) for member in members), strict=True):
            yield FieldPrediction(torch.stack([one.fields for one in together]).mean(0))

    return forecast


def ensemble_scores(
    models: Sequence[Model], data: Any, *, lead_steps: Sequence[int], step: float | None = None, batch_size: int = 8
) -> xr.Dataset:
    """Scores of an ensemble from the first frame of every trajectory, in normalised fields.

    Returns:
        dims (lead_step, sample, group): `crps`; `error`, the mean absolute error of the mean; `member`, that of a
        member on average; `spread` and `rmse`, which are equal for an ensemble that knows how wrong it is.
    """
    members, config, count = _members(models, step), models[0].config, len(lead_steps)
    pairs = data.arranged(config.inputs, config.outputs).frames(0, ahead=tuple(lead_steps))
    normaliser: Any = models[0].head.get_submodule("normaliser")
    found: dict[str, list[Tensor]] = {}
    for first in range(0, len(pairs), batch_size * count):
        batch = pairs.batch(range(first, min(first + batch_size * count, len(pairs))))
        start = batch.at(batch.fields[::count], batch.lead_time[::count])
        leads = [float(time) for time in batch.lead_time[:count]]
        made = [torch.stack([p.fields for p in member(start, leads)], dim=1).flatten(0, 1) for member in members]
        with torch.no_grad():
            states = torch.stack([normaliser(fields) for fields in made])
            truth = normaliser(batch.target)
        for name, value in _pointwise(states, truth).items():
            found.setdefault(name, []).append(_by_group(value, batch.known, config.groups).unflatten(0, (-1, count)))
    dims = ("lead_step", "sample", "group")
    values = {name: torch.cat(parts).transpose(0, 1) for name, parts in found.items()}
    values |= {name: values[name].sqrt() for name in ("spread", "rmse")}
    coords = {"lead_step": list(lead_steps), "group": list(config.groups)}
    scores = xr.Dataset({name: (dims, value.numpy(), {"units": "1"}) for name, value in values.items()}, coords)
    return scores.sel(group=scores["crps"].notnull().any(["lead_step", "sample"]))


def _members(models: Sequence[Model], step: float | None) -> list[Forecaster]:
    outputs = [[channel.name for channel in model.config.outputs] for model in models]
    if not models or any(names != outputs[0] for names in outputs):
        raise ValueError(f"an ensemble has one or more models of the same outputs, got {outputs}; tune them alike")
    return [model_forecaster(model, step) for model in models]


def _pointwise(states: Tensor, truth: Tensor) -> dict[str, Tensor]:
    mean = states.mean(0)
    spread = states.var(0) if len(states) > 1 else torch.zeros_like(mean)
    return {
        "crps": crps(states, truth),
        "error": (mean - truth).abs(),
        "member": (states - truth).abs().mean(0),
        "spread": spread * (len(states) + 1) / len(states),
        "rmse": (mean - truth).square(),
    }


def _by_group(value: Tensor, known: Tensor | None, groups: Mapping[str, Sequence[int]]) -> Tensor:
    """Mean over the channels of each group and over space, of what is not known: one row a sample."""
    counts = torch.ones_like(value) if known is None else (~known).expand_as(value).to(value.dtype)
    kept = torch.where(counts > 0, value, 0)  # a member may say NaN where nothing is asked
    sums = [[x[:, list(g)].flatten(1).sum(1) for x in (kept, counts)] for g in groups.values()]
    return torch.stack([above / below for above, below in sums], dim=1)
