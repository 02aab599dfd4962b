"""A model of gridded ecosystems and months from files brought together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch

from humboldt.data_catalog import DataError, same_units
from humboldt.foundations import Model, Normaliser, load_strictly

from .config import GridConfig, VariableGroup
from .data import MonthDataset
from .month_files import channel_names
from .scaling import set_statistics

log = logging.getLogger(__name__)
SCALE = 3.0  # deviations of data and model that differ by more than this factor are refitted


def fit_to_data(model: Model, data: MonthDataset) -> Model:
    """The model, with the statistics of the data where a deviation differs from its own by more than a factor 3.

    Raises:
        DataError: see `with_channels`.
    """
    statistics = with_channels(data, model.config.groups).statistics()
    own = cast(Normaliser, model.embed.get_submodule("normaliser")).std.flatten().double().numpy()
    found = np.array([row["std"] for row in statistics.values()])
    ratio = np.where(found > 0, found, own) / np.where(own > 0, own, 1.0)
    if np.all((ratio < SCALE) & (ratio > 1 / SCALE)):
        log.info("statistics: those of the model are kept")
        return model
    log.info("statistics: those of the data, for a deviation differs by a factor of %.3g", float(ratio.max()))
    return with_statistics(model, [statistics])


def with_statistics(model: Model, statistics: Sequence[Mapping[str, Mapping[str, float]]]) -> Model:
    """A copy of the model with the mean statistics of several training parts."""
    from .domain import build

    with torch.random.fork_rng(devices=[]):
        made = load_strictly(build(model.config), model.state_dict())
    made.provenance = dict(model.provenance)
    first, *_ = statistics
    joined = {n: {key: float(np.mean([s[n][key] for s in statistics])) for key in row} for n, row in first.items()}
    set_statistics(made, joined)
    return made.train(model.training)


def with_channels(data: MonthDataset, groups: Sequence[VariableGroup]) -> MonthDataset:
    """Months with the channels of a model, in its order; what else the data hold is left out.

    Raises:
        DataError: names what is missing, or what is in other units.
    """
    mine, theirs = channel_names(groups), channel_names(data.groups)
    missing, more = [n for n in mine if n not in theirs], [n for n in theirs if n not in mine]
    if missing:
        raise DataError(
            f"months have the channels of their model in its order; missing: {missing[:5]}, unknown to the "
            f"model: {more[:5] or 'none'}; open the data with groups={[g.name for g in groups]}, or make a model for "
            "them with humboldt.pretrain"
        )
    units = {f"{g.name}_{v}": unit for g in data.groups for v, unit in zip(g.variables, g.units, strict=False)}
    for group in groups:
        for variable, wanted in zip(group.variables, group.units, strict=False):
            found = units.get(f"{group.name}_{variable}", "")
            if wanted and found and not same_units(found, wanted):
                raise DataError(
                    f"months have the units of their model, got {found!r} for {group.name}_{variable}, which is in "
                    f"{wanted!r}; convert the values and set attrs['units']"
                )
    if more:
        log.info("channels that the model does not have are left out: %s", ", ".join(more))
    return data.of(groups)


def is_gridded(model: Model) -> bool:
    """Whether a model is one of gridded ecosystems, rather than of species distributions."""
    return isinstance(model.config, GridConfig)


def arranged(data: Any, model: Model) -> Any:
    """The samples with the channels of a model of gridded ecosystems, in its order; others as they are."""
    if is_gridded(model) and isinstance(data, MonthDataset):
        return with_channels(data, model.config.groups)
    return data
