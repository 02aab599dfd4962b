"""Months ahead: the model is fed its own prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from humboldt.foundations import Model, bare

from .batch import GridBatch, GridPrediction


def rollout(model: Model, batch: GridBatch, steps: int) -> Iterator[GridPrediction]:
    """Yield the next `steps` months; adapters of the model follow the step.

    Raises:
        ValueError: not at least one step.
    """
    if steps < 1:
        raise ValueError(f"a rollout has at least one step, got {steps}")
    for _ in range(steps):
        prediction: GridPrediction = model(batch)
        yield prediction
        batch = batch.advanced(prediction.fields)


@torch.no_grad()
def rolled(model: Model, batch: Any) -> Any:
    """A batch with targets of several months, some months on: what was predicted stands for what was.

    In training as many months as chance says, so that every step of a rollout is learned, and gradients begin after
    them (pushforward, arXiv 2202.03376), so that memory does not depend on their number; else to the last one. Notes
    beside the months are kept.
    """
    months: GridBatch = bare(batch)
    most = 0 if months.later is None else months.later.shape[2]
    for _ in range(int(torch.randint(most + 1, ())) if model.training else most):
        months = months.advanced(model(batch).fields)
        batch = months if isinstance(batch, GridBatch) else dataclasses.replace(batch, batch=months)
    return batch


def push_forward_loss(model: Model, batch: GridBatch, targets: Sequence[Tensor]) -> Tensor:
    """The loss of the last of `len(targets)` months; gradients stop before it (arXiv 2202.03376).

    The months before are predicted as in a rollout, so the model learns to go on from its own predictions.

    Raises:
        ValueError: no target.
    """
    if not targets:
        raise ValueError("a rollout is trained towards at least one target month, got none")
    with torch.no_grad():
        for target in targets[:-1]:
            batch = batch.advanced(model(batch).fields, target)
    return model.loss(dataclasses.replace(batch, target=targets[-1], later=None))
