"""What flows through a model of populations: counts by site and year, and how many years ahead is asked for.

Letters: b populations, s sites, y years (the last one is that from which is forecast).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class CountBatch:
    """Populations that were counted at sites in years, some of them missing.

    Attributes:
        counts: individuals, at least 0; what stands where nothing was counted is not looked at.
        counted: where they were counted.
        horizon: years from the last one to that which is asked for, at least 1.
        target: counts of that year, NaN where it is not known.

    Raises:
        ValueError: a population without a count, negative counts, or a horizon below 1.
    """

    counts: Float[Tensor, "b s y"]
    counted: Bool[Tensor, "b s y"]
    horizon: Float[Tensor, " b"]
    target: Float[Tensor, "b s"] | None = None

    def __post_init__(self) -> None:
        if torch.compiler.is_exporting():  # a program has no values to look at
            return
        none = ~self.counted.flatten(1).any(1)
        if bool(none.any()):
            raise ValueError(f"a population is counted once at least, got none of number {int(none.nonzero()[0])}")
        if bool((self.seen < 0).any()):
            raise ValueError(f"counts are at least 0, got {float(self.seen.min()):g}; correct or drop that row")
        if bool((self.horizon < 1).any()):
            raise ValueError(f"a forecast goes 1 year ahead at least, got {float(self.horizon.min()):g}")

    @property
    def seen(self) -> Float[Tensor, "b s y"]:
        """Counts, 0 where there are none."""
        return torch.where(self.counted, self.counts, 0)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> CountBatch:
        """The same batch on another device, its counts in another type."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            found[field.name] = (
                None if value is None else value.to(device, dtype if value.is_floating_point() else None)
            )
        return CountBatch(**found)

    def __len__(self) -> int:
        """Number of populations."""
        return len(self.counts)


@dataclass(frozen=True)
class CountForecast:
    """A negative binomial distribution of the count of every site: mean m, variance m + m^2 / size."""

    mean: Float[Tensor, "b s"]
    size: Float[Tensor, "b s"]

    def __len__(self) -> int:
        return len(self.mean)
