"""What a model of populations is made of."""

from __future__ import annotations

from dataclasses import dataclass

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig


@dataclass(frozen=True, kw_only=True)
class PopulationConfig:
    """A core over the years of a site, told how far ahead is asked for.

    Attributes:
        core: one grid axis, the years, and a condition: the horizon, and how well site and population are known.
        largest_change: of the logarithm of a site's mean, from its level to the forecast.
    """

    core: CoreConfig
    largest_change: float = 3.0

    def __post_init__(self) -> None:
        if self.core.axes != 1 or not self.core.condition:
            raise ConfigError(
                f"a core of populations has one axis and a condition, got axes={self.core.axes}, "
                f"condition={self.core.condition}"
            )


def populations_nano() -> PopulationConfig:
    """The configuration of `humboldt/populations-nano`."""
    block = BlockConfig(attention=AttentionConfig(heads=4), hidden=128, activation="gelu_tanh")
    scale = ScaleConfig(width=64, down=(block,) * 3)
    return PopulationConfig(core=CoreConfig(axes=1, scales=(scale,), condition=32, final_norm=True))
