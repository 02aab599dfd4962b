"""Properties of graphs: a model that predicts them, and its predictions as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humboldt.data_catalog import DataError
from humboldt.foundations import ConfigError, Model, Pieces, evaluating

from .adapt import read_by_all, require_same_reading
from .batch import SequenceBatch
from .config import Readout
from .data import GraphDataset
from .files import Source, shown
from .graph import Graph
from .reading import batches, in_full, readable, sayable
from .rows import open_rows
from .uncertainty import Calibration

BATCHES = 32  # of a piece


def for_task(model: Model, dataset: Any, task: str, *, seed: int = 0, **choices: Any) -> Model:
    """The same embedding and core under a fresh head for the properties of a dataset.

    Args:
        model: any model of graphs.
        dataset: its columns that are no goals are predicted; of a regression mean and deviation are taken from it.
        task: `generation` keeps the model; `regression` or `classification`.
        seed: of the weights of the head.
        choices: other fields of `Readout`; all layers are read where nothing else is said.

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
    readout = Readout(names=names, task=task, **{"pooling": "layers", **choices})  # type: ignore[arg-type]
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


def predict_properties(
    model: Model | Sequence[Model],
    source: Any,
    *,
    smiles_column: str | None = None,
    batch_size: int = 64,
    calibrate: Any = None,
    level: float = 0.9,
) -> Any:
    """A row for every row of the source: `graph` (SMILES), a column per property, and `problem` where the row could not
    be read (then there is no prediction) or not in full.

    Args:
        model: one that was tuned to properties, or several: then their mean, and in `NAME_deviation` their deviation.
        source: what `read_source` takes: SMILES, a table, files.
        smiles_column: of a table, where its name is not an ordinary one.
        batch_size: sequences at a time.
        calibrate: molecules with known properties that no model has learned from, as a part of a dataset (of a whole
            one its validation part) or as a table. A regression then gets intervals, `NAME_low` and `NAME_high`; the
            probabilities of a classification become calibrated ones (see `Calibration`).
        level: share of the intervals that should hold the value.

    Raises:
        ConfigError: a model that generates, or models of different properties.
        DataError: too few molecules to calibrate on.
    """
    pieces = property_pieces(
        model, source, smiles_column=smiles_column, batch_size=batch_size, calibrate=calibrate, level=level
    )
    return pieces.make(0, pieces.count)


def property_pieces(
    model: Model | Sequence[Model],
    source: Any,
    *,
    smiles_column: str | None = None,
    batch_size: int = 64,
    calibrate: Any = None,
    level: float = 0.9,
) -> Pieces:
    """The table of `predict_properties` in pieces of many batches, so that molecules of like lengths go together."""
    models = [model] if isinstance(model, Model) else list(model)
    predicted(models)
    known = None if calibrate is None else calibration(models, calibrate, level, smiles_column, batch_size)
    size = BATCHES * batch_size
    rows = open_rows(source, size, smiles_column)

    def make(first: int, end: int) -> Any:
        return _table(models, rows.read(first, end), known, batch_size)

    return Pieces(len(rows), size, None, make)


def _table(models: Sequence[Model], found: Source, known: Calibration | None, batch_size: int) -> Any:
    """The rows of `predict_properties`."""
    import pandas as pd

    names = predicted(models)
    graphs, problems = readable(found.items, *(model.config for model in models))
    problems = in_full(graphs, problems, models[0].config)
    rows = [row for row, graph in enumerate(graphs) if graph is not None]
    values = np.full((len(models), len(found.items), len(names)), np.nan)
    values[:, rows] = predictions(models, [graphs[row] for row in rows], batch_size)  # type: ignore[misc]
    mean, spread = values.mean(0), values.std(0)
    ends = None if known is None or known.task != "regression" else known.interval(values)
    if known is not None and known.task == "classification":
        mean = known.probability(values)
    columns: dict[str, Any] = {"graph": [shown(item) for item in found.items]}
    for place, name in enumerate(names):
        columns[name] = mean[:, place]
        if len(models) > 1:
            columns[f"{name}_deviation"] = spread[:, place]
        if ends is not None:
            columns[f"{name}_low"], columns[f"{name}_high"] = ends[0][:, place], ends[1][:, place]
    columns["problem"] = problems
    return pd.DataFrame(columns)


def predictions(models: Sequence[Model], graphs: Sequence[Graph], batch_size: int) -> np.ndarray:
    """What every model predicts (models, graphs, properties); graphs are cut to what it can say."""
    values = np.full((len(models), len(graphs), len(predicted(models))), np.nan)
    for number, one in enumerate(models):
        said = [sayable(graph, one.config) for graph in graphs]
        for places, batch in batches(said, one.config, batch_size):
            values[number, places] = run(one, batch).numpy()
    return values


def calibration(
    models: Sequence[Model], held: Any, level: float, smiles_column: str | None = None, batch_size: int = 64
) -> Calibration:
    """What molecules that were held out say of the predictions of these models.

    Args:
        models: of the same properties.
        held: a part of a dataset (of a whole one its validation part), or what `open_graphs` reads.
        level: of intervals.
        smiles_column, batch_size: as of `predict_properties`.
    """
    from .data import open_graphs

    readout, names = models[0].config.readout, predicted(models)
    if not hasattr(held, "places"):
        chemistry = models[0].config.vocabulary.chemistry
        held = open_graphs(held, chemistry=chemistry, targets=names, smiles_column=smiles_column)
    elif held.part == "all":
        held = held.split("validation")
    require_same_reading(held, models[0].config)
    held = read_by_all(held, [model.config for model in models])
    values = predictions(models, [held.graphs[place] for place in held.places], batch_size)
    return Calibration.of(values, known_values(held, names), names, readout.task, level)


def known_values(data: GraphDataset, names: Sequence[str]) -> np.ndarray:
    """Properties (graphs, names) of a part, NaN where not known.

    Raises:
        DataError: the data lack one of them.
    """
    if data.values is None or (missing := [name for name in names if name not in data.names]):
        raise DataError(
            f"data for these models hold {list(names)}, got {list(data.names)}, without "
            f"{missing if data.names else 'any'}; open them with targets="
        )
    return data.values[np.ix_(list(data.places), [data.names.index(name) for name in names])]


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


@torch.inference_mode()
def run(model: Model, batch: SequenceBatch) -> Tensor:
    """Predicted values (b, p) on the CPU."""
    with evaluating(model):
        values: Tensor = model(batch.to(next(model.parameters()).device)).values.cpu()
    return values
