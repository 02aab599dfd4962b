"""Whether a solution operator composes as a flow does, and in which steps it is best applied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model

from .batch import FieldBatch
from .evaluation import evaluate, model_forecaster
from .metrics import relative_errors
from .rollout import next_fields


def semigroup_error(model: Model, batch: FieldBatch, first: float, second: float) -> Float[Tensor, "b groups"]:
    """How far S(second) S(first) u is from S(first + second) u: relative L1 of normalised fields a sample and group.

    It is 0 for every flow of an equation without explicit time, whatever its error, and needs no target. Places that
    are `known` (land, channels that the data lack) do not count; a group without others is NaN.

    Args:
        batch: states in the channels of the model, such as those of `data.arranged(inputs, outputs)`.
        first, second: lead times, in the model's time units.

    Raises:
        ValueError: lead times that are not positive.
    """
    if not (0 < first < math.inf and 0 < second < math.inf):
        raise ValueError(f"lead times are positive, got {first} and {second}; choose two that are")
    normaliser = model.head.get_submodule("normaliser")
    (at_once,) = model_forecaster(model)(batch, [first + second])
    (half_way,) = model_forecaster(model)(batch, [first])
    between = batch.at(next_fields(model.config, batch.fields, half_way), batch.lead_time)
    (composed,) = model_forecaster(model)(between, [second])
    with torch.no_grad():
        pair = normaliser(composed.fields), normaliser(at_once.fields)
    return relative_errors(*pair, list(model.config.groups.values()), 1, batch.known)


def best_step(
    model: Model, data: Any, *, lead_steps: Sequence[int], candidates: Iterable[float | None], batch_size: int = 8
) -> tuple[float | None, dict[float | None, float]]:
    """The step in which autoregressive forecasts are best on held-out trajectories; None is a forecast at once.

    Args:
        data: trajectories for choosing (a validation part, never the one that is reported on).
        lead_steps: frames ahead that are scored.
        candidates: steps in the model's time units, and None.

    Returns:
        The best candidate, and the error of each: median over samples, mean over groups and lead steps of the relative
        L1 of normalised fields.

    Raises:
        ValueError: no candidate.
    """
    steps = list(dict.fromkeys(candidates))
    if not steps:
        raise ValueError("a step is chosen among candidates, got none; give some, such as [None, 0.05, 0.1]")
    names = {"at once" if step is None else f"step {step:g}": step for step in steps}
    found = evaluate(
        {name: model_forecaster(model, step) for name, step in names.items()},
        data,
        model.config,
        normaliser=model.head.get_submodule("normaliser"),
        lead_steps=lead_steps,
        batch_size=batch_size,
    )
    median = found.scores["relative_l1"].median("sample").mean(["group", "lead_time"])
    errors = {step: float(median.sel(forecast=name)) for name, step in names.items()}
    return min(steps, key=lambda step: (not math.isfinite(errors[step]), errors[step])), errors
