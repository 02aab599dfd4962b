"""From tokens to the next month in physical units, with the loss."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Head, Model, Normaliser, Perceiver, Tokens

from .batch import GridBatch, GridPrediction
from .config import GridConfig
from .encodings import Clock, query_places
from .rollout import rolled


class MonthHead(Head[GridBatch, GridPrediction]):
    """A query per output map reads the tokens; a linear map of its group makes the map.

    Published behaviour: red list and misc read the queries that begin at the forest's.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.config = config
        width, (rows, columns) = config.width, config.grid
        self.normaliser = Normaliser([0.0] * config.channels, [1.0] * config.channels)
        self.place = nn.Linear(2 + 2 * config.perceiver.bands + 1, width)
        self.clock = Clock(config)
        self.perceiver = Perceiver(width, config.channels, config.perceiver)
        self.maps = nn.ModuleDict({group.name: nn.Linear(width, rows * columns) for group in config.groups})

    def forward(self, tokens: Tokens, batch: GridBatch) -> GridPrediction:
        """The month after the last one, in physical units."""
        x = rearrange(tokens.x, "b l h w d -> b (l h w) d")
        features = query_places(batch.latitude, batch.longitude, self.config.channels, self.config)
        queries = self.place(features.to(x.dtype)) + self.clock(batch.lead_time.to(x.dtype), batch.month)
        queries = self.perceiver(x, queries)
        fields = rearrange(self._maps(queries), "b c (h w) -> b c h w", w=self.config.grid[1])
        if self.config.increment:
            fields = fields + torch.nan_to_num(self.normaliser(batch.fields[:, :, -1]), nan=0.0)
        return GridPrediction(self.normaliser.invert(fields))

    def _maps(self, queries: Float[Tensor, "b c d"]) -> Float[Tensor, "b c cells"]:
        found, slices = [], self.config.slices()
        for group in self.config.groups:
            place = slices[group.name]
            if self.config.published and group.name in ("redlist", "misc") and "forest" in slices:
                start = slices["forest"].start
                place = slice(start, start + group.channels)
            found.append(self.maps[group.name](queries[:, place]))
        return torch.cat(found, dim=1)

    def approach(self, model: Model, batch: Any) -> Any:
        """Some months on, where the batch brings targets of several (see `rolled`)."""
        return rolled(model, batch)

    def loss(self, prediction: GridPrediction, batch: GridBatch) -> Tensor:
        """Mean over groups of the mean over variables of weight x mean |p - t| in normalised units.

        Where the target is missing nothing counts; with a mask, land alone does. Of an increment, prediction and target
        lose the same month, so the loss of temporal differences is this loss.

        Raises:
            ValueError: the batch carries no target, or the loss is masked and it carries no land.
        """
        if batch.target is None:
            raise ValueError("a loss needs a target, got a batch without one; open the data with targets")
        error = self.errors(prediction, batch)
        found, slices = [], self.config.slices()
        for group in self.config.groups:
            per_variable = rearrange(error[slices[group.name]], "(v l) -> v l", l=group.tokens).nanmean(1)
            weights = per_variable.new_tensor(group.weights or (1.0,) * len(group.variables))
            found.append((per_variable * weights).nanmean())
        return torch.stack(found).nanmean()

    def errors(self, prediction: GridPrediction, batch: GridBatch) -> Float[Tensor, " c"]:
        """Mean |p - t| of each channel in normalised units, over what counts; NaN where nothing does."""
        assert batch.target is not None
        difference = (self.normaliser(prediction.fields) - self.normaliser(batch.target)).abs()
        finite = difference.isfinite()
        weight = finite.to(difference.dtype) * self._counted(batch, difference)
        total = torch.where(finite, difference, 0).mul(weight).sum((0, 2, 3))
        return total / torch.where(weight.sum((0, 2, 3)) > 0, weight.sum((0, 2, 3)), torch.nan)

    def _counted(self, batch: GridBatch, like: Tensor) -> Float[Tensor, "c h w"]:
        """1 where a channel counts."""
        counted = torch.ones_like(like[0])
        if self.config.mask == "no":
            return counted
        if batch.land is None:
            raise ValueError(
                f"a loss with mask={self.config.mask!r} counts land, got a batch that does not say where land is"
            )
        for name, place in self.config.slices().items():
            if self.config.mask == "fully" or name in self.config.masked:
                counted[place] = batch.land.to(counted)
        return counted
