"""Fill what is missing in analyses by what a model makes of the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.foundations import Model, evaluating

from .batch import WeatherBatch, WeatherPrediction
from .dataset import WeatherDataset
from .forecast import model_about, open_states
from .labelled import states_to_xarray
from .masking import known_tokens, observed_mask


def fill_gaps(model: Model, source: Any, **choices: Any) -> xr.Dataset:
    """Analyses without gaps: what is known stays as it is, what is missing is reconstructed (lead time 0).

    Units of tokens in which nothing is known at all are left out of the encoder. A model with two input times needs a
    neighbour of every state: one that corrects the first state fills all but the last one, others all but the first.

    Args:
        model: trained on reconstruction, such as by `humboldt.finetune(..., task="reconstruction")`.
        source: a dataset, or what `open_weather` takes.
        choices: of `open_weather`.

    Returns:
        The states as the CF conventions have them, dims ([number], time, [level], latitude, longitude).
    """
    frames, filled = gaps_of(model, source, **choices)
    return xr.concat(map(filled, frames), dim="time", data_vars="minimal")


def gaps_of(model: Model, source: Any, **choices: Any) -> tuple[list[int], Callable[[int], xr.Dataset]]:
    """The frames of which `fill_gaps` makes states, and what makes one of them."""
    data = open_states(model, source, **choices)
    frames = [*dict.fromkeys(s.inputs[0 if _first(model) else -1] for s in data.samples)]
    return frames, partial(_filled, model, data)


def reconstructed(model: Model, batch: WeatherBatch) -> torch.Tensor:
    """States (b, c, h, w) where every value is the model's own, at lead time 0, from the values that are not NaN."""
    known = ~batch.fields[:, 0 if _first(model) else -1].isnan().all(1)
    units = model.config.units(tuple(known.shape[1:]))
    tokens, made = known_tokens(known, units, model.config.patch), []
    for i in range(len(batch)):
        one = batch.samples(slice(i, i + 1))
        mask = observed_mask(tokens[i : i + 1], units) if tokens[i].any() else None
        made.append(model(one.masked(mask)).fields)
    return torch.cat(made)


def _filled(model: Model, data: WeatherDataset, frame: int) -> xr.Dataset:
    """The states of all members at one time."""
    members = sorted({s.member for s in data.samples})
    which = 0 if _first(model) else -1
    found = (next(s for s in data.samples if s.member == m and s.inputs[which] == frame) for m in members)
    samples = [dataclasses.replace(s, target=None, lead_time=0.0) for s in found]
    states = torch.from_numpy(np.stack([data.state(frame, s.member) for s in samples]))
    with torch.no_grad(), evaluating(model):
        whole = torch.where(states.isnan(), reconstructed(model, data.collate(samples)), states)
    about = {**model_about(model), "history": "gaps filled with humboldt", "title": "Analyses without gaps"}
    times = (data.times[frame],)
    prediction = WeatherPrediction(whole, data.channels, data.grid, times * len(samples))
    return states_to_xarray(prediction, times, about, data.number(members))


def _first(model: Model) -> bool:
    """Whether a reconstruction is that of the first state (models that correct a state), not of the last one."""
    return model.config.residual == "temporal"


def nearest_in_time(states: np.ndarray) -> np.ndarray:
    """Baseline (time, c, h, w): linear in time between known values, beyond them the nearest, else the mean."""
    times, made = np.arange(len(states)), states.copy()
    for place in np.ndindex(*states.shape[1:]):
        series = made[(slice(None), *place)]
        known = np.isfinite(series)
        if known.any() and not known.all():
            series[~known] = np.interp(times[~known], times[known], series[known])
    mean = np.nanmean(states, axis=(0, 2, 3))[None, :, None, None]
    return np.where(np.isfinite(made), made, mean)
