"""A small solution operator for lines, squares and cubes: the core of `humboldt/pde-nano` in any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig

from .config import Channel, PDEConfig
from .trajectories import TrajectoryDataset

WINDOWS = {1: 16, 2: 8, 3: 4}


def operator_for(data: TrajectoryDataset, *, widths: Sequence[int] = (32, 64)) -> PDEConfig:
    """`operator` for a dataset: its channels, axes, time units and longest lead time. A token has 4 points along each
    axis, 2 in a cube."""
    axes, longest = len(data.grid), float(max(data.lead_times())) or 1.0
    patch = 2 if axes == 3 else 4
    config = operator(data.channels, axes=axes, widths=widths, patch=patch, horizon=longest, time_units=data.time_units)
    return replace(config, outputs=data.outputs, increment=data.outputs == data.channels[: len(data.outputs)])


def operator(
    channels: Sequence[Channel],
    *,
    axes: int = 2,
    widths: Sequence[int] = (32, 64),
    patch: int = 4,
    horizon: float = 1.0,
    time_units: str = "1",
) -> PDEConfig:
    """Cosine attention in windows that shift, post-norm, a U of so many scales; it predicts the change of a state.

    Args:
        channels: of the state.
        axes: 1, 2 or 3; windows hold 16, 8 x 8 or 4 x 4 x 4 tokens.
        widths: of the tokens at each scale, a head for every 16.
        patch: grid points per token along each axis.
        horizon: lead time that counts as 1, in `time_units`.

    Raises:
        ConfigError: another number of axes, or a width that 16 does not divide.
    """
    if axes not in WINDOWS:
        raise ConfigError(f"an operator has 1, 2 or 3 axes, got {axes}; choose one of them")
    if not widths or any(width % 16 for width in widths):
        raise ConfigError(f"widths are multiples of 16, one a scale, got {tuple(widths)}; such as (32, 64)")

    def blocks(width: int) -> tuple[BlockConfig, ...]:
        return tuple(
            BlockConfig(
                attention=AttentionConfig(
                    heads=width // 16,
                    window=(WINDOWS[axes],) * axes,
                    shifted=shifted,
                    similarity="cosine",
                    position="log",
                    bias="query_value",
                ),
                hidden=4 * width,
                norm="post",
            )
            for shifted in (False, True)
        )

    last = len(widths) - 1
    scales = tuple(
        ScaleConfig(
            width=width, down=blocks(width), up=blocks(width), skip=int(stage < last), merge=(2,) * axes
        )
        for stage, width in enumerate(widths)
    )  # fmt: skip
    return PDEConfig(
        inputs=tuple(channels),
        outputs=tuple(channels),
        core=CoreConfig(axes=axes, scales=scales, condition=1, residual_scale=True),
        patch=patch,
        horizon=horizon,
        time_units=time_units,
        increment=True,
        loss_over="sample",
    )
