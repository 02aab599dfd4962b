"""The frozen value that flows through a weather model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.data_catalog import DataError

from .channels import Channel, position
from .grid import Grid
from .masking import TokenMask


@dataclass(frozen=True)
class WeatherBatch:
    """States of the atmosphere on one grid, how far ahead to look, and (in training) what came.

    All values are in the physical units of their channels; NaN means missing.

    Attributes:
        layout: axes of `fields`, t for times.
        fields: states in ascending time, in the order of `channels`.
        static: fields that need no forecast, in the order of `static_channels`, at the time of the last state.
        lead_time: hours from the last state to the target.
        input_time: hours between the states, positive; 0 where there is one state.
        climate: climatology of the target time, in the order of `channels`.
        target: the state at the target time; NaN where it is not known.
        mask: which tokens the encoder sees; all of them, in natural order, if None.
        channels, static_channels: names and units.
        grid: where the rows and columns lie.
        time: of the last state, one per sample (`numpy.datetime64` or `cftime.datetime`).
    """

    layout: ClassVar[str] = "b t c ..."
    fields: Float[Tensor, "b t c h w"]
    static: Float[Tensor, "b s h w"]
    lead_time: Float[Tensor, " b"]
    input_time: Float[Tensor, " b"]
    climate: Float[Tensor, "b c h w"] | None = None
    target: Float[Tensor, "b c h w"] | None = None
    mask: TokenMask | None = None
    channels: tuple[Channel, ...] = ()
    static_channels: tuple[Channel, ...] = ()
    grid: Grid | None = None
    time: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, given, wanted in (
            ("channel", len(self.channels), self.fields.shape[2]),
            ("static channel", len(self.static_channels), self.static.shape[1]),
            ("time", len(self.time), len(self.fields)),
        ):
            if given not in (0, wanted):
                raise DataError(f"a batch has one {name} for each of {wanted} it holds, got {given}; name all or none")
        if self.grid is not None and self.grid.shape != tuple(self.fields.shape[-2:]):
            raise DataError(
                f"the grid of a batch has its rows and columns {tuple(self.fields.shape[-2:])}, got {self.grid.shape}"
            )
        if not torch.compiler.is_exporting() and not bool((self.input_time >= 0).all()):
            raise DataError(
                f"the time between the states of a batch is positive, got {self.input_time.tolist()} hours; states "
                "stand in ascending time"
            )

    def __len__(self) -> int:
        return len(self.fields)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> WeatherBatch:
        """On another device; floating tensors in another type if given."""

        def move(value: Any) -> Any:
            if isinstance(value, TokenMask):
                return value.to(device)
            if not isinstance(value, Tensor):
                return value
            return value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)

        return type(self)(**{f.name: move(getattr(self, f.name)) for f in dataclasses.fields(self)})

    def samples(self, part: slice) -> WeatherBatch:
        """Some of the samples."""

        def cut(value: Any) -> Any:
            if isinstance(value, TokenMask):
                return value.samples(part)
            return value[part] if isinstance(value, Tensor) else value

        cuts = {f.name: cut(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return type(self)(**{**cuts, "time": self.time[part]})

    def sel(self, variable: str, level: float | int | None = None) -> Float[Tensor, "b t h w"]:
        """The states of one channel, by variable (and level) or by its full name.

        Raises:
            DataError: no such channel, or the level is missing.
        """
        return self.fields[:, :, position(self.channels, variable, level)]

    def masked(self, mask: TokenMask | None) -> WeatherBatch:
        """The same samples under another mask."""
        return dataclasses.replace(self, mask=mask)

    def step(
        self,
        prediction: Float[Tensor, "b c h w"],
        *,
        static: Tensor | None = None,
        climate: Tensor | None = None,
        lead_time: Tensor | None = None,
        time: tuple[Any, ...] = (),
    ) -> WeatherBatch:
        """The batch from which a rollout goes on: the prediction is the newest state, nothing is masked, and the states
        lie as far apart as it lies from the one before it.

        Args:
            prediction: the state at the target time.
            static, climate, lead_time: of the next step; the present ones by default.
            time: of the prediction.
        """
        return dataclasses.replace(
            self,
            fields=torch.cat([self.fields[:, 1:], prediction.unsqueeze(1).to(self.fields)], dim=1),
            static=self.static if static is None else static,
            climate=self.climate if climate is None else climate,
            lead_time=self.lead_time if lead_time is None else lead_time,
            input_time=self.lead_time.clamp(min=0) if self.fields.shape[1] > 1 else self.input_time,
            target=None,
            mask=None,
            time=time,
        )


@dataclass(frozen=True)
class TaskBatch(WeatherBatch):
    """States, and what a task other than a forecast is to make of them.

    Attributes:
        details: fine fields that are known beforehand, on the grid of the answer.
        answer: what came, in physical units; NaN where it is not known.
        answer_channels: names and units.
        answer_grid: where the rows and columns of the answer lie.
    """

    details: Float[Tensor, "b s2 h2 w2"] | None = None
    answer: Float[Tensor, "b c2 h2 w2"] | None = None
    answer_channels: tuple[Channel, ...] = ()
    answer_grid: Grid | None = None


@dataclass(frozen=True)
class WeatherPrediction:
    """A predicted state in physical units, in the order of `channels`, at `time` (one per sample)."""

    fields: Float[Tensor, "b c h w"]
    channels: tuple[Channel, ...] = ()
    grid: Grid | None = None
    time: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.fields)

    def sel(self, variable: str, level: float | int | None = None) -> Float[Tensor, "b h w"]:
        """One channel, by variable (and level) or by its full name."""
        return self.fields[:, position(self.channels, variable, level)]
