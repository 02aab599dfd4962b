"""A model for other data: their channels, their statistics, and what it knows of them already."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, Normaliser

from .channels import Channel
from .columns import columns_of, meaning
from .dataset import WeatherDataset
from .domain import build
from .forcings import KNOWN
from .lexicon import conversion, quantity
from .objective import MaskedForecasts
from .tasks import reconstructions

log = logging.getLogger(__name__)
NEW = ("embed.patches.", "embed.context.patches.", "head.unembed.", "normaliser.")  # depend on the channels


def fit_to_data(model: Model, data: Any, seed: int = 0) -> Model:
    """The model as it is where the data hold its channels (under any name), else one with the channels of the data.

    The new one shares encoder, decoder and what it knows of time. A channel that means the same as one of the model
    (the wind on 500 hPa, the pressure at sea level) takes over its weights in the first and the last layer, and its
    mean and deviation, in other units if need be; other channels begin anew. Deviations of what is predicted are
    those of the data's increments.

    Args:
        data: a `WeatherDataset` or a view of one.
        seed: of fresh weights.
    """
    series = getattr(data, "data", None)
    series = data if hasattr(data, "columns") else series
    assert series is not None
    static = _static(model, series)
    if static == model.config.static and _holds(series, model.config.channels):
        return model
    config = dataclasses.replace(model.config, channels=series.channels, static=static)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(config)
    kept = {k: v for k, v in model.state_dict().items() if not any(part in k for part in NEW)}
    made.load_state_dict(kept, strict=False)
    made.provenance = dict(model.provenance)
    pairs = kindred(config.channels, model.config.channels)
    log.info("channels: %d of %d are known to the model", len(pairs), len(config.channels))
    set_statistics(made, [series.statistics()])
    with torch.no_grad():
        _take_over(made, model, pairs)
    return made


def kindred(channels: Sequence[Channel], known: Sequence[Channel]) -> dict[int, int]:
    """For the place of every channel that means the same as one that is known, the place of that one."""
    places = {meaning(channel): place for place, channel in reversed([*enumerate(known)])}
    return {i: places[meaning(c)] for i, c in enumerate(channels) if meaning(c) in places}


def set_statistics(model: Model, statistics: Sequence[Mapping[str, np.ndarray]]) -> Model:
    """Put the mean of several data sets' statistics into the normalisation of a model; returns it.

    Inputs get means and deviations; the correction is scaled by the deviation of increments where it is added to the
    last state (brought to long lead times where the model has a memory), else by that of the state.
    """
    mean = np.mean([s["mean"] for s in statistics], axis=0)
    std = np.sqrt(np.mean([s["std"] ** 2 for s in statistics], axis=0)).clip(min=1e-12)
    change = np.sqrt(np.mean([s["increment"] ** 2 / _grown(model, s) for s in statistics], axis=0)).clip(min=1e-12)
    inputs, outputs = (cast(Normaliser, part.normaliser) for part in (model.embed, model.head))
    scale = np.where(change > 1e-12, change, std) if model.config.residual == "temporal" else std
    for normaliser, deviation in ((inputs, std), (outputs, scale)):
        normaliser.mean.copy_(torch.from_numpy(mean))
        normaliser.std.copy_(torch.from_numpy(deviation))
    return model


def _grown(model: Model, statistics: Mapping[str, np.ndarray]) -> float:
    """Share of the variance at long lead times that increments of the data's lead times have on average."""
    if model.config.memory is None or not len(statistics["hours"]):
        return 1.0
    return float(np.mean(1 - np.exp(-statistics["hours"] / model.config.memory)))


def _holds(series: Any, channels: Sequence[Channel]) -> bool:
    try:
        columns_of(series.data, channels)
    except DataError:
        return False
    return True


def _static(model: Model, series: Any) -> tuple[Channel, ...]:
    """The model's static channels where they can be made or are in the data, else those of the data."""
    mine = model.config.static
    return mine if _holds(series, [c for c in mine if c.name not in KNOWN]) else series.static


def _take_over(made: Model, model: Model, pairs: Mapping[int, int]) -> None:
    """Weights and statistics of the channels that both have."""
    new, old = made.config, model.config
    for time in range(new.input_times):
        columns = {time * len(new.channels) + i: time * len(old.channels) + j for i, j in pairs.items()}
        _copy(made, model, "embed.patches.projection.weight", 1, columns)
    static = kindred_names(new.embedded, old.embedded)
    expected = {len(new.embedded) + i: len(old.embedded) + j for i, j in pairs.items()}
    columns = static | (expected if new.residual == "climate" else {})
    _copy(made, model, "embed.context.patches.projection.weight", 1, columns)
    if new.static == old.static:
        made.embed.get_submodule("context.normaliser").load_state_dict(
            model.embed.get_submodule("context.normaliser").state_dict()
        )
    for name in ("embed.patches.projection.bias", "embed.context.patches.projection.bias"):
        made.get_parameter(name).copy_(model.get_parameter(name))
    points = old.patch**2
    rows = {i * points + p: j * points + p for i, j in pairs.items() for p in range(points)}
    for name in ("head.unembed.weight", "head.unembed.bias"):
        _copy(made, model, name, 0, rows)
    for i, j in pairs.items():
        _translate(made, model, i, j)


def kindred_names(channels: Sequence[Channel], known: Sequence[Channel]) -> dict[int, int]:
    """The same by name alone."""
    names = [c.name for c in known]
    return {i: names.index(c.name) for i, c in enumerate(channels) if c.name in names}


def _copy(made: Model, model: Model, name: str, axis: int, places: Mapping[int, int]) -> None:
    """Slices of a parameter along an axis, {place in the new one: place in the old one}."""
    if not places:
        return
    to, source = (torch.tensor([*side]) for side in (places.keys(), places.values()))
    target: Tensor = made.get_parameter(name)
    target.index_copy_(axis, to, model.get_parameter(name).index_select(axis, source))


def _translate(made: Model, model: Model, i: int, j: int) -> None:
    """Mean of channel i of the new model, and deviation of its input, from channel j of the old one, in its units."""
    new, old = made.config.channels[i], model.config.channels[j]
    known = quantity(new.variable, new.standard_name, new.level is not None)
    factor, offset = conversion(old.units, new.units, known, new.name)
    mean, std = (model.embed.get_buffer(f"normaliser.{part}")[j] for part in ("mean", "std"))
    made.embed.get_buffer("normaliser.std")[i] = factor * std
    for part in (made.embed, made.head):
        part.get_buffer("normaliser.mean")[i] = factor * mean + offset


def arranged(data: Any, model: Model) -> Any:
    """The samples with the channels and the static channels of a model; for a reconstruction, parts of them hidden."""
    made, task = data.arranged(model.config.inputs, model.config.outputs, model.config.static), model.config.task
    reconstructs = task is not None and task.kind == "reconstruction"
    if reconstructs and isinstance(made, WeatherDataset):
        made = MaskedForecasts(data=made, kinds=("units", "slots", "holes"), ratios=(0.1, 0.25, 0.5))
    if not isinstance(made, MaskedForecasts):
        return made
    series = reconstructions(made.data, model.config) if reconstructs else made.data
    return dataclasses.replace(made, data=series, config=model.config)
