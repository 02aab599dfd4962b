"""The one training module: a model, a method and a recipe under Lightning's loop."""

from __future__ import annotations

from typing import Any, cast

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from humboldt.foundations import ConfigError, Model

from .logbook import require_own
from .method import Method
from .muon import MuonAdamW, adamw
from .recipe import Recipe


class Task(lightning.LightningModule):
    """What one step is: the method's loss, AdamW over its parameter groups, a cosine down to zero.

    Args:
        model: prepared by the method.
        method: how to adapt.
        recipe: rates, clipping, averaging.
        length: optimiser steps of the run.

    Attributes:
        origin: what its checkpoints say of the run (see `logbook.origin`).
    """

    origin = "{}"

    def __init__(self, model: Model, method: Method, recipe: Recipe, length: int) -> None:
        super().__init__()
        self.model, self.method, self.recipe, self.length = model, method, recipe, length
        decay = recipe.average
        self.average = None if decay is None else AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
        if self.average is not None:
            self.average.n_averaged.fill_(1)  # the average begins at the start, not after the first step
        self.latest = torch.tensor(float("nan"))

    def configure_model(self) -> None:
        """Leave to each process its rows, where the strategy shares parameters."""
        if self.device_mesh is not None:
            from .sharding import share

            share(self.model, self.device_mesh["data_parallel"])

    @property
    def result(self) -> Model:
        """The model that is validated and kept: the averaged one if there is one."""
        return self.model if self.average is None else cast(Model, self.average.module)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Batches move themselves."""
        return batch.to(device, self.dtype)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say whose it is."""
        checkpoint["run"] = self.origin

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse another run's, before its weights are looked at.

        Raises:
            RunFolderError: names what differs.
        """
        require_own(checkpoint, self.origin)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Sum of the method's losses."""
        loss = torch.stack(list(self.method.loss(self.model, batch).values())).sum()
        self.latest = loss.detach()
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """The method may change the gradients."""
        self.method.on_gradients(self.model, self.global_step, self.length)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """A step, which the method and then the average follow."""
        step = self.global_step
        super().optimizer_step(*args, **kwargs)
        self.method.on_step(self.model, step + 1, self.length)
        if self.average is not None:
            self.average.update_parameters(self.model)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """The loss of the model that would be kept, without what a method adds to it."""
        loss = self.result.loss(batch)
        self.log("validation", loss, on_epoch=True, batch_size=len(batch), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, rates by part."""
        groups = self.method.parameter_groups(self.model, self.recipe)
        if self.recipe.optimiser == "muon":
            optimiser: Optimizer = MuonAdamW(groups)
        else:
            optimiser = adamw(groups)
        schedule = LambdaLR(optimiser, lambda step: self.recipe.rate_factor(step, self.length))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class SearchTask(Task):
    """A run without gradients: a step is the method's own search, under which no graph is made."""

    def __init__(self, model: Model, method: Method, recipe: Recipe, length: int) -> None:
        """As for `Task`.

        Raises:
            ConfigError: a recipe of what only gradients have.
        """
        super().__init__(model, method, recipe, length)
        if recipe.average is not None or recipe.accumulate > 1:
            raise ConfigError(
                f"a run without gradients averages no weights and adds up no batches, got average={recipe.average}, "
                f"accumulate={recipe.accumulate}; leave both out, and give larger batches"
            )
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """A step of the search; the optimiser has nothing to move, and counts."""
        self.latest = self.method.search(self.model, batch, self.global_step, self.length)
        counter = self.optimizers()
        assert not isinstance(counter, list)
        counter.step()
        self.method.on_step(self.model, self.global_step, self.length)
        return self.latest

    def configure_optimizers(self) -> Any:
        """Something that counts steps."""
        return torch.optim.SGD(list(self.model.parameters()), lr=0.0)
