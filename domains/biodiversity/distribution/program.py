"""A model of species distributions as a function of tensors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model, Program

from .batch import SpeciesBatch
from .quantiles import ENVIRONMENT


class SpeciesProgram(Program):
    """What is known of the species of a region, and places, to suitability there (see `SpeciesBatch`).

    Args:
        model: of species distributions.
        variables: of the environment.
        species: at a time.
        presences, contrast, background, queries: points of each kind; fewer presences have weight 0.
    """

    inputs = (
        "kind", "background", "presence", "presence_weight", "contrast", "contrast_weight", "contrast_kind", "query",
    )  # fmt: skip
    outputs = ("logit", "deviation")
    tolerance = 2e-4  # values are ranked among those of the region, and rounding may change the rank of one by one

    def __init__(
        self,
        model: Model,
        *,
        variables: int = 8,
        species: int = 1,
        presences: int = 32,
        contrast: int = 128,
        background: int = 256,
        queries: int = 64,
    ) -> None:
        super().__init__(model)
        self.variables, self.species = variables, species
        self.points = {"background": background, "presence": presences, "contrast": contrast, "query": queries}

    def forward(self, *tensors: Tensor) -> tuple[Float[Tensor, "1 s q"], Float[Tensor, "1 s q"]]:
        """Logit of the probability of presence, and its deviation."""
        found = self.model(SpeciesBatch(*tensors))
        return found.logit, found.deviation

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Normal values of correlated variables, presences where the first one is high."""
        generator = torch.Generator().manual_seed(seed)
        mixed = torch.randn(self.variables, self.variables, generator=generator)

        def draw(kind: str, *before: int) -> Tensor:
            return torch.randn(1, *before, self.points[kind], self.variables, generator=generator) @ mixed

        presence = draw("presence", self.species) + mixed[0]
        weights = (torch.ones(1, self.species, self.points[kind]) for kind in ("presence", "contrast"))
        return (
            torch.full((1, self.variables), ENVIRONMENT), draw("background"), presence, next(weights),
            draw("contrast"), next(weights), torch.zeros(1, dtype=torch.long), draw("query"),
        )  # fmt: skip
