"""The same examples for every model, and a plain training loop for the networks that are not ours."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from humboldt.domains.pde import FieldBatch, Symmetry, random_symmetry, transform, vector_channels
from humboldt.finetune.sampler import Batches


class Examples:
    """A fixed sequence of training examples, drawn once: example i is always the same pair, seen in the same way.

    It has the interface of a dataset, so that a loop of whatever kind meets the same examples. Every pair is drawn once
    before any is drawn again.

    Args:
        data: trajectories whose pairs are drawn.
        count: number of examples.
        seed: of the draws and of the symmetries.
        augmented: each example under a random translation, turn and reflection of its own.
    """

    pass_order = lengths = None  # the order is that of the examples, not one that suits the chunks of the data

    def __init__(self, data: Any, count: int, seed: int, augmented: bool) -> None:
        self.data, self.seed, self.augmented = data, seed, augmented
        generator = torch.Generator().manual_seed(seed)
        passes = [torch.randperm(len(data), generator=generator) for _ in range(math.ceil(count / len(data)))]
        self.chosen = torch.cat(passes)[:count].tolist()

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, indices: Sequence[int]) -> FieldBatch:
        """The examples with these numbers."""
        batch = self.data.batch([self.chosen[i] for i in indices])
        if not self.augmented:
            return batch
        axes = len(self.data.grid)
        vectors = vector_channels(self.data.channels, axes), vector_channels(self.data.outputs, axes)
        return transform(batch, [self._symmetry(i, batch.periodic) for i in indices], vectors)

    def _symmetry(self, index: int, periodic: tuple[bool, ...]) -> Symmetry:
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + index)
        return random_symmetry(tuple(self.data.grid), periodic, generator=generator)

    def split(self, name: str) -> Examples:
        """All examples are for training.

        Raises:
            ValueError: another part.
        """
        if name != "train":
            raise ValueError(f"examples are a train part only, got {name!r}")
        return self

    def arranged(self, channels: Sequence[Any], outputs: Sequence[Any] | None = None) -> Examples:
        """The same examples in a model's channel order."""
        other = copy.copy(self)
        other.data = self.data.arranged(channels, outputs)
        return other

    def __getattr__(self, name: str) -> Any:
        """Channels, grid, statistics and so on are those of the data."""
        if name.startswith("__") or name == "data":
            raise AttributeError(name)
        return getattr(self.data, name)

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready."""
        return {**self.data.describe(), "examples": len(self), "seed": self.seed, "augmented": self.augmented}


def train(
    model: nn.Module,
    examples: Examples,
    *,
    batch: int,
    rate: float,
    seed: int = 0,
    weight_decay: float = 1e-6,
    clip: float = 5.0,
) -> nn.Module:
    """One pass over the examples, in the batches of `humboldt.finetune`: AdamW, cosine decay to 0, clipping."""
    batches = Batches(examples, batch, len(examples) // batch, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, len(batches))
    model.train()
    for examined in batches:
        loss = model.loss(examined)  # type: ignore[operator]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
        schedule.step()
    return model.eval()
