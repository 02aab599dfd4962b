"""The one training loop: Lightning's trainer, what it calls back, and how a run becomes a model.

Nothing but `fit` and `plan` imports it, where they train: Lightning takes seconds to import.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from humboldt.foundations import ConfigError, Dataset, Model, load_strictly, read_config, read_weights, to_dict

from .adapted import base_of
from .adapter import Adapter
from .adapter_file import left_out, write_adapter
from .fit import ancestors, bytes_written, describe, prepared
from .interruption import Signals
from .logbook import Logbook, origin, require_own
from .method import Method
from .method import method as named
from .mixture import Mixture
from .progress import Log
from .recipe import Recipe
from .resume import Best, Checkpoints, random_state, set_random_state
from .sampler import Batches, Passes
from .strategy import by_rows, require_kind, require_rows, strategy
from .task import SearchTask, Task
from .world import World, wait_for_all


def trained(
    model: Model,
    train: Dataset | Mixture,
    validation: Dataset | Mixture | None,
    recipe: Recipe,
    method: Method,
    folder: str | Path | None,
    run: Mapping[str, Any] | None,
    overwrite: bool,
    progress: bool,
    keep_adapter: bool,
    here: World,
    signals: Signals,
) -> Model:
    """What `fit` does, by one of the processes that do it together."""
    if method.gradients and torch.is_inference_mode_enabled():
        raise ConfigError(
            f"{method.name} learns by gradients, got a run inside of torch.inference_mode(), where there are none; "
            "leave that block, or use cma"
        )
    require_rows(recipe, method)
    record = {
        **(run or {}),
        "method": method.describe(),
        **to_dict(recipe),
        **({"keep_adapter": True} if keep_adapter else {}),
    }
    data = describe(model, train, validation)
    logbook = None
    if folder is not None:
        needed = bytes_written(model)
        logbook = Logbook(folder, record, data, overwrite=overwrite, writes=here.leads, needed=needed)
        wait_for_all(here)
        if logbook.finished:
            return _finished(model, logbook)
    with _seeded(recipe.seed), _quiet():
        task, seconds = _train(
            model, train, validation, recipe, method, logbook, progress and here.leads, here, signals
        )
    result, before = _whole(task.result, model, recipe, here).eval(), ancestors(model)
    _require_finite(result)
    if logbook is not None and here.leads and left_out(result):
        write_adapter(logbook.folder, result, method, record.get("model") or (before and before[-1]["model"]) or None)
    tuned = method.merge(result) if method.mergeable and not keep_adapter else result
    tuned.provenance = {
        "parent": data["parent"],
        "recipe": record,
        **({"ancestors": before} if before else {}),
        "data": data,
        "steps": task.length,
        "seed": recipe.seed,
        "seconds": round(seconds, 1),
    }
    if logbook is not None and here.leads:
        tuned.save(logbook.folder)
    wait_for_all(here)
    return tuned


def _train(
    model: Model,
    train: Dataset | Mixture,
    validation: Dataset | Mixture | None,
    recipe: Recipe,
    method: Method,
    logbook: Logbook | None,
    progress: bool,
    here: World,
    signals: Signals,
) -> tuple[Task, float]:
    length = recipe.length(len(train))
    if not method.gradients and here.size > 1:
        raise ConfigError(f"a run without gradients is one process, got {here.size}; launch it by itself")
    task = task_of(prepared(model, recipe, method), method, recipe, length)
    if not here.leads:
        torch.manual_seed(recipe.seed + 1_000_003 * here.rank)  # new weights are alike, chance is not
    if recipe.precision == "64-true":
        task.double()
    batches = Batches(train, recipe.batch_size, length * recipe.accumulate, recipe.seed, recipe.workers, here)
    passes = None if validation is None else _passes(validation, recipe, here)
    best, log = Best(), Log(logbook, recipe.log_every, progress)
    callbacks: list[Callback] = [log] if passes is None else [log, best]
    checkpoint = None if logbook is None else logbook.checkpoint
    if logbook is not None:
        task.origin = origin(logbook.recipe, logbook.data, model)
    callbacks.append(Checkpoints(checkpoint if method.gradients else None, recipe.save_every, signals, here))
    if passes is not None and recipe.patience is not None:
        callbacks.append(EarlyStopping("validation", patience=recipe.patience, check_finite=False))
    every = min(length, recipe.validate_every or max(1, length // 10))
    trainer = _trainer(recipe, callbacks, every, passes is not None, here, method.gradients)
    start = str(checkpoint) if checkpoint is not None and checkpoint.exists() else None
    if start is not None:
        require_kind(start, recipe, here)
    elif type(method).begin is not Method.begin:
        method.begin(task.model, task.transfer_batch_to_device(batches[0], torch.device("cpu"), 0))
    trainer.fit(task, batches, passes, ckpt_path=start)
    if passes is not None and trainer.global_step == length and length % every:
        trainer.validate(task, passes, verbose=False)
    if best.weights:
        load_strictly(task.result, best.weights)
    base_of(task.result.core).checkpointing = False
    return task, log.spent


def _require_finite(result: Model) -> None:
    """Refuse weights that the last step broke, which no loss has seen.

    Raises:
        FloatingPointError: names the first tensor with NaN or infinity.
    """
    state = result.state_dict().items()
    if lost := [name for name, value in state if value.is_floating_point() and not value.isfinite().all()]:
        raise FloatingPointError(
            f"the weights must stay finite, but after the last step {lost[0]} (of {len(lost)} tensors) is not; lower "
            "the rates, raise warmup, or look for NaN in the data"
        )


def _whole(result: Model, start: Model, recipe: Recipe, here: World) -> Model:
    """The result on the processor in the numbers of the start, whole where the processes shared it out."""
    if not by_rows(recipe, here):
        return result.to("cpu", next(start.parameters()).dtype)
    from .sharding import gathered

    return gathered(result, start)


def _passes(validation: Dataset | Mixture, recipe: Recipe, here: World) -> Passes:
    return Passes(validation, recipe.batch_size, recipe.validation_samples, recipe.workers, here, by_rows(recipe, here))


def task_of(model: Model, method: Method, recipe: Recipe, length: int) -> Task:
    """What one step is, with gradients or without.

    Raises:
        ConfigError: a run without gradients of a method that needs them.
    """
    if recipe.optimiser == "cma" and method.gradients:
        raise ConfigError(
            f"a run without gradients takes a method that needs none, got {method.name} with optimiser='cma'; choose "
            "method='cma', or optimiser='adamw'"
        )
    return (Task if method.gradients else SearchTask)(model, method, recipe, length)


def _trainer(
    recipe: Recipe, callbacks: list[Callback], every: int, validates: bool, here: World, gradients: bool
) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="auto",
        devices=here.local_size,
        num_nodes=here.size // here.local_size,
        use_distributed_sampler=False,
        **strategy(recipe, here),
        precision="bf16-mixed" if recipe.precision == "bf16-mixed" else "32-true",  # float64 is the task's own type
        max_epochs=1,
        accumulate_grad_batches=recipe.accumulate,
        gradient_clip_val=(recipe.clip or None) if gradients else None,
        callbacks=callbacks,
        val_check_interval=every * recipe.accumulate if validates else None,
        limit_val_batches=1.0 if validates else 0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _finished(model: Model, logbook: Logbook) -> Model:
    """The tuned model of a run that is done.

    Raises:
        RunFolderError: the model is configured otherwise than the one that was tuned.
    """
    found = read_config(logbook.folder)
    require_own({"run": json.dumps({"model": found["config"]})}, json.dumps({"model": to_dict(model.config)}))
    tuned = copy.deepcopy(model)
    for adapter, described in found.get("adapted", {}).items():
        way = named(**described)
        assert isinstance(way, Adapter)
        tuned = way.prepare(tuned, adapter)
    load_strictly(tuned, read_weights(logbook.folder, found["sha256"])).eval()
    tuned.provenance = found["provenance"]
    return tuned


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Chance of our own, and the caller's left as it was."""
    before = random_state()
    torch.manual_seed(seed), np.random.seed(seed % 2**32), random.seed(seed)
    try:
        yield
    finally:
        set_random_state(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning says nothing about workers, accelerators and tips."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
