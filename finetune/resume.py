"""What makes a run survive being killed: checkpoints between two steps, with everything that chance depends on."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from .interruption import Interrupted, Signals
from .latest import put, scratch
from .task import Task
from .world import World, wait_for_all

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Write `last.ckpt` every so many steps and on a signal, before a batch and after all that belongs to the previous.

    A reader sees the old or the new file, never half of one. The random states of torch, numpy and Python travel
    along, those of every process, and are put back before the first batch.

    Args:
        path: of the checkpoint file; its folder exists. None where nothing is written.
        every: optimiser steps between two of them.
        signals: noted by this process; after a save the run stops.
        world: the processes that train together.
    """

    def __init__(self, path: Path | None, every: int, signals: Signals, world: World) -> None:
        self.path, self.every, self.signals, self.world = path, every, signals, world
        self.random: list[dict[str, Any]] | None = None
        self.written = -1

    def on_train_start(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Hear signals first: Lightning has set a handler of its own."""
        if self.signals.before:
            self.signals.listen()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, task: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restore chance on the first batch after a restart; write if it is time; stop if a signal came.

        Raises:
            Interrupted: a process of the run was told to stop.
        """
        if self.random is not None:
            self._restore_chance()
            self.random, self.written = None, trainer.global_step
        if batch_idx % trainer.accumulate_grad_batches:
            return
        stops, step = self._told_to_stop(trainer), trainer.global_step
        if step and (stops or step % self.every == 0) and step != self.written:
            self._write(trainer, step)
        if stops:
            name = self.signals.received.name if self.signals.received is not None else "a signal to another process"
            if step and self.path is None:
                raise Interrupted(
                    f"stopped on {name}; this run keeps no checkpoint (it has no folder, or no gradients), its {step} "
                    "steps are lost, and the same command begins again"
                )
            where = f"saved at step {step}" if step else "nothing was done that is lost"
            raise Interrupted(f"stopped on {name}, {where}; the same command goes on from there")

    def state_dict(self) -> dict[str, Any]:
        """The random states of all processes."""
        states: list[Any] = [random_state()]
        if self.world.size > 1:
            states = [None] * self.world.size
            torch.distributed.all_gather_object(states, random_state())
        return {"processes": states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep them for the first batch."""
        self.random = state.get("processes", [state])

    def _write(self, trainer: lightning.Trainer, step: int) -> None:
        self.written = step
        if self.path is None:
            return
        made = scratch(self.path, step)
        wait_for_all(self.world)
        trainer.save_checkpoint(made)
        if self.world.leads:
            put(made, self.path)

    def _told_to_stop(self, trainer: lightning.Trainer) -> bool:
        here = self.signals.received is not None
        return here if self.world.size == 1 else trainer.strategy.reduce_boolean_decision(here, all=False)

    def _restore_chance(self) -> None:
        assert self.random is not None
        if len(self.random) != self.world.size:
            log.warning(
                "the run was begun by %d processes and goes on with %d: it sees the same samples at the same rates, "
                "but sums are rounded in another order and chance (dropout) is drawn anew",
                len(self.random), self.world.size,
            )  # fmt: skip
        if self.world.rank < len(self.random):
            set_random_state(self.random[self.world.rank])


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
