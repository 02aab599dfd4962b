"""What a run would be, without making it: steps, parameters, memory and time, by timing two real steps on a copy."""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import torch

from humboldt.foundations import Dataset, Model

from .catalogue import trained_parameters
from .fit import bytes_written, describe, prepared
from .method import Method
from .mixture import Mixture
from .recipe import Recipe
from .sampler import Batches

if TYPE_CHECKING:
    from .task import Task


def plan(
    model: Model, train: Dataset | Mixture, validation: Dataset | Mixture | None, recipe: Recipe, method: Method
) -> dict[str, Any]:
    """Data, steps, trained parameters, memory, disk and time of a run, JSON-ready; nothing is written.

    `seconds` is the second of two real steps times the number of steps, without validation; `core_hours` counts the
    threads of this process. `memory_megabytes` is the
    peak of the accelerator, or of the whole process, during these steps.
    """
    from .training import task_of  # not before: it imports Lightning, which takes seconds

    length = recipe.length(len(train))
    task = task_of(prepared(model, recipe, method), method, recipe, length)
    step = _second_step(task, Batches(train, recipe.batch_size, 2 * recipe.accumulate, recipe.seed), recipe)
    return {
        **{name: part for name, part in describe(model, train, validation).items() if name != "parent"},
        "method": method.describe(),
        "steps": length,
        "passes over the data": round(length * recipe.accumulate * recipe.batch_size / len(train), 2),
        "trained parameters": trained_parameters(method, model),
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": round(step * length, 1),
        "seconds per step": round(step, 4),
        "core_hours": round(step * length * torch.get_num_threads() / 3600, 4),
        "memory_megabytes": peak_megabytes(),
        "disk_megabytes": round(bytes_written(model) / 1e6, 1),
    }


def _second_step(task: Task, batches: Batches, recipe: Recipe) -> float:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    task.to(device, torch.float64 if recipe.precision == "64-true" else None)
    if not task.method.gradients:
        return _second_search(task, batches, recipe)
    optimiser = task.configure_optimizers()["optimizer"]
    seconds = 0.0
    for number in range(2):
        start = time.perf_counter()
        optimiser.zero_grad()
        for part in range(recipe.accumulate):
            batch = batches[number * recipe.accumulate + part]
            with torch.autocast(device, torch.bfloat16, enabled=recipe.precision == "bf16-mixed"):
                task.training_step(task.transfer_batch_to_device(batch, task.device, 0), part).backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return seconds


def _second_search(task: Task, batches: Batches, recipe: Recipe) -> float:
    seconds = 0.0
    for number in range(2):
        start = time.perf_counter()
        batch = task.transfer_batch_to_device(batches[number], task.device, 0)
        task.method.search(task.model, batch, number, 2)
        seconds = time.perf_counter() - start
    return seconds


def peak_megabytes() -> int:
    """The most memory that was held so far: of the accelerator, or of the whole process."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
