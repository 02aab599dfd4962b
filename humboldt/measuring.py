"""One number for a model on data: the score by which methods, corruptions, episodes and sequences are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from humboldt.foundations import Model, Score, evaluating

from .registry import domain
from .view import arranged


def measure(model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score:
    """How wrong a model is on a part of data, as its science measures it (see `Domain.measure`); lower is better.

    Where it has no such number for this kind of model and data: the mean loss of the head, over at most 64 samples.

    Args:
        model: what is scored; its mode and weights stay as they are.
        data: a part with targets.
        lead_steps: frames ahead that are scored (PDEs); all by default.
    """
    found: Score | None = domain(model.domain).measure(model, arranged(data, model), lead_steps=lead_steps)
    return found or Score(mean_loss(model, data), "loss of the head")


def mean_loss(model: Model, data: Any, count: int = 64) -> float:
    """The model's loss on a part, over at most `count` samples that are spread over it."""
    import torch

    held = arranged(data, model)
    places = sorted({round(i) for i in np.linspace(0, len(held) - 1, count)})
    with evaluating(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # sequences of graphs are drawn anew each time
        return float(np.mean([float(model.loss(held.batch(places[i : i + 8]))) for i in range(0, len(places), 8)]))
