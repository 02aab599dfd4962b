"""Properties of graphs: a model that predicts them, its predictions as a table, its scores, and embeddings."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import ConfigError, Model, Pieces

from .batch import SequenceBatch
from .config import GraphConfig, Readout
from .data import GraphDataset
from .files import Skipped, read_graphs, read_source
from .graph import EDGE, Graph
from .metrics import average_precision, interval, roc_auc
from .rows import open_rows
from .sequence import encode
from .vocabulary import Chemistry

logger = logging.getLogger(__name__)
BATCHES = 32  # of a piece
ANY = "*"  # the atom that stands for those without a token


def for_task(model: Model, dataset: Any, task: str, *, seed: int = 0, **choices: Any) -> Model:
    """The same embedding and core under a fresh head for the properties of a dataset.

    Args:
        model: any model of graphs.
        dataset: its columns that are no goals are predicted; of a regression mean and deviation are taken from it.
        task: `generation` keeps the model; `regression` or `classification`.
        seed: of the weights of the head.
        choices: other fields of `Readout`.

    Raises:
        ValueError: an unknown task, or classes that are not 0 or 1.
        DataError: no properties, or one that no graph has.
    """
    from .domain import build

    if task == "generation":
        return model
    if task not in ("regression", "classification"):
        raise ValueError(f"tasks of the graphs domain are generation, regression and classification, got {task!r}")
    names = tuple(name for name in dataset.names if name not in getattr(dataset, "goals", ()))
    if not names:
        raise DataError("a property is learned from columns of numbers, got none; open the data with targets=[...]")
    columns = [dataset.names.index(name) for name in names]
    values = dataset.values[np.ix_(list(dataset.places), columns)]
    for name, column in zip(names, values.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            raise DataError(
                f"a property is known for some graphs of the training part, got none with {name!r}; choose another "
                "column or split"
            )
        if task == "classification" and (odd := set(known.tolist()) - {0.0, 1.0}):
            raise ValueError(f"a class is 0 or 1, got {odd.pop()} in {name!r}; use task='regression' or other labels")
    readout = Readout(names=names, task=task, **choices)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(dataclasses.replace(model.config, readout=readout))
    made.embed.load_state_dict(model.embed.state_dict())
    made.core.load_state_dict(model.core.state_dict())
    if task == "regression":
        normaliser = made.head.get_submodule("normaliser")
        deviation = np.nanstd(values, axis=0)
        normaliser.mean.copy_(torch.from_numpy(np.nanmean(values, axis=0)))  # type: ignore[operator]
        normaliser.std.copy_(torch.from_numpy(np.where(deviation > 0, deviation, 1)))  # type: ignore[operator]
    made.provenance = dict(model.provenance)
    return made.eval()


def sayable(graph: Graph, config: GraphConfig) -> Graph:
    """The graph, or what a model can say of it.

    Atoms without a token become `*` where the vocabulary has it, bonds without one become single, and of a graph that
    is too long its first nodes are kept. For properties only: what is generated is never changed.
    """
    vocabulary = config.vocabulary
    nodes, edges = graph.nodes, graph.edges
    plain = "SINGLE" if "SINGLE" in vocabulary.edge_ids else EDGE
    if ANY in vocabulary.node_ids and any(label not in vocabulary.node_ids for label in nodes):
        nodes = tuple(label if label in vocabulary.node_ids else ANY for label in nodes)
    if any(label not in vocabulary.edge_ids for _, _, label in edges):
        edges = tuple((a, b, label if label in vocabulary.edge_ids else plain) for a, b, label in edges)
    if nodes is not graph.nodes or edges is not graph.edges:
        graph = Graph(nodes, edges)
    while len(graph) > vocabulary.indices or vocabulary.length(graph) > config.length:
        count = min(vocabulary.indices, len(graph) - 1)
        kept = tuple(edge for edge in graph.edges if max(edge[:2]) < count)
        graph = Graph(graph.nodes[:count], kept)
    return graph


def predict_properties(
    model: Model | Sequence[Model], source: Any, *, smiles_column: str | None = None, batch_size: int = 64
) -> Any:
    """A row for every row of the source: `graph`, a column per property, and `problem` where one could not be read.

    Args:
        model: one that was tuned to properties, or several: then their mean, and in `NAME_deviation` their deviation.
        source: what `read_source` takes: SMILES, a table, files.
        smiles_column: of a table, where its name is not an ordinary one.
        batch_size: sequences at a time.

    Raises:
        ConfigError: a model that generates, or models of different properties.
    """
    import pandas as pd

    models = [model] if isinstance(model, Model) else list(model)
    names = predicted(models)
    found = read_source(source, smiles_column)
    graphs, problems = readable(found.items, models[0].config)
    values = np.full((len(models), len(found.items), len(names)), np.nan)
    rows = [row for row, graph in enumerate(graphs) if graph is not None]
    for number, one in enumerate(models):
        said = [sayable(graphs[row], one.config) for row in rows]  # type: ignore[arg-type]
        for places, batch in batches(said, one.config, batch_size):
            values[number, [rows[place] for place in places]] = run(one, batch).numpy()
    columns: dict[str, Any] = {"graph": [str(item) for item in found.items]}
    for index, name in enumerate(names):
        columns[name] = values[:, :, index].mean(0)
        if len(models) > 1:
            columns[f"{name}_deviation"] = values[:, :, index].std(0)
    columns["problem"] = problems
    return pd.DataFrame(columns)


def property_pieces(
    model: Model | Sequence[Model], source: Any, *, smiles_column: str | None = None, batch_size: int = 64
) -> Pieces:
    """The table of `predict_properties` in pieces of many batches, so that molecules of like lengths go together."""
    models = [model] if isinstance(model, Model) else list(model)
    predicted(models)
    size = BATCHES * batch_size
    rows = open_rows(source, size, smiles_column)

    def make(first: int, end: int) -> Any:
        return predict_properties(models, rows.read(first, end), batch_size=batch_size)

    return Pieces(len(rows), size, None, make)


def predicted(models: Sequence[Model]) -> tuple[str, ...]:
    """The properties that all of these models predict.

    Raises:
        ConfigError: a model that generates, or models of different properties.
    """
    readouts = [getattr(model.config, "readout", None) for model in models]
    if not readouts or any(readout is None for readout in readouts):
        raise ConfigError(
            "properties are predicted by a model that was tuned to them, got one that generates; tune it with "
            "humboldt.finetune(model, data, task='regression')"
        )
    named = [tuple(readout.names) for readout in readouts if readout is not None]
    names = named[0]
    if any(other != names for other in named):
        raise ConfigError(f"models of an ensemble predict the same properties, got {[list(n) for n in named]}")
    return names


def readable(items: Sequence[Any], config: GraphConfig) -> tuple[list[Graph | None], list[str]]:
    """The graph of every row, or why there is none; reported and counted."""
    chemistry = config.vocabulary.chemistry or Chemistry()
    graphs: list[Graph | None] = []
    problems: list[str] = []
    for found in read_graphs(items, chemistry):
        empty = not isinstance(found, Skipped) and not found.nodes
        problem = (
            found.reason if isinstance(found, Skipped) else "a graph has nodes, got none; leave it out" if empty else ""
        )
        graphs.append(None if problem else found)  # type: ignore[arg-type]
        problems.append(problem)
    if bad := [f"row {row}: {problem}" for row, problem in enumerate(problems) if problem]:
        logger.warning("%d of %d rows are not graphs: %s", len(bad), len(items), "; ".join(bad[:5]))
    return graphs, problems


def batches(
    graphs: Sequence[Graph], config: GraphConfig, batch_size: int, seed: int = 0
) -> Iterator[tuple[list[int], SequenceBatch]]:
    """Places and sequences of graphs, similar lengths together; a graph is written in one way for a seed."""
    sequences = [encode(g, config.vocabulary, config.ordering, random.Random(seed)) for g in graphs]
    order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        yield places, SequenceBatch.of([sequences[place] for place in places], config.vocabulary.pad)


@torch.inference_mode()
def run(model: Model, batch: SequenceBatch) -> Tensor:
    """Predicted values (b, p) on the CPU."""
    was_training = model.training
    values: Tensor = model.eval()(batch.to(next(model.parameters()).device)).values.cpu()
    model.train(was_training)
    return values


@torch.inference_mode()
def embeddings(model: Model, source: Any, *, smiles_column: str | None = None, batch_size: int = 64) -> np.ndarray:
    """Embeddings (n, d) of graphs: the mean of the states of their tokens; NaN where a row is not a graph.

    Args:
        model: any model of graphs.
        source, smiles_column, batch_size: as of `predict_properties`.
    """
    items = read_source(source, smiles_column).items
    graphs, _ = readable(items, model.config)
    rows = [row for row, graph in enumerate(graphs) if graph is not None]
    width = model.config.core.scales[0].width
    out = np.full((len(items), width), np.nan, np.float32)
    said = [sayable(graphs[row], model.config) for row in rows]  # type: ignore[arg-type]
    for places, batch in batches(said, model.config, batch_size):
        x = model.encode(batch.to(next(model.parameters()).device)).x
        real = batch.real.to(x.device)[..., None]
        out[[rows[place] for place in places]] = ((x * real).sum(1) / real.sum(1)).float().cpu().numpy()
    return out


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

    from .adapt import arranged

    names = predicted(list(models.values()))
    task = next(iter(models.values())).config.readout.task
    scores: dict[str, list[list[float]]] = {}
    for model in models.values():
        part = arranged(data, model)
        assert isinstance(part, GraphDataset)
        assert part.values is not None
        places = list(part.places)
        values = torch.empty(len(places), len(names))
        for at, batch in batches([part.graphs[place] for place in places], model.config, batch_size):
            values[at] = run(model, batch)
        target = torch.from_numpy(part.values[np.ix_(places, [part.names.index(name) for name in names])])
        for name, found in scores_of(values, target, task).items():
            scores.setdefault(name, []).append(found)
    dims = ("forecast", "property")
    known = (~np.isnan(target.numpy())).sum(0)
    return xr.Dataset(
        {name: (dims, np.array(found)) for name, found in scores.items()},
        {"forecast": list(models), "property": list(names), "known": ("property", known)},
        {"split_by": data.split_by, "part": data.part, "fingerprint": data.fingerprint, "graphs": len(data)},
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
