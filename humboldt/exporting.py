"""A model as a program that runs without Humboldt, compared with the model before it is believed."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from humboldt.domains.pde import FieldBatch
from humboldt.foundations import Model

TOLERANCE = 1e-5  # of the largest value of the output


class ExportError(ValueError):
    """A model that cannot be exported, or whose program computes something else."""


class Forecaster(nn.Module):
    """A model of fields as a function of tensors: (states, channels, *space) and lead times to predicted fields.

    Args:
        model: of the pde domain.
        periodic: which space axes close on themselves; fixed in the program.
    """

    def __init__(self, model: Model, periodic: tuple[bool, ...]) -> None:
        super().__init__()
        self.model, self.periodic = model, periodic

    def forward(self, fields: Tensor, lead_time: Tensor) -> Tensor:
        """Predict in physical units."""
        return self.model(FieldBatch(fields=fields, lead_time=lead_time, periodic=self.periodic)).fields


def export(
    model: Model,
    output: str | os.PathLike[str],
    *,
    grid: Sequence[int] = (64, 64),
    periodic: bool | Sequence[bool] = True,
    states: int = 2,
) -> float:
    """Write a `torch.export` program (`.pt2`) of a model for one grid and one number of states.

    `torch.export.load(output).module()(fields, lead_time)` runs it, without Humboldt.

    Args:
        model: of the pde domain.
        output: file to write.
        grid: points along each space axis.
        periodic: which space axes close on themselves.
        states: states at a time.

    Returns:
        The largest difference between the program as read back and the model, on other states than those it was traced
        with, over the largest value of the output.

    Raises:
        ExportError: a model of another domain, or a program that computes something else.
    """
    if model.domain != "pde":
        raise ExportError(f"models of the pde domain are exported, got one of {model.domain!r}")
    closed = (periodic,) * len(grid) if isinstance(periodic, bool) else tuple(periodic)
    frozen = copy.deepcopy(model).eval().requires_grad_(False)
    forecaster, output = Forecaster(frozen, closed), Path(output)
    traced, other = (_inputs(model, grid, states, seed) for seed in (0, 1))
    with torch.no_grad():
        expected = forecaster(*other)
        program = torch.export.export(forecaster, traced)
    aside = output.with_name(f".writing-{output.name}")
    torch.export.save(program, aside)
    with torch.no_grad():
        found = torch.export.load(aside).module()(*other)
    difference = float((found - expected).abs().max() / expected.abs().max())
    if not difference <= TOLERANCE:
        aside.unlink()
        raise ExportError(
            f"a program computes what the model does to {TOLERANCE:g}, got {difference:.3g}; nothing was written"
        )
    os.replace(aside, output)
    return difference


def _inputs(model: Any, grid: Sequence[int], states: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random states in the model's units, and lead times."""
    generator = torch.Generator().manual_seed(seed)
    normaliser = model.embed.normaliser
    noise = torch.randn(states, len(model.config.inputs), *grid, generator=generator)
    shape = (-1, *[1] * len(grid))
    fields = normaliser.mean.reshape(shape) + normaliser.std.reshape(shape) * noise
    return fields, torch.rand(states, generator=generator) + 0.1
