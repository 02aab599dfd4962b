"""A model of populations as a function of tensors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model, Program

from .batch import CountBatch


class CountProgram(Program):
    """Counts by site and year, and how many years ahead, to the distribution of next counts (see `CountBatch`).

    Args:
        model: of populations.
        sites: of a population.
        years: of counts.
        samples: populations at a time.
    """

    inputs, outputs = ("counts", "counted", "horizon"), ("mean", "size")

    def __init__(self, model: Model, *, sites: int = 8, years: int = 16, samples: int = 2) -> None:
        super().__init__(model)
        self.shape = (samples, sites, years)

    def forward(self, *tensors: Tensor) -> tuple[Float[Tensor, "b s"], Float[Tensor, "b s"]]:
        """Mean and size of negative binomial distributions of the counts of every site."""
        found = self.model(CountBatch(*tensors))
        return found.mean, found.size

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Counts about twenty, every fourth of them missing, one to four years ahead."""
        generator = torch.Generator().manual_seed(seed)
        counts = torch.poisson(torch.full(self.shape, 20.0), generator=generator)
        counted = torch.rand(self.shape, generator=generator) < 0.75
        counted[:, 0, -1] = True
        return counts, counted, torch.randint(1, 5, self.shape[:1], generator=generator).float()
