"""Binds the parts to the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from humboldt.foundations import (
    Core,
    Head,
    LabelledScores,
    Model,
    Pieces,
    SampleScores,
    Score,
    TimeNorm,
    choose,
    from_dict,
)

from .adapt import arranged, read_by_all
from .batch import NextTokens, Properties, SequenceBatch
from .config import GraphConfig
from .embed import SequenceEmbed
from .heads import NextTokenHead, PropertyHead
from .metrics import METRICS, SampleScore
from .program import SequenceProgram
from .properties import for_task, predict_properties, property_pieces
from .scores import SAMPLE_ERRORS, score_all


class Graphs:
    """The science of graphs and molecules, as the door and the methods reach it."""

    name = "graphs"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """Graphs from files or objects; `split` names a part, or says how the parts are made. See `open_graphs`."""
        from .data import open_graphs

        choose(open_graphs, choices)
        if not isinstance(split, str):
            return open_graphs(source, split=split, **choices)
        return open_graphs(source, **choices).split(split)

    def build(self, config: GraphConfig | Mapping[str, Any]) -> Model:
        """A model with fresh weights."""
        return build(config)

    def head(self, task: str, model: Model, **choices: Any) -> Head:
        """A fresh head: `generation`, or `regression` and `classification` with the `count` of properties.

        Raises:
            ValueError: another task.
        """
        if task == "generation":
            return NextTokenHead(model.embed)  # type: ignore[arg-type]
        if task in ("regression", "classification"):
            scale = model.config.core.scales[0]
            found = PropertyHead(scale.width, task=task, layers=len(scale.down), **choices)  # type: ignore[arg-type]
            found.hear(model)
            return found
        raise ValueError(f"tasks of the graphs domain are generation, regression and classification, got {task!r}")

    def fitted(self, model: Model, data: Any, task: str, *, seed: int = 0) -> Model:
        """The model with the head of the task: its vocabulary is its own, data are written in it.

        Raises:
            ValueError: properties that a model which generates would not learn.
        """
        if task != "forecast":
            return for_task(model, data, task, seed=seed)
        asked = [name for name in getattr(data, "names", ()) if name not in data.goals]
        if asked and model.config.readout is None:
            raise ValueError(
                f"a model that generates learns no properties, got data with targets {asked}; say task='regression' or "
                "'classification', or open the data without targets"
            )
        return model

    def arranged(self, data: Any, model: Model) -> Any:
        """Graphs in the words of the model, see `adapt.arranged`."""
        return arranged(data, model)

    def with_statistics(self, model: Model, statistics: Sequence[Any]) -> Model:
        """The model as it is: tokens have no statistics, those of goals stand in its configuration (`goals_of`)."""
        return model

    def read(self, path: str, select: Mapping[str, int]) -> str:
        """The path: molecules are read where they are needed.

        Raises:
            ValueError: a choice of places, which a file of molecules does not have.
        """
        if select:
            raise ValueError(f"a file of molecules has no dimensions to choose along, got {dict(select)}; leave it out")
        return path

    def predict(self, model: Any, source: Any, lead_times: Any = (), **choices: Any) -> Any:
        """A table of the properties of molecules, see `predict_properties`."""
        choose(predict_properties, choices)
        return predict_properties(model, source, **choices)

    def pieces(
        self, model: Any, source: Any, lead_times: Any = (), *, along: str | None = None, **choices: Any
    ) -> Pieces:
        """The same, so many rows at a time, see `property_pieces`.

        Raises:
            ValueError: a dimension to cut along, which rows do not have.
        """
        if along is not None:
            raise ValueError(f"molecules are rows and have no dimension to cut along, got {along!r}; leave it out")
        choose(property_pieces, choices)
        return property_pieces(model, source, **choices)

    def evaluate(self, models: Mapping[str, Model], data: Any, *, batch_size: int = 64) -> LabelledScores:
        """Scores of models that predict the same properties, see `score_properties`."""
        found, samples = score_all(models, data, batch_size=batch_size)
        said = found.attrs
        title = (
            f"{said['part']} part of {said['graphs']} graphs, split: {said['split_by']}, rows of its parts sha256 "
            f"{said['split_sha256'][:16]}"
        )
        return LabelledScores(found, str(next(iter(found))), "property", title, samples)

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """Of properties: the root mean square error, or one less the area under the ROC curve; mean over them."""
        if model.config.readout is None:
            return None
        data = read_by_all(data, [model.config])
        found = self.evaluate({"model": model}, data)
        scores, metric = found.scores.sel(forecast="model"), SAMPLE_ERRORS[model.config.readout.task][0]
        each = found.samples[metric].sel(forecast="model")
        rows = dict(zip(each["property"].values.tolist(), each.values, strict=True))
        unit = "units of the properties" if "rmse" in scores else "nats"
        samples = SampleScores.of(metric.replace("_", " "), data.places, rows, unit)
        if "rmse" in scores:
            return Score(float(scores["rmse"].mean()), "RMSE, mean over properties", unit, samples=samples)
        value = 1 - float(scores["roc_auc"].mean())
        return Score(value, "1 - area under the ROC curve, mean over properties", samples=samples)

    def metrics(self) -> dict[str, SampleScore]:
        """Scores per sample."""
        return dict(METRICS)

    def to_xarray(self, prediction: NextTokens | Properties, batch: SequenceBatch) -> Any:
        """Logits per token, or values per property, as a labelled object."""
        import xarray as xr

        if isinstance(prediction, Properties):
            values = prediction.values.detach().cpu().numpy()
            return xr.Dataset({"properties": (("sample", "property"), values)})
        real = batch.real.cpu().numpy()[..., None]
        logits = np.where(real, prediction.logits.detach().cpu().numpy(), np.nan)
        return xr.Dataset({"logits": (("sample", "place", "token"), logits)})

    def program(self, model: Model) -> type[SequenceProgram]:
        """What a model is as a function of tensors."""
        return SequenceProgram


def build(config: GraphConfig | Mapping[str, Any]) -> Model:
    """A model with fresh weights from its configuration (or the dictionary that a checkpoint holds)."""
    if not isinstance(config, GraphConfig):
        config = from_dict(GraphConfig, dict(config))
    embed, readout = SequenceEmbed(config), config.readout
    head: Head = NextTokenHead(embed)
    if readout is not None:
        scale, count = config.core.scales[0], len(readout.names)
        head = PropertyHead(scale.width, count, readout.task, readout.dropout, readout.pooling, len(scale.down))
    model = Model(embed, Core(config.core), head, domain="graphs", config=config)
    if isinstance(head, PropertyHead):
        head.hear(model)
    initialise(model)
    return model


def initialise(model: Model, std: float = 0.02) -> None:
    """Fresh weights as published: normal of deviation `std`, of std / sqrt(2 layers) in the last map of each branch;
    biases zero, norms plain."""
    layers = len(model.config.core.scales[0].down)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            last = name.endswith(("attention.out", "feed_forward.contract"))
            nn.init.normal_(module.weight, std=std / math.sqrt(2 * layers) if last else std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, TimeNorm):
            module.reset_parameters()
