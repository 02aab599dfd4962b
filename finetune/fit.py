"""Train: a model, data, a recipe and a method in; a tuned model out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from humboldt.foundations import Dataset, Model

from .adapted import base_of
from .interruption import listening
from .logbook import weights_hash
from .method import Method
from .methods import Full
from .mixture import Mixture
from .recipe import Recipe
from .world import join, world


def fit(
    model: Model,
    train: Dataset | Mixture,
    validation: Dataset | Mixture | None = None,
    recipe: Recipe | None = None,
    method: Method | None = None,
    folder: str | Path | None = None,
    *,
    run: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: bool = True,
    keep_adapter: bool = False,
) -> Model:
    """A tuned copy of `model`: the one with the lowest validation loss, without `validation` the last one.

    What the method added is merged into plain weights where that is possible, else it stays in the model.

    Called again with the same arguments, a run that was killed goes on from its last checkpoint and ends with the
    same weights (bit for bit on CPU with the same number of threads and processes); a finished one is read back.
    Under `torchrun` or `srun` the processes share out every batch, and as the recipe's `strategy` says also the
    parameters; the first of them writes.

    Args:
        model: where to start; left as it is.
        train: samples to learn from, or a mixture of datasets.
        validation: samples that choose the best step.
        recipe: length, rates, batch; the published fine-tuning by default.
        method: what is trained; everything by default.
        folder: run folder (see `logbook`); without one nothing is written and nothing can be resumed.
        run: JSON-ready words for `recipe.yaml` (name of the model, path of the data, ...).
        overwrite: begin anew in a folder that holds another run.
        progress: show a progress bar when standard error is a terminal.
        keep_adapter: leave what the method added in the model, for a further run to go on with, instead of merging it.

    Raises:
        RunFolderError: the folder holds another run or its checkpoint, cannot be written, or has no room.
        FloatingPointError: the loss is not finite any more.
        Interrupted: SIGUSR1, SIGUSR2 or SIGTERM came; what was done is saved.
        ConfigError: a batch cannot be shared out evenly among the processes, or a method cannot be by rows.
    """
    here = world()
    join(here)
    with listening() as signals:
        from .training import trained  # not before: it imports Lightning, which takes seconds

        return trained(
            model, train, validation, recipe or Recipe(), method or Full(), folder, run, overwrite, progress,
            keep_adapter, here, signals,
        )  # fmt: skip


def describe(model: Model, train: Dataset | Mixture, validation: Dataset | Mixture | None) -> dict[str, Any]:
    """What a run starts from, JSON-ready: the parent's content hash, the data and their sizes."""
    parts = {"train": train, **({} if validation is None else {"validation": validation})}
    found = {name: {"samples": len(part), **dict(part.describe())} for name, part in parts.items()}
    return {"parent": weights_hash(model), **found}


def ancestors(model: Model) -> list[dict[str, Any]]:
    """What a model was made from before a run: the checkpoint that it was read from, else the runs that made it; and
    the adapters that were put on it."""
    put = model.provenance.get("adapters", [])
    if loaded := model.provenance.get("loaded"):
        return [{key: loaded.get(key) for key in ("revision", "sha256")} | {"model": loaded.get("name")}, *put]
    before, recipe = model.provenance.get("ancestors", []), model.provenance.get("recipe")
    own = [{key: recipe.get(key) for key in ("model", "revision", "data")}] if isinstance(recipe, Mapping) else []
    return [*before, *own, *put]


def bytes_written(model: Model) -> int:
    """An upper bound: two checkpoints of weights, two moments, the best and an average, and the model."""
    size = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    return 11 * size


def prepared(model: Model, recipe: Recipe, method: Method) -> Model:
    """A copy of a model as the method and the recipe want it for training."""
    model = method.prepare(copy.deepcopy(model).train())
    base_of(model.core).checkpointing = recipe.recompute
    if recipe.compile:
        model.core.compile()
    return model
