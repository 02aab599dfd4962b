"""Scores of models that predict properties, each with its interval and the split that it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humboldt.foundations import Model

from .adapt import arranged
from .data import GraphDataset
from .metrics import average_precision, interval, roc_auc
from .properties import known_values, predicted, predictions


def score_properties(models: Mapping[str, Model], data: Any, *, batch_size: int = 64) -> Any:
    """RMSE and MAE of a regression, areas under the ROC and precision-recall curves of a classification.

    Of the first of them also the ends of the 95 % interval over the graphs (`rmse_low`, `rmse_high`).

    Args:
        models: of the same properties, by name.
        data: a part of a dataset with these properties.
        batch_size: sequences at a time.

    Returns:
        An xarray Dataset with dims (forecast, property); the attributes name the split and its hash.
    """
    import xarray as xr

    names = predicted(list(models.values()))
    task = next(iter(models.values())).config.readout.task
    scores: dict[str, list[list[float]]] = {}
    for model in models.values():
        part = arranged(data, model)
        assert isinstance(part, GraphDataset)
        graphs = [part.graphs[place] for place in part.places]
        values = torch.from_numpy(predictions([model], graphs, batch_size)[0]).float()
        target = torch.from_numpy(known_values(part, names))
        for name, found in scores_of(values, target, task).items():
            scores.setdefault(name, []).append(found)
    dims = ("forecast", "property")
    known = (~np.isnan(target.numpy())).sum(0)
    return xr.Dataset(
        {name: (dims, np.array(found)) for name, found in scores.items()},
        {"forecast": list(models), "property": list(names), "known": ("property", known)},
        {
            "split_by": data.split_by,
            "split_sha256": data.split_sha256,
            "part": data.part,
            "fingerprint": data.fingerprint,
            "graphs": len(data),
        },
    )


def scores_of(values: Tensor, target: Tensor, task: str) -> dict[str, list[float]]:
    """Scores of every property over the graphs for which it is known, and the 95 % interval of the first one."""
    pairs = [(v[~t.isnan()], t[~t.isnan()]) for v, t in zip(values.T, target.T, strict=True)]
    kinds = SCORES[task]
    found = {name: [score(*pair) for pair in pairs] for name, score in kinds.items()}
    first = next(iter(kinds))
    bounds = [interval(kinds[first], *pair) for pair in pairs]
    return found | {f"{first}_low": [low for low, _ in bounds], f"{first}_high": [high for _, high in bounds]}


def rmse(values: Tensor, target: Tensor) -> float:
    """Root of the mean squared error."""
    return float((values - target).square().mean().sqrt())


def mae(values: Tensor, target: Tensor) -> float:
    """Mean absolute error."""
    return float((values - target).abs().mean())


SCORES: dict[str, dict[str, Callable[[Tensor, Tensor], float]]] = {
    "classification": {"roc_auc": roc_auc, "pr_auc": average_precision},
    "regression": {"rmse": rmse, "mae": mae},
}
"""Scores of each task, the first of which has an interval."""
