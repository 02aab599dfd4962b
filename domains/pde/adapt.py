"""Make a model and data meet: which channels, which statistics, which horizon."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch

from humboldt.foundations import ConfigError, Model, load_strictly

from .channels import free_scalars, inherit_channels, replace_channels, require_plain
from .config import Channel, FineConfig, PDEConfig
from .domain import build

log = logging.getLogger(__name__)

SCALE = 3.0  # deviations that differ by more than this factor, and means by more than so many, are refitted
FINE_RATE = 5e-3  # of embedding and head, where a fine path is new; twice that was worse on three of four families
REACH = 1.5  # lead times beyond this many horizons are refitted


def fit_to_data(model: Model, dataset: Any, *, seed: int = 0) -> Model:
    """A model for the channels, the scale and the lead times of a dataset; each decision is logged.

    1. All channels of the data are known to the model by name: it keeps its channels, those that the data lack are
       masked. Otherwise, if it has free scalars (`scalar_1`, ...), unknown channels take their weights (see
       `inherit_channels`); if it has none, embedding and recovery are replaced (see `replace_channels`).
    2. The normaliser is kept if the deviation of every group of the data is within a factor 3 of the model's and every
       mean within 3 deviations, else it takes the mean and the pooled deviation of the data; new channels always do.
    3. Channels of a model that have no units (1) take those of the data; other units that differ are refused where the
       data are arranged.
    4. The horizon is kept if no lead time is longer than 1.5 of it (in the same units), else it is the longest one.

    Args:
        model: left as it is.
        dataset: trajectories (`channels`, `outputs`, `statistics()`, `lead_times()`, `time_units`).
        seed: of weights that are replaced.
    """
    statistics = dataset.statistics()
    known = {c.name for c in model.config.inputs} >= {c.name for c in dataset.channels} and {
        c.name for c in model.config.outputs
    } >= {c.name for c in dataset.outputs}
    if known:
        absent = [c.name for c in model.config.inputs if c.name not in statistics]
        log.info("channels: the model knows all of %s; masked: %s", sorted(statistics), absent or "none")
        model = with_horizon(model, dataset)
        return model if _alike(model, statistics) else set_statistics(model, [statistics])
    log.info(
        "channels: changed, for the model knows %s and the data have %s",
        [c.name for c in model.config.inputs],
        [c.name for c in dataset.channels],
    )
    change = inherit_channels if free_scalars(model) else replace_channels
    model = change(model, dataset.channels, dataset.outputs, seed=seed)
    return set_statistics(with_horizon(model, dataset), [statistics])


def with_fine_path(model: Model, fine: FineConfig | None = None, *, seed: int = 0) -> Model:
    """The model (a copy) with a path of full resolution beside its tokens; until it is trained it computes what it did.

    Where the checkpoint advises rates for tuning, embedding and head get a higher one, for the path is new.

    Args:
        fine: shape of the path; if not given the default one, with four waves along each axis of a cube.
        seed: of the weights of the path.

    Raises:
        ConfigError: a model that has such a path, that hides places, that has adapters, or whose task is not to
            forecast.
    """
    config: PDEConfig = model.config
    if config.fine is not None or config.task != "forecast":
        what = f"task={config.task!r}" if config.fine is None else f"a model with {config.fine}"
        raise ConfigError(f"a fine path is added once, to a model that forecasts, got {what}; leave it as it is")
    fine = fine or (FineConfig(modes=4) if config.core.axes == 3 else FineConfig())
    grown = _rebuilt(model, dataclasses.replace(config, fine=fine), seed)
    grown.provenance["fine_path"] = {"seed": seed}
    if advice := model.provenance.get("advice"):
        tuning = {**advice.get("pretrained", {}), "embedding_rate": FINE_RATE}
        grown.provenance["advice"] = {**advice, "pretrained": tuning}
    return grown


def with_horizon(model: Model, dataset: Any) -> Model:
    """The model (a copy) with a horizon that reaches the data's longest lead time, in their units, and the units of
    their channels where it has none."""
    config = model.config
    longest = float(max(dataset.lead_times())) or config.horizon  # where nothing lies ahead any horizon will do
    fits = dataset.time_units == config.time_units and longest <= REACH * config.horizon
    if fits:
        log.info("horizon: %g %s is kept, the longest lead time is %g", config.horizon, config.time_units, longest)
    else:
        log.info(
            "horizon: %g %s becomes the longest lead time, %g %s",
            config.horizon, config.time_units, longest, dataset.time_units,
        )  # fmt: skip
        config = dataclasses.replace(config, horizon=longest, time_units=dataset.time_units)
    inputs, outputs = _units_of(config.inputs, dataset.channels), _units_of(config.outputs, dataset.outputs)
    return _rebuilt(model, dataclasses.replace(config, inputs=inputs, outputs=outputs))


def _rebuilt(model: Model, config: PDEConfig, seed: int = 0) -> Model:
    """The model (a copy, as precise and where it was) in a configuration of the same tensors, but for a fine path that
    is drawn from `seed` where the model has none."""
    require_plain(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(config)
    path = {name: value for name, value in made.state_dict().items() if name.startswith("head.fine.")}
    like = next(model.parameters())
    made = load_strictly(made.to(like.device, like.dtype), {**path, **model.state_dict()})
    made.provenance = dict(model.provenance)
    return made.train(model.training)


def _units_of(channels: tuple[Channel, ...], theirs: Iterable[Channel]) -> tuple[Channel, ...]:
    """Channels whose unit is 1 in the units of the same channels of the data."""
    units = {c.name: c.units for c in theirs}
    taken = tuple(dataclasses.replace(c, units=units.get(c.name, "1")) if c.units == "1" else c for c in channels)
    if taken != channels:
        log.info("units: the model had none for %s", {c.name: c.units for c in taken if c not in channels})
    return taken


def set_statistics(model: Model, found: Iterable[Mapping[str, tuple[float, float]]]) -> Model:
    """Give the normalisers of a model the mean of each channel and the pooled deviation of its group.

    Args:
        model: changed in place, and returned.
        found: {channel: (mean, deviation)} of one or several datasets, which count alike; what none has stays as
            it is in the model.
    """
    pooled = _pooled(list(found))
    parts: list[tuple[Any, tuple[Channel, ...]]] = [
        (model.embed, model.config.inputs),
        (model.head, model.config.outputs),
    ]
    for part, channels in parts:
        deviations = _group_deviations(channels, pooled)
        for index, channel in enumerate(channels):
            if channel.name in pooled:
                part.normaliser.mean[index] = pooled[channel.name][0]
                part.normaliser.std[index] = deviations[channel.error_group]
    log.info("normaliser: mean and deviation of %s are those of the data", sorted(pooled))
    return model


def _alike(model: Model, statistics: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the deviation of every group of the data is that of the model, within `SCALE`, and so is each mean."""
    channels, embed = model.config.inputs, cast(Any, model.embed)
    centre, spread = embed.normaliser.mean.tolist(), embed.normaliser.std.tolist()
    own = {c.name: pair for c, *pair in zip(channels, centre, spread, strict=True) if c.name in statistics}
    ours = _group_deviations(channels, {name: (mean, std) for name, (mean, std) in own.items()})
    theirs = _group_deviations(channels, statistics)
    apart = {g: (ours[g], theirs[g]) for g in theirs if not 1 / SCALE <= theirs[g] / ours[g] <= SCALE}
    means = {name: (mean, std, statistics[name][0]) for name, (mean, std) in own.items()}
    moved = {name: (mean, found) for name, (mean, std, found) in means.items() if abs(found - mean) > SCALE * std}
    if apart:
        log.info("normaliser: deviations of model and data differ by more than a factor %g: %s", SCALE, apart)
    elif moved:
        log.info("normaliser: means of model and data differ by more than %g deviations: %s", SCALE, moved)
    else:
        log.info("normaliser: kept, deviations of the data are within a factor %g: %s", SCALE, theirs)
    return not apart and not moved


def _group_deviations(channels: tuple[Channel, ...], statistics: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Root mean square of the deviations of each group's channels."""
    squares: dict[str, list[float]] = {}
    for channel in channels:
        if channel.name in statistics:
            squares.setdefault(channel.error_group, []).append(statistics[channel.name][1] ** 2)
    return {group: (sum(values) / len(values)) ** 0.5 for group, values in squares.items()}


def _pooled(found: list[Mapping[str, tuple[float, float]]]) -> dict[str, tuple[float, float]]:
    """Mean and deviation over several datasets of equal weight."""
    pooled = {}
    for name in dict.fromkeys(name for statistics in found for name in statistics):
        here = [statistics[name] for statistics in found if name in statistics]
        mean = sum(m for m, _ in here) / len(here)
        pooled[name] = (mean, (sum(s**2 + (m - mean) ** 2 for m, s in here) / len(here)) ** 0.5)
    return pooled
