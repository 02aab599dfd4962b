"""What a model of species distributions is made of."""

from __future__ import annotations

from dataclasses import dataclass

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig


@dataclass(frozen=True, kw_only=True)
class SpeciesConfig:
    """Response functions of variables, written by a core over one token a variable.

    Attributes:
        core: one grid axis, the variables of a region; told who the species is and how well it is known.
        knots: points of a response function, evenly spaced over the quantiles of the region.
        responses: functions written per variable; the first adds to the logit, the others enter a perceptron.
        space: how many of them span the space in which presences are compared with what they are contrasted to.
        hidden: width of the perceptron.
    """

    core: CoreConfig
    knots: int = 16
    responses: int = 16
    space: int = 6
    hidden: int = 64

    def __post_init__(self) -> None:
        if self.core.axes != 1 or not self.core.condition:
            raise ConfigError(
                f"a core of species has one axis and a condition, got axes={self.core.axes}, "
                f"condition={self.core.condition}"
            )
        if self.knots < 2 or not 0 < self.space < self.responses:
            raise ConfigError(
                f"responses have at least 2 knots, and some of them span the space, got knots={self.knots}, "
                f"space={self.space} of responses={self.responses}"
            )

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self.core.scales[0].width


def biodiversity_nano() -> SpeciesConfig:
    """The configuration of `humboldt/biodiversity-nano`."""
    block = BlockConfig(attention=AttentionConfig(heads=4), hidden=384, activation="gelu_tanh")
    scale = ScaleConfig(width=128, down=(block,) * 4)
    return SpeciesConfig(core=CoreConfig(axes=1, scales=(scale,), condition=64, final_norm=True))
