"""From tokens to fields in physical units, with the loss."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from humboldt.foundations import (
    CONVOLUTION,
    Head,
    Model,
    Normaliser,
    PatchRecover,
    Tokens,
    convolve,
    plain_error,
    relative_error,
)

from .batch import FieldBatch, FieldPrediction
from .config import PDEConfig
from .fine import FinePath
from .resample import resample
from .rollout import next_fields

QUIET = 0.05
"""Deviations of a field: relative errors of samples in which a group is smaller are taken of this size."""

START = math.log(0.05)
"""Of the logarithm of normalised errors: what is expected before anything is learned."""


class ForecastHead(Head[FieldBatch, FieldPrediction]):
    """The state after the lead time: patches back to fields, a 5-wide mixing convolution, physical units.

    With `fine` in the configuration, what a path of full resolution finds is added.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: PDEConfig) -> None:
        super().__init__()
        self.config = config
        core, count = config.core, len(config.outputs)
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)
        self.patches = PatchRecover(core.scales[0].width, count, config.patch, core.axes)
        self.mix = CONVOLUTION[core.axes - 1](count, count, 5, padding=2, bias=False)
        if config.fine is not None:
            self.fine = FinePath(config)

    def forward(self, tokens: Tokens, batch: FieldBatch) -> FieldPrediction:
        """Fields on the batch's own grid; where the target is `known`, it is copied."""
        x, own, grid = self.patches(tokens.x), self.config.resolution, tuple(batch.fields.shape[2:])
        size = grid if own is None else (own,) * len(grid)
        x = convolve(self.mix, x[(..., *(slice(0, n) for n in size))], tokens.periodic)
        if self.config.fine is not None:
            x = x + self.fine(tokens)
        if self.config.increment:
            state = torch.nan_to_num(self.normaliser(batch.fields[:, : x.shape[1]]), nan=0.0)
            x = x + resample(state, size)
        x = self.normaliser.invert(resample(x, grid))
        if batch.known is not None and batch.target is not None:
            x = torch.where(batch.known, batch.target, x)
        return FieldPrediction(x)

    def loss(self, prediction: FieldPrediction, batch: FieldBatch) -> Tensor:
        """Relative (or plain) error of normalised fields, averaged over channel groups (or channels).

        Raises:
            ValueError: the batch carries no target.
        """
        if batch.target is None:
            raise ValueError("a loss needs a target, got a batch without one; open the data with targets")
        config, groups = self.config, list(self.config.groups.values())
        fields, target = self.normaliser(prediction.fields), self.normaliser(batch.target)
        if config.loss == "plain":
            return plain_error(fields, target, [i for group in groups for i in group], config.loss_order, batch.known)
        least = QUIET if config.loss_over == "sample" else 0.0
        return relative_error(fields, target, groups, config.loss_order, config.loss_over, batch.known, least)

    def onward(self, prediction: FieldPrediction, batch: FieldBatch) -> FieldBatch:
        """The batch from the predicted state on; what is given and not predicted stays what it was."""
        return replace(batch, fields=next_fields(self.config, batch.fields, prediction))


class ErrorHead(Head[FieldBatch, FieldPrediction]):
    """How wrong the forecast of another head will be: its absolute error at every place, in physical units.

    The core and the other head are left as they are. What is learned is the logarithm of the error of normalised
    fields, as errors span several powers of ten; the loss is its mean absolute difference.

    Args:
        config: the model's configuration.
    """

    SMALLEST = 1e-4
    _made: Tensor | None = None

    def __init__(self, config: PDEConfig) -> None:
        super().__init__()
        self.config = config
        core, count = config.core, len(config.outputs)
        self.forecast = ForecastHead(config)
        self.patches = PatchRecover(core.scales[0].width, count, config.patch, core.axes)

    @classmethod
    def of(cls, model: Model) -> ErrorHead:
        """A fresh one for the forecasts of a model."""
        head = cls(model.config)
        head.forecast.load_state_dict(model.head.state_dict())
        return head.to(next(model.parameters()).device)

    @property
    def normaliser(self) -> Normaliser:
        """That of the forecast."""
        return self.forecast.normaliser

    def forward(self, tokens: Tokens, batch: FieldBatch) -> FieldPrediction:
        """Errors on the batch's own grid."""
        return FieldPrediction(self._logarithm(tokens, batch).exp() * self._deviations(batch))

    def loss(self, prediction: FieldPrediction, batch: FieldBatch) -> Tensor:
        """Mean absolute difference of the logarithms of predicted and actual errors, where there is a target.

        Raises:
            ValueError: the batch carries no target, or no forecast was made for it.
        """
        actual = self.actual(batch)
        difference = (prediction.fields / self._deviations(batch)).log() - actual.clamp(min=self.SMALLEST).log()
        counts = torch.ones_like(difference) if batch.known is None else (~batch.known).expand_as(difference).float()
        scored = [i for group in self.config.groups.values() for i in group]
        return (difference.abs() * counts)[:, scored].sum() / counts[:, scored].sum().clamp(min=1)

    def actual(self, batch: FieldBatch) -> Tensor:
        """The absolute error of the last forecast, in normalised fields.

        Raises:
            ValueError: the batch carries no target, or no forecast was made for it.
        """
        if batch.target is None or self._made is None or self._made.shape != batch.target.shape:
            raise ValueError("an error needs a target and the forecast for the same batch; run the model on it first")
        return (self.normaliser(self._made) - self.normaliser(batch.target)).abs()

    def _logarithm(self, tokens: Tokens, batch: FieldBatch) -> Tensor:
        with torch.no_grad():
            self._made = self.forecast(tokens, replace(batch, known=None)).fields
        x = self.patches(tokens.x.detach())
        grid = tuple(batch.fields.shape[2:])
        size = grid if self.config.resolution is None else (self.config.resolution,) * len(grid)
        return resample(x[(..., *(slice(0, n) for n in size))], grid) + START

    def _deviations(self, batch: FieldBatch) -> Tensor:
        return self.normaliser.std.view(-1, *(1,) * (batch.fields.dim() - 2)).to(batch.fields.dtype)
