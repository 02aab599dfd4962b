"""Several datasets to train on at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from humboldt.foundations import ConfigError, Dataset


class Mixture:
    """Datasets that take turns: each batch comes from one of them, drawn with its weight.

    Their grids may differ; with `accumulate` above 1 one step learns from several of them.

    Args:
        datasets: what to mix; all of the same channels.
        weights: share of batches per dataset, by its number of samples if not given.

    Raises:
        ConfigError: no dataset, or another number of weights, or a weight that is not positive.
    """

    def __init__(self, datasets: Sequence[Dataset], weights: Sequence[float] | None = None) -> None:
        self.datasets = list(datasets)
        self.shares = [float(len(d)) for d in self.datasets] if weights is None else [float(w) for w in weights]
        if not self.datasets:
            raise ConfigError("a mixture holds at least one dataset, got none")
        if len(self.shares) != len(self.datasets) or min(self.shares) <= 0:
            raise ConfigError(
                f"a mixture has one positive weight per dataset, got weights {self.shares} for {len(self.datasets)} "
                "datasets; leave out datasets that are empty"
            )

    def __len__(self) -> int:
        return sum(len(d) for d in self.datasets)

    def split(self, name: str) -> Mixture:
        """The named part of each."""
        return Mixture([d.split(name) for d in self.datasets])

    def describe(self) -> Mapping[str, Any]:
        """What each holds, and the weights."""
        return {"mixture": [dict(d.describe()) for d in self.datasets], "weights": self.shares}
