"""Samples with what a teacher makes of them: computed once, so that no teacher is there in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Dataset


@dataclass(frozen=True)
class FeaturedBatch:
    """A batch, and a vector of the teacher's for every sample; all else is the batch's own."""

    batch: Any
    features: Float[Tensor, "b q"]

    def __len__(self) -> int:
        return len(self.batch)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "batch":
            raise AttributeError(name)
        return getattr(self.batch, name)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> FeaturedBatch:
        """On another device."""
        return FeaturedBatch(self.batch.to(device, dtype), self.features.to(device, dtype))


class Featured:
    """A dataset whose batches carry a teacher's features.

    Args:
        data: what is trained on.
        features: one row a sample, in the order of `data`.

    Raises:
        ConfigError: another number of rows than samples.
    """

    def __init__(self, data: Dataset, features: Float[Tensor, "n q"]) -> None:
        if len(features) != len(data):
            raise ConfigError(
                f"there is a row of features for every sample, got {len(features)} for {len(data)}; compute them on "
                "the part that is trained on, after take"
            )
        self.data, self.features = data, features

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: Sequence[int]) -> FeaturedBatch:
        """Samples with their features."""
        return FeaturedBatch(self.data.batch(indices), self.features[list(indices)])

    def describe(self) -> Mapping[str, Any]:
        """What the data say, and the width of the features."""
        return {**dict(self.data.describe()), "features": self.features.shape[1]}


@torch.no_grad()
def features_of(
    teacher: Callable[[Any], Float[Tensor, "b q"]], data: Dataset, batch_size: int = 8
) -> Float[Tensor, "n q"]:
    """What a teacher makes of every sample, in order."""
    rows = [teacher(data.batch(range(i, min(i + batch_size, len(data))))) for i in range(0, len(data), batch_size)]
    return torch.cat(rows)
