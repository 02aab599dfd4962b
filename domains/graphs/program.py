"""A model of graphs as a function of tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from humboldt.foundations import Model, Program

from .batch import SequenceBatch
from .heads import PropertyHead


class SequenceProgram(Program):
    """Token numbers (and goals, NaN where not given) to logits of what comes next after each.

    A model that reads properties off is also told which tokens are `real`, and gives `values`.

    Args:
        model: of the graphs domain.
        length: tokens of a sequence.
        samples: sequences at a time.
    """

    def __init__(self, model: Model, *, length: int = 64, samples: int = 2) -> None:
        super().__init__(model)
        if not 1 <= length <= model.config.length:
            raise ValueError(f"this model has positions for {model.config.length} tokens, got length={length}")
        self.length, self.samples = length, samples
        reads = isinstance(model.head, PropertyHead)
        self.inputs = ("ids", *(("real",) if reads else ()), *(("goals",) if model.config.goals else ()))
        self.outputs = ("values",) if reads else ("logits",)

    def forward(self, *tensors: Tensor) -> Tensor:
        """Logits (b, n, rows), or properties in their units or as probabilities (b, p)."""
        given = dict(zip(self.inputs, tensors, strict=True))
        real = given.get("real", torch.ones_like(given["ids"], dtype=torch.bool))
        prediction = self.model(SequenceBatch(given["ids"], real, given.get("goals")))
        found: Tensor = getattr(prediction, self.outputs[0])
        return found

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Any tokens, rows that end at different places, goals of which some are not given."""
        config, generator = self.model.config, torch.Generator().manual_seed(seed)
        ids = torch.randint(len(config.vocabulary), (self.samples, self.length), generator=generator)
        ends = torch.randint(1, self.length + 1, (self.samples, 1), generator=generator)
        ends[0] = (self.length + 1) // 2
        mean, deviation = (torch.tensor([getattr(g, n) for g in config.goals]) for n in ("mean", "deviation"))
        goals = mean + deviation * torch.randn(self.samples, len(config.goals), generator=generator)
        goals[::2, :1] = torch.nan
        made = {"ids": ids, "real": torch.arange(self.length) < ends, "goals": goals}
        return tuple(made[name] for name in self.inputs)
