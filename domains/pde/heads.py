"""From tokens to fields in physical units, with the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from humboldt.foundations import Head, Normaliser, PatchRecover, Tokens, convolve, plain_error, relative_error

from .batch import FieldBatch, FieldPrediction
from .config import PDEConfig
from .resample import resample


class ForecastHead(Head[FieldBatch, FieldPrediction]):
    """The state after the lead time: patches back to fields, a 5-wide mixing convolution, physical units.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: PDEConfig) -> None:
        super().__init__()
        self.config = config
        core, count = config.core, len(config.outputs)
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)
        self.patches = PatchRecover(core.scales[0].width, count, config.patch, core.axes)
        self.mix = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[core.axes - 1](
            count, count, 5, padding=2, bias=False
        )

    def forward(self, tokens: Tokens, batch: FieldBatch) -> FieldPrediction:
        """Fields on the batch's own grid; where the target is `known`, it is copied."""
        x, own, grid = self.patches(tokens.x), self.config.resolution, tuple(batch.fields.shape[2:])
        size = grid if own is None else (own,) * len(grid)
        x = convolve(self.mix, x[(..., *(slice(0, n) for n in size))], tokens.periodic)
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
        return relative_error(fields, target, groups, config.loss_order, config.loss_over, batch.known)
