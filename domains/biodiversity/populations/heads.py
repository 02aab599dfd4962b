"""From tokens to the distribution of next counts."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from humboldt.foundations import Head, Tokens

from .batch import CountBatch, CountForecast
from .config import PopulationConfig
from .embed import site_levels

SMALLEST_SIZE = 0.05


class CountHead(Head[CountBatch, CountForecast]):
    """mean = exp(level + change), change and size read from the token of the last year."""

    def __init__(self, config: PopulationConfig) -> None:
        super().__init__()
        self.largest = config.largest_change
        self.last = nn.Linear(config.core.scales[0].width, 2)

    def forward(self, tokens: Tokens, batch: CountBatch) -> CountForecast:
        """Distributions of the counts of every site at the horizon."""
        change, size = rearrange(self.last(tokens.x[:, -1]), "(b s) two -> two b s", b=len(batch))
        mean = (site_levels(batch) + self.largest * torch.tanh(change / self.largest)).exp()
        return CountForecast(mean, size.exp().clamp(SMALLEST_SIZE, 1e4))

    def loss(self, prediction: CountForecast, batch: CountBatch) -> Tensor:
        """Mean over known targets of the negative logarithm of the likelihood.

        Raises:
            ValueError: the batch carries no target.
        """
        if batch.target is None:
            raise ValueError(
                "a loss needs a target, got a batch without one; give counts of the year that is asked for"
            )
        known = batch.target.isfinite()
        return -log_likelihood(batch.target[known], prediction.mean[known], prediction.size[known]).mean()


def log_likelihood(count: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """Of the negative binomial distribution with variance mean + mean^2 / size."""
    coefficient = torch.lgamma(count + size) - torch.lgamma(size) - torch.lgamma(count + 1)
    return coefficient + size * (size / (size + mean)).log() + count * (mean / (size + mean)).log()
