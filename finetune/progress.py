"""What a person and the log see of a run: rows of `log.csv`, one progress bar on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from .logbook import Logbook
from .task import Task


class Log(Callback):
    """Write the loss every so many steps and every validation; stop a run that has lost its way.

    Args:
        logbook: where to, or None.
        every: optimiser steps between two rows.
        bar: whether to show a progress bar (only ever on a terminal).
    """

    def __init__(self, logbook: Logbook | None, every: int, bar: bool) -> None:
        self.logbook, self.every, self.bar = logbook, every, bar
        self.seconds, self.since = 0.0, time.monotonic()
        self.validation = ""
        self.shown: Any = None

    def on_train_start(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Start the clock and the bar where the run stands."""
        assert isinstance(task, Task)
        self.since = time.monotonic()
        if self.logbook is not None:
            self.logbook.rewind(trainer.global_step)
        if self.bar and sys.stderr.isatty():
            self.shown = tqdm(total=task.length, initial=trainer.global_step, unit="step", dynamic_ncols=True)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, task: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A row, if it is time.

        Raises:
            FloatingPointError: the loss is not finite any more.
        """
        assert isinstance(task, Task)
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if self.shown is not None:
            self.shown.update()
        if trainer.global_step % self.every == 0 or trainer.global_step == task.length:
            loss = float(task.latest)
            if loss != loss or loss in (float("inf"), float("-inf")):
                raise FloatingPointError(
                    f"the training loss must stay finite, but is {loss} at step {trainer.global_step}; "
                    "lower the rates, raise warmup, or look for NaN in the data"
                )
            self._row(trainer, loss=loss)

    def on_validation_end(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """A row with the validation loss."""
        self._row(trainer, validation=float(trainer.callback_metrics["validation"]))

    def on_train_end(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Close the bar."""
        if self.shown is not None:
            self.shown.close()

    def state_dict(self) -> dict[str, Any]:
        """Seconds spent so far."""
        return {"seconds": self.spent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.seconds = state["seconds"]

    @property
    def spent(self) -> float:
        """Seconds of this run, before and after restarts."""
        return self.seconds + time.monotonic() - self.since

    def _row(self, trainer: lightning.Trainer, **values: float) -> None:
        if self.shown is not None:
            self.shown.set_postfix({name: f"{value:.4f}" for name, value in values.items()}, refresh=False)
        if self.logbook is not None:
            rate = float(max(group["lr"] for group in trainer.optimizers[0].param_groups)) if trainer.optimizers else ""
            self.logbook.write({"step": trainer.global_step, "seconds": self.spent, "rate": rate, **values})
