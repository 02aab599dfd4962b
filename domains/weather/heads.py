"""From tokens to the state at the target time, with the loss."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Core, CoreConfig, Head, Normaliser, Tokens, Units

from .batch import WeatherBatch, WeatherPrediction
from .config import WeatherConfig
from .forcings import KNOWN, static_fields
from .inpainting import inpainted
from .time import later


class StateHead(Head[WeatherBatch, WeatherPrediction]):
    """Masked tokens are put back, a decoder looks at all of them, and each becomes its patch of the correction.

    state = deviation * correction + base, where the base is the climatology, an input or the mean. With
    `config.memory`, the deviation grows with the lead time where the base is an input (see `WeatherConfig`).

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: WeatherConfig) -> None:
        super().__init__()
        self.config = config
        count = len(config.channels)
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        self.decoder = Core(config.decoder)
        self.unembed = nn.Linear(config.width, count * config.patch**2)
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)

    def forward(self, tokens: Tokens, batch: WeatherBatch) -> WeatherPrediction:
        """The state on the batch's own grid."""
        units = self.config.units(tuple(batch.fields.shape[-2:]))
        decoded = self.decoder(Tokens(self.whole(tokens, batch), tokens.condition, units=units))
        correction = self.fields(self.unembed(self.left(decoded, self.config.decoder)), units)
        correction = correction[..., : batch.fields.shape[-2], : batch.fields.shape[-1]]
        state = torch.addcmul(self.base(batch), correction, self.deviation(batch).to(correction))
        return WeatherPrediction(state, self.config.channels, batch.grid, later(batch.time, batch.lead_time))

    def whole(self, tokens: Tokens, batch: WeatherBatch) -> Float[Tensor, "b unit slot d"]:
        """All tokens in natural order: what was seen, and mask tokens that know their place elsewhere."""
        x = self.left(tokens, self.config.core)
        if batch.mask is None:
            return x
        assert tokens.context is not None
        return batch.mask.scatter(x, tokens.context + self.mask_token)

    def left(self, tokens: Tokens, stack: CoreConfig) -> Float[Tensor, "b unit slot d"]:
        """Tokens where a released stack leaves them: moved by half a unit if its last block is."""
        shifted = stack.scales[0].down[-1].attention.shifted and self.config.ends_shifted
        return tokens.units.shift(tokens.x) if shifted and tokens.units is not None else tokens.x

    def fields(self, x: Float[Tensor, "b unit slot d"], units: Units) -> Float[Tensor, "b c h w"]:
        """One value per channel and point of a patch to fields."""
        p = self.config.patch
        return rearrange(units.lay(x), "b h w (c ph pw) -> b c (h ph) (w pw)", ph=p, pw=p)

    def base(self, batch: WeatherBatch) -> Float[Tensor, "b c h w"]:
        """What the network corrects, in physical units; where it is missing, smooth values from around."""
        mean = self._spread(self.normaliser.mean, batch.fields[:, 0])
        if self.config.residual == "none":
            return mean.expand_as(batch.fields[:, 0])
        if self.config.residual == "climate":
            assert batch.climate is not None
            base = batch.climate
        else:
            base = self._last(batch)
        return inpainted(base, mean, batch.grid is not None and batch.grid.periodic)

    @staticmethod
    def _last(batch: WeatherBatch) -> Float[Tensor, "b c h w"]:
        """The last input, or the first one where the lead time is not positive."""
        ahead = (batch.lead_time > 0).view(-1, 1, 1, 1)
        return torch.where(ahead, batch.fields[:, -1], batch.fields[:, 0])

    def deviation(self, batch: WeatherBatch) -> Float[Tensor, "#b c #h #w"]:
        """How far the state is expected to be from the base, in physical units; 0 where the base is the state."""
        longest = self._spread(self.normaliser.std, batch.fields)[None]
        if self.config.memory is None:
            return longest
        grown = (1 - torch.exp(-batch.lead_time.clamp(min=0) / self.config.memory)).sqrt().view(-1, 1, 1, 1)
        return longest * torch.where(self._last(batch).isnan(), 1.0, grown)

    def loss(self, prediction: WeatherPrediction, batch: WeatherBatch) -> Tensor:
        """Mean of cos(latitude) ((p - t) / deviation)^2 over samples, channels and points with a target.

        Points whose deviation is 0 (lead time 0 where the state is given) have nothing to be learned.

        Raises:
            ValueError: the batch carries no target.
        """
        if batch.target is None:
            raise ValueError("a loss needs a target, got a batch without one; open the data with targets")
        rows = None
        if batch.grid is not None:
            rows = torch.as_tensor(batch.grid.cosine_weights()).to(prediction.fields)
        deviation = self.deviation(batch).to(prediction.fields)
        if self.config.memory is None:
            return squared_error(prediction.fields, batch.target, rows, deviation[0, :, 0, 0] ** -2)
        learned, unit = deviation > 0, deviation.clamp(min=torch.finfo(deviation.dtype).tiny)
        target = torch.where(learned, batch.target / unit, torch.nan)
        return squared_error(prediction.fields / torch.where(learned, unit, 1), target, rows)

    def onward(self, prediction: WeatherPrediction, batch: WeatherBatch) -> WeatherBatch:
        """The batch from the predicted state on, with the calendar and the sunshine of its time.

        Raises:
            ConfigError: a model that corrects a climatology, which a batch has of its target alone.
        """
        if self.config.residual == "climate":
            raise ConfigError(
                "a step on the way to a target needs the climatology of its own time, got a model that corrects a "
                "climatology; give it a series with all of them, rollout_loss(model, data.series(index, steps))"
            )
        static, made = batch.static, [c for c in batch.static_channels if c.name in KNOWN]
        if made and prediction.time and batch.grid is not None:
            places = [batch.static_channels.index(c) for c in made]
            static = static.clone()
            fields = np.stack([static_fields(made, batch.grid, time) for time in prediction.time])
            static[:, places] = torch.from_numpy(fields).to(static)
        after = batch.step(prediction.fields, static=static, time=prediction.time)
        return dataclasses.replace(after, target=batch.target)

    @staticmethod
    def _spread(values: Tensor, like: Tensor) -> Any:
        return values.to(like.dtype).view(-1, 1, 1)


def squared_error(
    prediction: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b c h w"],
    rows: Float[Tensor, " h"] | None = None,
    channels: Float[Tensor, " c"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over what has a target (is not NaN) of  rows * channels * (p - t)^2;  the weights are taken as they are."""
    known = ~target.isnan()
    error = torch.where(known, prediction - target, 0).square()
    if rows is not None:
        error = error * rows[:, None]
    if channels is not None:
        error = error * channels[:, None, None]
    return error.sum() / known.sum().clamp(min=1)
