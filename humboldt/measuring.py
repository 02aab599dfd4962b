"""One number for a model on data: the score by which methods, corruptions, episodes and sequences are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from humboldt.foundations import Model

from .registry import domain
from .view import arranged


@dataclass(frozen=True)
class Score:
    """A number, what it measures and in which unit; `better` says which way."""

    value: float
    metric: str
    unit: str = "1"
    better: str = "lower"


def measure(model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score:
    """How wrong a model is on a part of data; lower is better.

    PDEs: mean over lead steps and channel groups of the median relative L1. Weather: RMSE over the deviation of
    changes in the model's own statistics, mean over lead times and channels. Properties of graphs: the mean root
    mean square error of a regression, one less the mean area under the ROC curve of a classification; the latter of
    species distributions too. All else: the mean loss of the head, over at most 64 samples.

    Args:
        model: what is scored; its mode and weights stay as they are.
        data: a part with targets.
        lead_steps: frames ahead that are scored (PDEs); all by default.
    """
    if not is_scored(model, data):
        return Score(mean_loss(model, data), "loss of the head")
    science: Any = domain(model.domain)
    choices: dict[str, Any] = {"lead_steps": lead_steps, "batch_size": 8} if model.domain == "pde" else {}
    part = arranged(data, model) if model.domain == "weather" else data
    scores = science.evaluate({"model": model}, part, **choices).scores.sel(forecast="model")
    if model.domain == "pde":
        value = float(scores["relative_l1"].median("sample").mean())
        return Score(value, "median relative L1, mean over lead steps and groups")
    if model.domain == "weather":
        deviation = model.head.get_submodule("normaliser").get_buffer("std").flatten().double().numpy()
        value = float((scores["rmse"] / ("channel", deviation)).mean())
        return Score(value, "RMSE over the deviation of changes, mean over lead times and channels")
    if "rmse" in scores:
        return Score(float(scores["rmse"].mean()), "RMSE, mean over properties", "units of the properties")
    name, over = ("auc", "species") if "auc" in scores else ("roc_auc", "properties")
    return Score(1 - float(scores[name].mean()), f"1 - area under the ROC curve, mean over {over}")


def is_scored(model: Model, data: Any) -> bool:
    """Whether the science scores this kind of model on this kind of data."""
    if model.domain == "graphs":
        return getattr(model.config, "readout", None) is not None
    if model.domain == "biodiversity":
        return hasattr(data, "species") and getattr(data, "part", "") == "test"
    if model.domain == "weather":
        return hasattr(data, "grid") and getattr(model.config, "task", None) is None
    return True


def mean_loss(model: Model, data: Any, count: int = 64) -> float:
    """The model's loss on a part, over at most `count` samples that are spread over it."""
    import torch

    held, training = arranged(data, model), model.training
    places = sorted({round(i) for i in np.linspace(0, len(held) - 1, count)})
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # sequences of graphs are drawn anew each time
            return float(np.mean([float(model.loss(held.batch(places[i : i + 8]))) for i in range(0, len(places), 8)]))
    finally:
        model.train(training)
