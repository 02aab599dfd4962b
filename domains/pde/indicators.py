"""Scores of models of the task `error`: does what they say of a forecast's error go with the error?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.stats import spearmanr

from humboldt.foundations import Model

from .evaluation import chosen_steps
from .heads import ErrorHead


@dataclass(frozen=True, kw_only=True)
class Indication:
    """What an evaluation of error indicators found.

    Attributes:
        scores: rank correlations of said and actual errors: `within` a state, dims (forecast, lead_time, group,
            sample), and `overall`, over all places, states and lead times, dims (forecast, group).
    """

    scores: xr.Dataset

    def datasets(self) -> dict[str, xr.Dataset]:
        """The scores."""
        return {"scores": self.scores}

    def text(self) -> str:
        """Rank correlations, a row a group and indicator."""
        lines = [f"{'group':12} {'indicator':12} overall  within a state (median)"]
        for group in self.scores["group"].values:
            for name in self.scores["forecast"].values:
                here = self.scores.sel(group=group, forecast=name)
                lines.append(f"{group:12} {name:12} {float(here.overall):7.2f}  {float(here.within.median()):7.2f}")
        return "\n".join(["rank correlation of said and actual errors", *lines])

    def rows(self) -> list[dict[str, Any]]:
        """A row an indicator, group and lead time: the median within a state, and overall."""
        medians = self.scores.median("sample").transpose("forecast", "group", "lead_time")
        tidy = medians.to_dataframe().reset_index().to_dict("records")
        return [{str(k): None if v != v else v for k, v in row.items()} for row in tidy]


def evaluate_indicators(
    models: Mapping[str, Model], data: Any, *, lead_steps: Sequence[int] | None = None, batch_size: int = 8
) -> Indication:
    """Compare what each model says of its forecast's error with that error, from the first frame of every trajectory;
    pairs of a task as they are (`steady`).

    Raises:
        ValueError: a model of another task, lead steps beyond the trajectories, or unlabelled data.
    """
    if other := [name for name, model in models.items() if not isinstance(model.head, ErrorHead)]:
        raise ValueError(
            f"indicators are compared with indicators, got models of another task: {other}; leave them out"
        )
    config, steps = next(iter(models.values())).config, chosen_steps(data, 0, lead_steps)
    pairs, groups = data.arranged(config.inputs, config.outputs), config.groups
    pairs = pairs if data.steady else pairs.frames(0, ahead=tuple(steps))
    said: dict[str, list[np.ndarray]] = {name: [] for name in models}
    true: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for first in range(0, len(pairs), batch_size * len(steps)):
        whole = pairs.batch(range(first, min(first + batch_size * len(steps), len(pairs))))
        if whole.target is None:
            raise ValueError("a score needs a target, got data without one; score on data that say what came")
        for name, model in models.items():
            model.eval()
            weights = next(model.parameters())
            batch = whole.to(weights.device, weights.dtype)
            with torch.no_grad():
                made, actual = model(batch).fields, model.head.actual(batch)  # type: ignore[operator]
            if batch.known is not None:
                made, actual = (torch.where(batch.known, torch.nan, x) for x in (made, actual))
            said[name].append(made.cpu().numpy())
            true[name].append(actual.cpu().numpy())
    within = np.full((len(models), len(steps), len(groups), len(pairs) // len(steps)), np.nan)
    overall = np.full((len(models), len(groups)), np.nan)
    for n, name in enumerate(models):
        claims, errors = np.concatenate(said[name]), np.concatenate(true[name])
        for g, channels in enumerate(map(list, groups.values())):
            overall[n, g] = agreement(claims[:, channels], errors[:, channels])
            each = [agreement(a, b) for a, b in zip(claims[:, channels], errors[:, channels], strict=True)]
            within[n, :, g] = np.reshape(each, (-1, len(steps))).T
    times = ("lead_time", pairs.lead_times()[: len(steps)], {"units": config.time_units, "long_name": "lead time"})
    scores = xr.Dataset(
        {
            "within": (("forecast", "lead_time", "group", "sample"), within, {"units": "1"}),
            "overall": (("forecast", "group"), overall, {"units": "1"}),
        },
        {"forecast": [*models], "lead_time": times, "group": [*groups], "lead_step": ("lead_time", steps)},
    )
    return Indication(scores=scores.sel(group=scores["overall"].notnull().any("forecast")))


def agreement(said: np.ndarray, true: np.ndarray) -> float:
    """Rank correlation over all places that count (not NaN); NaN where one of them does not vary."""
    counts = np.isfinite(said) & np.isfinite(true)
    one, other = said[counts], true[counts]
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return np.nan
    return float(spearmanr(one, other).statistic)
