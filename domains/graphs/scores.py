"""Scores of models that predict properties, each with its interval and the split that it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humboldt.foundations import Model

from .adapt import arranged, read_by_all
from .data import GraphDataset
from .metrics import average_precision, interval, roc_auc
from .properties import known_values, predicted, predictions


def score_properties(models: Mapping[str, Model], data: Any, *, batch_size: int = 64) -> Any:
    """RMSE and MAE of a regression, areas under the ROC and precision-recall curves of a classification.

    Of the first of them also the ends of the 95 % interval over the graphs (`rmse_low`, `rmse_high`). Graphs that one
    of the models cannot say (an atom without a token, where there is no `*`) are left out of all scores and counted.

    Args:
        models: of the same properties, by name.
        data: a part of a dataset with these properties.
        batch_size: sequences at a time.

    Returns:
        An xarray Dataset with dims (forecast, property); the attributes name the split and its hash.
    """
    return score_all(models, data, batch_size=batch_size)[0]


def score_all(models: Mapping[str, Model], data: Any, *, batch_size: int = 64) -> tuple[Any, Any]:
    """What `score_properties` gives, and the continuous error of every graph, dims (forecast, property, sample).

    That is the absolute error of a regression, -log p of the true class of a classification (`SAMPLE_ERRORS`); NaN
    where nothing is known. Args as in `score_properties`.
    """
    import xarray as xr

    names = predicted(list(models.values()))
    data = read_by_all(data, [model.config for model in models.values()])
    task = next(iter(models.values())).config.readout.task
    scores: dict[str, list[list[float]]] = {}
    metric, error = SAMPLE_ERRORS[task]
    errors = []
    for model in models.values():
        part = arranged(data, model)
        assert isinstance(part, GraphDataset)
        graphs = [part.graphs[place] for place in part.places]
        values = torch.from_numpy(predictions([model], graphs, batch_size)[0]).float()
        target = torch.from_numpy(known_values(part, names))
        errors.append(error(values, target).T.numpy())
        for name, found in scores_of(values, target, task).items():
            scores.setdefault(name, []).append(found)
    known = (~np.isnan(target.numpy())).sum(0)
    coords = {"forecast": list(models), "property": list(names), "known": ("property", known)}
    said = {
        "split_by": data.split_by,
        "split_sha256": data.split_sha256,
        "part": data.part,
        "fingerprint": data.fingerprint,
        "graphs": len(data),
    }
    made = xr.Dataset({n: (("forecast", "property"), np.array(v)) for n, v in scores.items()}, coords, said)
    rows = ("sample", [data.rows[place] for place in data.places])
    each = {metric: (("forecast", "property", "sample"), np.stack(errors))}
    return made, xr.Dataset(each, {**coords, "row": rows}, said)


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


def log_loss(values: Tensor, target: Tensor) -> Tensor:
    """-log p of the true class by graph and property, in nats; NaN where it is not known."""
    p = torch.where(target == 1, values, 1 - values).clamp_min(torch.finfo(torch.float32).tiny)
    return torch.where(target.isnan(), torch.nan, -p.log())


def absolute_errors(values: Tensor, target: Tensor) -> Tensor:
    """|value - target| by graph and property; NaN where it is not known."""
    return (values - target).abs()


SAMPLE_ERRORS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "classification": ("log_loss", log_loss),
    "regression": ("absolute_error", absolute_errors),
}
"""The continuous error of a sample, by task."""

SCORES: dict[str, dict[str, Callable[[Tensor, Tensor], float]]] = {
    "classification": {"roc_auc": roc_auc, "pr_auc": average_precision},
    "regression": {"rmse": rmse, "mae": mae},
}
"""Scores of each task, the first of which has an interval."""
