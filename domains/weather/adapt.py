"""A model for other data: their channels, their statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, Normaliser

from .columns import columns_of
from .domain import build

NEW = ("embed.patches.", "embed.context.patches.", "head.unembed.", "normaliser.")  # depend on the channels


def fit_to_data(model: Model, data: Any, seed: int = 0) -> Model:
    """The model as it is where the data hold its channels (under any name), else one with the channels of the data.

    The new one shares encoder, decoder and what it knows of time; what depends on the channels is fresh, and the
    statistics are those of the data.

    Args:
        data: a `WeatherDataset` or a view of one.
        seed: of fresh weights.
    """
    series = getattr(data, "data", None)
    series = data if hasattr(data, "columns") else series
    assert series is not None
    try:
        columns_of(series.data, model.config.channels)
        same = tuple(series.static) == tuple(model.config.static)
    except DataError:
        same = False
    if same:
        return model
    config = dataclasses.replace(model.config, channels=series.channels, static=series.static)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(config)
    kept = {k: v for k, v in model.state_dict().items() if not any(part in k for part in NEW)}
    made.load_state_dict(kept, strict=False)
    made.provenance = dict(model.provenance)
    return set_statistics(made, [series.statistics()])


def set_statistics(model: Model, statistics: Sequence[Mapping[str, np.ndarray]]) -> Model:
    """Put the mean of several data sets' statistics into the normalisation of a model; returns it.

    Inputs get means and deviations; the correction is scaled by the deviation of increments where it is added to the
    last state, else by that of the state.
    """
    mean = np.mean([s["mean"] for s in statistics], axis=0)
    std = np.sqrt(np.mean([s["std"] ** 2 for s in statistics], axis=0)).clip(min=1e-12)
    change = np.sqrt(np.mean([s["increment"] ** 2 for s in statistics], axis=0)).clip(min=1e-12)
    inputs, outputs = (cast(Normaliser, part.normaliser) for part in (model.embed, model.head))
    scale = np.where(change > 1e-12, change, std) if model.config.residual == "temporal" else std
    for normaliser, deviation in ((inputs, std), (outputs, scale)):
        normaliser.mean.copy_(torch.from_numpy(mean))
        normaliser.std.copy_(torch.from_numpy(deviation))
    return model
