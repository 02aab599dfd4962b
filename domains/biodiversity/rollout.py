"""Months ahead: the model is fed its own prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from humboldt.foundations import Model

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
    return model.loss(dataclasses.replace(batch, target=targets[-1]))
