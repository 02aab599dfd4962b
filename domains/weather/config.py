"""What a weather model is built from; it travels in the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig, Units

from .channels import Channel

UNUSED = 3  # entries of the static statistics that precede those of the embedded channels, with Fourier positions


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What a model is for, where that is not a forecast.

    Attributes:
        kind: `reconstruction` of what is hidden or missing (the head of a forecast, at lead time 0), `downscaling` to a
            finer grid, or the `flux` of scales that are not resolved.
        outputs: what is predicted; nothing for a reconstruction, which predicts what it takes.
        details: fine fields that are known beforehand (orography, land), for downscaling.
        factor: fine points along each axis for one point of the input.
        hidden: channels between the trunk and the output.
    """

    kind: Literal["reconstruction", "downscaling", "flux"]
    outputs: tuple[Channel, ...] = ()
    details: tuple[Channel, ...] = ()
    factor: int = 1
    hidden: int = 32

    def __post_init__(self) -> None:
        if (self.kind == "reconstruction") == bool(self.outputs):
            raise ConfigError(
                f"a reconstruction predicts what it takes, other tasks name their outputs, got {self.kind!r} with "
                f"outputs {[c.name for c in self.outputs]}; name or drop them"
            )
        if self.factor < 1 or (self.kind != "downscaling" and self.factor > 1):
            raise ConfigError(
                f"downscaling has a factor of at least 1, other tasks have none, got {self.factor} for {self.kind!r}"
            )


@dataclass(frozen=True, kw_only=True)
class WeatherConfig:
    """States of the atmosphere and a lead time -> the state at the target time.

    Attributes:
        channels: fields of the state in order; the model predicts what it takes.
        static: fields that need no forecast, in order (see `forcings`): with Fourier positions the first two are
            latitude and longitude in radians.
        core: the encoder, over (unit, slot) tokens of which masked ones are left out.
        decoder: another core, over all tokens.
        patch: grid points per token along each axis.
        unit: grid points of a unit along each axis, a multiple of the patch.
        input_times: states taken, in ascending time.
        residual: what the network corrects: the `climate` of the target time (which it is also shown), the last input
            (`temporal`; the first one where the lead time is not positive), or the mean (`none`).
        position: `fourier` adds sines and cosines of latitude and longitude, `absolute` adds nothing.
        grid: rows and columns it was trained on, None if on several; other grids are taken as well.
        eps, static_eps: added to the deviations of inputs and of static fields.
        memory: hours in which a state is forgotten. The deviation of a state from one that is h hours older is then
            taken to grow as that of a red noise, sqrt(1 - exp(-h / memory)) times the deviation at long lead times, and
            corrections and errors are measured in it; None measures all lead times alike, as released models do.
        task: what the model is for, None for forecasts (and what released models do at lead time 0).
        channel_dropout: probability with which a channel is hidden in training.
        ends_shifted: a stack whose last block is shifted leaves the tokens where the shift put them (a quirk of
            released code with an odd number of block pairs).
    """

    channels: tuple[Channel, ...]
    static: tuple[Channel, ...]
    core: CoreConfig
    decoder: CoreConfig
    patch: int
    unit: tuple[int, int]
    input_times: int = 2
    residual: Literal["climate", "temporal", "none"] = "climate"
    position: Literal["fourier", "absolute"] = "fourier"
    grid: tuple[int, int] | None = None
    eps: float = 0.0
    static_eps: float = 0.0
    memory: float | None = None
    task: TaskConfig | None = None
    channel_dropout: float = 0.0
    ends_shifted: bool = False

    def __post_init__(self) -> None:
        if any(size % self.patch for size in self.unit):
            raise ConfigError(f"a unit is made of whole patches of {self.patch} points, got unit={self.unit}")
        if self.width % 4:
            raise ConfigError(
                f"the width is a multiple of 4 (two times and four parts of a position), got {self.width}"
            )
        if self.memory is not None and (self.memory <= 0 or self.residual != "temporal"):
            raise ConfigError(
                "what is forgotten is the last input: memory is a positive number of hours and goes with "
                f"residual='temporal', got {self.memory} with {self.residual!r}; leave it out, or change the residual"
            )
        if self.decoder.condition != self.core.condition:
            raise ConfigError(
                f"encoder and decoder are told the same condition, got widths {self.core.condition} and "
                f"{self.decoder.condition}; choose one"
            )
        if self.decoder.scales[0].width != self.width:
            raise ConfigError(
                f"encoder and decoder share their width, got {self.width} and {self.decoder.scales[0].width}"
            )
        if self.position == "fourier" and len(self.static) < 2:
            raise ConfigError(
                "Fourier positions take latitude and longitude from the first two static channels, got "
                f"{[c.name for c in self.static]}; add them, or choose position='absolute'"
            )

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self.core.scales[0].width

    @property
    def inputs(self) -> tuple[Channel, ...]:
        """What the model takes."""
        return self.channels

    @property
    def outputs(self) -> tuple[Channel, ...]:
        """What the model predicts."""
        return self.channels

    @property
    def embedded(self) -> tuple[Channel, ...]:
        """The static channels that are embedded: all but the coordinates that Fourier positions take."""
        return self.static[2:] if self.position == "fourier" else self.static

    @property
    def static_statistics(self) -> int:
        """Length of the static statistics."""
        return len(self.embedded) + (UNUSED if self.position == "fourier" else 0)

    def units(self, points: tuple[int, ...]) -> Units:
        """The units of a field of that many grid points; the last ones may reach beyond it."""
        count = tuple(-(-n // size) for n, size in zip(points, self.unit, strict=True))
        return Units((count[0], count[1]), (self.unit[0] // self.patch, self.unit[1] // self.patch))


def unit_core(
    *,
    width: int,
    pairs: int,
    heads: int,
    hidden: int,
    shifted: bool = False,
    drop_path: float = 0.0,
    condition: int = 0,
) -> CoreConfig:
    """Attention inside each unit, then `pairs` times across units and inside each unit again (arXiv 2409.13598).

    With `shifted`, every other stage after the first sees units that are moved by half their size. A shift moves all
    tokens of a slot alike, so attention across units needs none.
    With a `condition`, norms are told lead and input time.
    """
    layers = range(2 * pairs + 1)
    blocks = tuple(
        BlockConfig(
            attention=AttentionConfig(
                heads=heads,
                window=(None, 1) if layer % 2 else (1, None),
                shifted=shifted and layer % 4 == 2,
                bias="none",
                out_bias=False,
            ),
            hidden=hidden,
            norm="pre",
            drop_path=drop_path,
        )
        for layer in layers
    )
    return CoreConfig(axes=2, scales=(ScaleConfig(width=width, down=blocks),), condition=condition)
