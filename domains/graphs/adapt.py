"""Data and model brought together: one vocabulary, one length, the same goals."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable

import numpy as np

from humboldt.data_catalog import DataError
from humboldt.foundations import Model

from .config import Goal, GraphConfig
from .data import GraphDataset
from .graph import GraphError
from .reading import sayable, unsayable
from .store import SequenceStore

logger = logging.getLogger(__name__)


def arranged(dataset: GraphDataset | SequenceStore, model: Model) -> GraphDataset | SequenceStore:
    """The same graphs as the model was taught to write them; those that it cannot say are left out and counted.

    Raises:
        DataError: molecules that were read in another way than the model's, other goals, or nothing that it can say.
    """
    config: GraphConfig = model.config
    if isinstance(dataset, SequenceStore):
        if dataset.vocabulary != config.vocabulary:
            raise DataError(
                f"a store of sequences has the vocabulary of its model, got {dataset.vocabulary.name!r} for a model of "
                f"{config.vocabulary.name!r}; write the store with vocabulary=model.config.vocabulary"
            )
        fits = dataset.lengths <= config.length
        return dataclasses.replace(dataset, places=dataset.places[_some(fits, config)])
    require_same_reading(dataset, config)
    names = [goal.name for goal in config.goals]
    if dataset.goals and list(dataset.goals) != names:
        raise DataError(f"this model is told the goals {names}, got data with {list(dataset.goals)}; open with goals=")
    if config.readout is not None:
        return _for_readout(dataset, config)
    fits = np.array([_can_say(dataset, place, config) for place in dataset.places])
    places = tuple(np.array(dataset.places)[_some(fits, config)].tolist())
    return dataclasses.replace(dataset, vocabulary=config.vocabulary, ordering=config.ordering, places=places)


def read_by_all(dataset: GraphDataset, configs: Iterable[GraphConfig]) -> GraphDataset:
    """The graphs of a part of which every model can say something (see `sayable`); the others are counted.

    Raises:
        DataError: there are none.
    """
    for config in configs:
        fits = np.array([not unsayable(dataset.graphs[place], config) for place in dataset.places])
        dataset = dataclasses.replace(dataset, places=tuple(np.array(dataset.places)[_some(fits, config)].tolist()))
    return dataset


def require_same_reading(dataset: GraphDataset, config: GraphConfig) -> None:
    """Refuse molecules that became graphs in another way than those of a model.

    Raises:
        DataError: says both ways.
    """
    if dataset.vocabulary.chemistry != config.vocabulary.chemistry:
        raise DataError(
            f"molecules are read as the model was taught ({config.vocabulary.chemistry}), got "
            f"{dataset.vocabulary.chemistry}; open the data with vocabulary=model.config.vocabulary"
        )


def _for_readout(dataset: GraphDataset, config: GraphConfig) -> GraphDataset:
    """The graphs, with what the model cannot say of them left out (see `sayable`), and the properties that it predicts.

    Raises:
        DataError: other properties than the model's, or no graph that it can say.
    """
    assert config.readout is not None
    names = [name for name in dataset.names if name not in dataset.goals]
    if names != list(config.readout.names):
        raise DataError(f"this model predicts {list(config.readout.names)}, got {names}; open the data with targets=")
    dataset = read_by_all(dataset, [config])
    graphs = tuple(sayable(graph, config) for graph in dataset.graphs)
    changed = sum(a is not b for a, b in zip(graphs, dataset.graphs, strict=True))
    if changed:
        logger.warning("%d of %d graphs are cut, or have labels that the model does not know", changed, len(graphs))
    return dataclasses.replace(dataset, graphs=graphs, vocabulary=config.vocabulary, ordering=config.ordering)


def _can_say(dataset: GraphDataset, place: int, config: GraphConfig) -> bool:
    graph = dataset.graphs[place]
    try:
        config.vocabulary.require(graph)
    except GraphError:
        return False
    return config.vocabulary.length(graph) <= config.length


def _some(fits: np.ndarray, config: GraphConfig) -> np.ndarray:
    if not fits.any():
        raise DataError(
            f"a model is trained on graphs that it can say, got none in the vocabulary {config.vocabulary.name} of at "
            f"most {config.length} tokens; choose another model"
        )
    if not fits.all():
        logger.warning("%d of %d graphs cannot be said by this model and are left out", (~fits).sum(), len(fits))
    return fits


def goals_of(dataset: GraphDataset) -> tuple[Goal, ...]:
    """The goals of a dataset with mean and deviation over the known values of this part."""
    found = []
    for name in dataset.goals:
        assert dataset.values is not None
        column = dataset.values[list(dataset.places), dataset.names.index(name)]
        known = column[~np.isnan(column)]
        if not len(known):
            raise DataError(f"a goal is known for some graphs, got none with {name!r}; choose another column")
        found.append(Goal(name=name, mean=float(known.mean()), deviation=float(known.std()) or 1.0))
    return tuple(found)
