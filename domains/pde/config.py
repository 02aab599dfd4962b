"""What a PDE model is built from; it travels in the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from humboldt.foundations import ConfigError, CoreConfig


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One scalar field of the state.

    Attributes:
        name: as it is called in the data.
        units: CF units.
        group: channels of one group share an error (the components of a velocity); its own name by default.
        scored: whether its error counts; constant companions (a wave speed, a forcing) are not worth a score.
    """

    name: str
    units: str = "1"
    group: str = ""
    scored: bool = True

    @property
    def error_group(self) -> str:
        """The group that the channel is scored in."""
        return self.group or self.name


@dataclass(frozen=True, kw_only=True)
class FineConfig:
    """A path of full resolution beside the tokens (`FinePath`).

    Attributes:
        width: its channels at every grid point.
        layers: how many times they are mixed.
        modes: waves along each axis that are mixed across the whole grid.
    """

    width: int = 16
    layers: int = 2
    modes: int = 12

    def __post_init__(self) -> None:
        for name, value in {"width": self.width, "layers": self.layers, "modes": self.modes}.items():
            if value < 1:
                raise ConfigError(f"{name} of a fine path is at least 1, got {value}; leave `fine` out for none")


@dataclass(frozen=True, kw_only=True)
class PDEConfig:
    """A solution operator (fields, lead time) -> fields.

    Attributes:
        inputs, outputs: channels in order; the first outputs are the first inputs where a state is advanced.
        core: the shared core, over tokens.
        patch: grid points per token along each axis.
        horizon: lead time that the condition counts as 1, in `time_units`.
        time_units: CF units of lead times.
        resolution: fields are resampled spectrally to this many points per axis; None takes every grid as it is.
        increment: predict the change from the first channels of the input.
        absolute_position: learned position embeddings (needs `resolution`).
        mask_token: a learned token for masked places.
        periodic: believe the data when they say that an axis is periodic (the published models do not).
        fine: a path of full resolution beside the tokens, for what patches are too coarse for; None for none.
        task: what the head is for: `forecast` of the outputs, or the `error` of that forecast, place by place.
        loss: `relative` divides the error of every channel group by the size of its target; `plain` is the mean error.
        loss_order: 1 for absolute, 2 for squared errors.
        loss_over: relative errors are taken over the whole `batch` (published) or over each `sample`.
    """

    inputs: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    core: CoreConfig
    patch: int
    horizon: float = 1.0
    time_units: str = "1"
    resolution: int | None = None
    increment: bool = False
    absolute_position: bool = False
    mask_token: bool = False
    periodic: bool = True
    fine: FineConfig | None = None
    task: Literal["forecast", "error"] = "forecast"
    loss: Literal["relative", "plain"] = "relative"
    loss_order: Literal[1, 2] = 1
    loss_over: Literal["batch", "sample"] = "batch"

    def __post_init__(self) -> None:
        if self.horizon <= 0:
            raise ConfigError(f"horizon is a positive lead time, got {self.horizon}")
        if self.absolute_position and self.resolution is None:
            raise ConfigError("absolute positions need a fixed grid, got resolution=None; set resolution")
        if self.increment and len(self.inputs) < len(self.outputs):
            raise ConfigError(
                f"increment adds inputs to outputs, but there are {len(self.inputs)} inputs for {len(self.outputs)} "
                "outputs; set increment=False"
            )
        if self.fine is not None and self.mask_token:
            raise ConfigError(
                "a fine path sees every point, also those that mask tokens hide, got fine and mask_token=True; "
                "leave one out"
            )
        if not self.groups:
            raise ConfigError("a loss needs at least one scored output channel, got none; set scored=True")

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """Indices of the scored output channels of every error group, in order."""
        found: dict[str, list[int]] = {}
        for index, channel in enumerate(self.outputs):
            if channel.scored:
                found.setdefault(channel.error_group, []).append(index)
        return {name: tuple(indices) for name, indices in found.items()}
