"""What a method needs to be tried on a small model: options that fit it, and notes that a batch carries."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humboldt.finetune import Featured, FeaturedBatch, Method, method, write_adapter
from humboldt.finetune.features import values_of
from humboldt.foundations import Model

SMALL: dict[str, dict[str, Any]] = {
    "adalora": {"initial_rank": 2, "rank": 1},
    "boft": {"block": 2},
    "c3a": {"block": 2},
    "corda": {"rank": 2},
    "decoder": {"hidden": 8},
    "dora": {"rank": 2},
    "eva": {"rank": 2},
    "f_adapter": {"bands": 2},
    "glora": {"rank": 2},
    "lae": {"rank": 2},
    "lora": {"rank": 2},
    "lora_ga": {"rank": 2},
    "oft": {"block": 4},
    "pha": {"tasks": 2, "code": 8},
    "physics": {"residual": "tests.finetune.notes:size"},
    "pissa": {"rank": 2},
    "poly": {"tasks": 2, "rank": 2},
    "shira": {"rank": 2},
    "rna": {"signal": 2, "hidden": 8, "dropped": 0.0},
    "rollout_lora": {"rank": 2, "steps": 1},  # of several, chance says which is trained in a step
    "tail_drop": {"tokens": 3},
    "tape": {"bank": 6, "most": 3},
    "vera": {"rank": 4},
}
"""Options for methods whose defaults are too large for layers of eight features."""

ELSEWHERE = ("bank", "parameters")
"""A bank has members at named layers, and which parameters are offset is an option: both have tests of their own."""

FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # of members, until the tests end


def small(name: str, model: Model) -> Method:
    """The method with options that fit the small models; a bank has two members that were tuned from the model."""
    options = dict(SMALL.get(name, {}))
    if name == "bank":
        options["members"] = tuple(str(member(model, seed)) for seed in (1, 2))
    return method(name, **options)


def member(model: Model, seed: int, name: str = "hydra", **options: Any) -> Path:
    """An adapter folder of a method that has moved."""
    FOLDERS.append(tempfile.TemporaryDirectory())
    way = method(name, **options)
    torch.manual_seed(seed)
    moved = way.prepare(copy.deepcopy(model))
    with torch.no_grad():
        for part, parameter in moved.named_parameters():
            if ".default" in part:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return write_adapter(FOLDERS[-1].name, moved, way)


def noted(name: str, model: Model | None, batch: Any) -> Any:
    """The batch with what the method reads from it."""
    count = len(batch)
    generator = torch.Generator().manual_seed(5)
    if name == "aft":
        return FeaturedBatch(batch, features=torch.randn(count, 8, generator=generator))
    if name == "prior":
        assert model is not None
        with torch.no_grad():
            found = values_of(model(batch))
        return FeaturedBatch(batch, prior=found + 0.1 * torch.randn(found.shape, generator=generator))
    if name in ("pha", "poly"):
        return FeaturedBatch(batch, task=torch.arange(count) % 2)
    if name == "rna":
        return FeaturedBatch(batch, signal=torch.randn(count, 2, generator=generator))
    return batch


def noted_data(name: str, data: Any) -> Any:
    """A dataset with what the method reads from its batches."""
    rows = noted(name, None, data.batch(range(len(data)))) if name != "prior" else None
    if name == "prior":
        return Featured(data, prior=0.5 * data.batch(range(len(data))).target)
    if not isinstance(rows, FeaturedBatch):
        return data
    return Featured(data, rows.features, task=rows.task, signal=rows.signal)


def size(model: Model, prediction: Any, batch: Any) -> Tensor:
    """A residual: a law that says that everything is zero."""
    return values_of(prediction)
