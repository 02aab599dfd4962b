"""What makes a run survive being killed: checkpoints between two steps, with everything that chance depends on."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from .task import Task


class Checkpoints(Callback):
    """Write `last.ckpt` every so many steps, before a batch and after all that belongs to the previous one.

    A reader sees the old or the new file, never half of one. The random states of torch, numpy and Python travel
    along and are put back before the first batch.

    Args:
        path: of the checkpoint file; its folder exists.
        every: optimiser steps between two of them.
    """

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every
        self.random: dict[str, Any] | None = None
        self.written = -1

    def on_train_batch_start(
        self, trainer: lightning.Trainer, task: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restore chance on the first batch after a restart; write if it is time."""
        if self.random is not None:
            set_random_state(self.random)
            self.random, self.written = None, trainer.global_step
        between_steps = batch_idx % trainer.accumulate_grad_batches == 0
        step = trainer.global_step
        if between_steps and step and step % self.every == 0 and step != self.written:
            self.written = step
            scratch = self.path.with_suffix(".writing")
            trainer.save_checkpoint(scratch)
            with open(scratch, "rb") as file:
                os.fsync(file.fileno())
            os.replace(scratch, self.path)

    def state_dict(self) -> dict[str, Any]:
        """The random states."""
        return random_state()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep them for the first batch."""
        self.random = state


class Best(Callback):
    """Remember the weights with the lowest validation loss; they travel in the checkpoint."""

    def __init__(self) -> None:
        self.loss = float("inf")
        self.step = 0
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Compare, and copy if better."""
        assert isinstance(task, Task)
        loss = float(trainer.callback_metrics["validation"])
        if loss < self.loss:
            self.loss, self.step = loss, trainer.global_step
            self.weights = {k: v.detach().to("cpu", copy=True) for k, v in task.result.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """What was best so far."""
        return {"loss": self.loss, "step": self.step, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.loss, self.step, self.weights = state["loss"], state["step"], state["weights"]


def random_state() -> dict[str, Any]:
    """States of the generators of torch (all devices), numpy and Python, made of tensors and numbers only."""
    legacy: Any = np.random.get_state()
    name, keys, position, has_gauss, gauss = legacy
    version, internal, following = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), int(position), int(has_gauss), float(gauss)],
        "python": [version, list(internal), following],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, internal, following = state["python"]
    random.setstate((version, tuple(internal), following))
