"""What a model of gridded ecosystems is made of, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from humboldt.foundations import ConfigError, CoreConfig, PerceiverConfig


@dataclass(frozen=True, kw_only=True)
class VariableGroup:
    """Variables that make a token together.

    Attributes:
        name: of the group.
        variables: their names, in the order of the channels of a batch.
        units: one a variable; empty where they are not known.
        weights: of each variable in the loss; empty for 1.
        levels: pressure levels in hPa, each of which makes a token of its own; empty for a single level.
        embedded: the variables in the order in which the weights of the embedding take them; empty for the same order.
    """

    name: str
    variables: tuple[str, ...]
    units: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    embedded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.variables:
            raise ConfigError(f"a group of variables holds at least one, got none for {self.name!r}")
        for field in ("units", "weights"):
            if getattr(self, field) and len(getattr(self, field)) != len(self.variables):
                raise ConfigError(
                    f"{field} of group {self.name!r} has one entry for each of {len(self.variables)} variables, got "
                    f"{len(getattr(self, field))}"
                )
        if self.embedded and sorted(self.embedded) != sorted(self.variables):
            raise ConfigError(
                f"embedded of group {self.name!r} names its variables in another order, got {self.embedded} for "
                f"{self.variables}"
            )

    @property
    def tokens(self) -> int:
        """Token groups: one, or one a level."""
        return max(1, len(self.levels))

    @property
    def channels(self) -> int:
        """Channels of a batch, variable by variable, each with all of its levels."""
        return len(self.variables) * self.tokens

    @property
    def order(self) -> tuple[int, ...]:
        """Which variable the embedding takes first, second, ..."""
        return tuple(self.variables.index(name) for name in self.embedded or self.variables)


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Low-rank corrections of the attention's linear maps, which depend on the step of a rollout.

    Attributes:
        kind: `lora` adds (alpha / rank) B A x; `vera` adds d * B (b * A x) with A and B random and fixed.
        rank: r.
        alpha: of `lora`.
        steps: how many steps have a correction; later ones have none.
        shared: one correction for all steps instead of one for each.
        initial: of the vector d of `vera`.
    """

    kind: Literal["lora", "vera"]
    rank: int
    alpha: float = 8.0
    steps: int = 1
    shared: bool = False
    initial: float = 0.1


@dataclass(frozen=True, kw_only=True)
class GridConfig:
    """A model from months of gridded variables to the next month.

    Attributes:
        groups: the groups of variables, in the order of a batch's channels.
        grid: rows and columns.
        patch: cells of a patch along both axes.
        core: the core on tokens of (group, row, column).
        perceiver: sizes of the Perceivers before and after the core.
        times: months in.
        backbone: `swin` is the core as it is; `mvit` adds the query to what it attends to (see `MViT`).
        adapter: corrections for the steps of a rollout.
        behaviour: `corrected`, or `published` with the faults that released weights were trained with.
        increment: predict the change from the last month instead of the month.
        periodic: whether the columns go around the globe.
        mask: where the loss counts: everywhere, on land, or on land for `masked` groups.
        masked: names of groups.
    """

    groups: tuple[VariableGroup, ...]
    grid: tuple[int, int]
    patch: int
    core: CoreConfig
    perceiver: PerceiverConfig
    times: int = 2
    backbone: Literal["swin", "mvit"] = "swin"
    adapter: AdapterConfig | None = None
    behaviour: Literal["corrected", "published"] = "corrected"
    increment: bool = False
    periodic: bool = False
    mask: Literal["no", "fully", "partially"] = "no"
    masked: tuple[str, ...] = ("species",)

    def __post_init__(self) -> None:
        if any(n % self.patch for n in self.grid):
            raise ConfigError(f"the patch divides the grid, got patch={self.patch} and grid={self.grid}")
        if self.core.axes != 3:
            raise ConfigError(f"tokens lie on the axes group, row and column, got a core with {self.core.axes} axes")
        names = [group.name for group in self.groups]
        if len(set(names)) != len(names):
            raise ConfigError(f"groups have names of their own, got {names}")

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self.core.scales[0].width

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Token groups, rows and columns."""
        rows, columns = (n // self.patch for n in self.grid)
        return sum(group.tokens for group in self.groups), rows, columns

    @property
    def channels(self) -> int:
        """Channels of a batch."""
        return sum(group.channels for group in self.groups)

    @property
    def published(self) -> bool:
        """Whether the faults of the released code are kept."""
        return self.behaviour == "published"

    def slices(self) -> dict[str, slice]:
        """The channels of each group."""
        found, start = {}, 0
        for group in self.groups:
            found[group.name] = slice(start, start + group.channels)
            start += group.channels
        return found
