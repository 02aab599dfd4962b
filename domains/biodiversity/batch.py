"""The frozen value that flows through a model of gridded ecosystems."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Integer
from torch import Tensor


@dataclass(frozen=True)
class GridBatch:
    """Months of gridded variables, and (in training) the month that came next.

    Attributes:
        layout: axes of `fields`, t for times.
        fields: in physical units; channels are variable by variable, each with all of its levels; NaN where missing.
        latitude, longitude: of the rows and columns, in degrees.
        month: calendar month (1 to 12) of the first time of each sample.
        lead_time: months from the last time to the target.
        target: the month to predict, in physical units; NaN where it does not count.
        later: the months after the target, in training for rollouts; None where there is none.
        land: 1 on land, 0 at sea, for losses that count land only.
        step: how many times a rollout has fed the model its own prediction.
    """

    layout: ClassVar[str] = "b c t ..."
    fields: Float[Tensor, "b c t h w"]
    latitude: Float[Tensor, " h"]
    longitude: Float[Tensor, " w"]
    month: Integer[Tensor, " b"]
    lead_time: Float[Tensor, " b"]
    target: Float[Tensor, "b c h w"] | None = None
    later: Float[Tensor, "b c s h w"] | None = None
    land: Float[Tensor, "h w"] | None = None
    step: int = 0

    def __post_init__(self) -> None:
        if len(self.lead_time) != len(self.fields) or len(self.month) != len(self.fields):
            raise ValueError(
                f"a batch has a month and a lead time for each of {len(self.fields)} samples, got {len(self.month)} "
                f"months and {len(self.lead_time)} lead times"
            )
        if ((self.month < 1) | (self.month > 12)).any():
            raise ValueError(f"calendar months are 1 to 12, got {self.month.tolist()}")

    def __len__(self) -> int:
        return len(self.fields)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> GridBatch:
        """On another device; floating tensors in another type if given."""

        def move(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)

        return GridBatch(**{f.name: move(getattr(self, f.name)) for f in dataclasses.fields(self)})

    def advanced(self, predicted: Float[Tensor, "b c h w"], target: Tensor | None = None) -> GridBatch:
        """A month later: the first time falls away, the prediction is the last one; the target is the first of the
        later months, or the one that is given."""
        following, later = target, self.later
        if following is None and later is not None:
            following, later = later[:, :, 0], later[:, :, 1:] if later.shape[2] > 1 else None
        return dataclasses.replace(
            self,
            fields=torch.cat([self.fields[:, :, 1:], predicted.unsqueeze(2)], dim=2),
            month=self.month % 12 + 1,
            target=following,
            later=later,
            step=self.step + 1,
        )


@dataclass(frozen=True)
class GridPrediction:
    """The predicted month in physical units, channels as in the batch."""

    fields: Float[Tensor, "b c h w"]

    def __len__(self) -> int:
        return len(self.fields)
