"""A model of fields as a function of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model, Program

from .batch import FieldBatch


class FieldProgram(Program):
    """States and lead times to forecasts.

    Args:
        model: of the pde domain.
        grid: points along each space axis.
        periodic: which space axes close on themselves.
        samples: states at a time.
    """

    inputs, outputs = ("fields", "lead_time"), ("forecast",)

    def __init__(
        self, model: Model, *, grid: Sequence[int] = (64, 64), periodic: bool | Sequence[bool] = True, samples: int = 2
    ) -> None:
        super().__init__(model)
        axes = model.config.core.axes
        if len(grid) != axes:
            raise ValueError(f"a grid has a number of points for each of {axes} space axes, got {list(grid)}")
        self.shape = (samples, len(model.config.inputs), *grid)
        self.periodic = (periodic,) * axes if isinstance(periodic, bool) else tuple(periodic)

    def forward(self, *tensors: Tensor) -> Float[Tensor, "b o *space"]:
        """Predict in physical units."""
        fields, lead_time = tensors
        prediction: Tensor = self.model(FieldBatch(fields, lead_time, periodic=self.periodic)).fields
        return prediction

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Noise of the mean and deviation of the channels."""
        generator, normaliser = torch.Generator().manual_seed(seed), self.model.embed.get_submodule("normaliser")
        noise = torch.randn(self.shape, generator=generator)
        each = (-1, *[1] * (noise.ndim - 2))
        fields = normaliser.get_buffer("mean").view(each) + normaliser.get_buffer("std").view(each) * noise
        return fields, torch.rand(len(fields), generator=generator) + 0.1
