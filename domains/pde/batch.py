"""The frozen value that flows through a PDE model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class FieldBatch:
    """States on a regular grid, how far ahead to look, and (in training) what came.

    Attributes:
        layout: axes of `fields`, t for times.
        fields: states in physical units, in the order of the model's input channels; NaN where not known.
        lead_time: time from state to target, in the model's time units.
        target: later states in physical units, in the order of the model's output channels.
        known: True where the target is given rather than predicted (masked channels, places outside of the domain).
        hidden: True for tokens that are replaced by the mask token.
        periodic: which space axes close on themselves; `()` means none.
    """

    layout: ClassVar[str] = "b c ..."
    fields: Float[Tensor, "b c *space"]
    lead_time: Float[Tensor, " b"]
    target: Float[Tensor, "b o *space"] | None = None
    known: Bool[Tensor, "b #o *#space"] | None = None
    hidden: Bool[Tensor, "b tokens"] | None = None
    periodic: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if len(self.lead_time) != len(self.fields):
            raise ValueError(
                f"a batch has one lead time per sample, got {len(self.lead_time)} for {len(self.fields)} samples"
            )

    def __len__(self) -> int:
        return len(self.fields)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> FieldBatch:
        """On another device; floating tensors in another type if given."""

        def move(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)

        return FieldBatch(**{f.name: move(getattr(self, f.name)) for f in dataclasses.fields(self)})

    def at(self, fields: Tensor, lead_time: Tensor) -> FieldBatch:
        """The same geometry with another state and lead time, and without a target (the next step of a rollout)."""
        return FieldBatch(fields=fields, lead_time=lead_time, periodic=self.periodic)


@dataclass(frozen=True)
class FieldPrediction:
    """Predicted states in physical units, in the order of the model's output channels."""

    fields: Float[Tensor, "b o *space"]

    def __len__(self) -> int:
        return len(self.fields)
