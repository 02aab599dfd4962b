"""What one field of the atmosphere is called, and in which units it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from humboldt.data_catalog import DataError, did_you_mean

LevelKind = Literal["", "hPa", "model"]
MARK = 1e15  # a value that marks what is missing: 1e15 in MERRA-2, 1e20 in CMIP; no field of the atmosphere reaches it


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One scalar field on the sphere: a variable, on one level if it has levels.

    Attributes:
        variable: name of the variable.
        units: CF units of its values.
        level: pressure in hPa, or number of a model level; None for a field without levels.
        level_kind: what `level` counts.
        standard_name: CF standard name, empty where there is none.
        long_name: in words.
    """

    variable: str
    units: str = "1"
    level: float | int | None = None
    level_kind: LevelKind = ""
    standard_name: str = ""
    long_name: str = ""

    def __post_init__(self) -> None:
        if (self.level is None) != (self.level_kind == ""):
            raise DataError(
                f"a level is a number with a kind ('hPa' or 'model'), {self.variable} has level={self.level} and "
                f"level_kind={self.level_kind!r}; give both or none"
            )

    @property
    def name(self) -> str:
        """The variable, with its level if it has one: `T2M`, `T_850` (hPa), `T_m72` (model level 72)."""
        if self.level is None:
            return self.variable
        return f"{self.variable}_{'m' if self.level_kind == 'model' else ''}{self.level:g}"


def position(channels: Sequence[Channel], variable: str, level: float | int | None = None) -> int:
    """Where the channel of a variable (or of a full name such as `T_850`) stands.

    Raises:
        DataError: there is none, or the variable has several levels and none is named.
    """
    full = [i for i, c in enumerate(channels) if c.name == variable and level in (None, c.level)]
    if full:
        return full[0]
    found = [i for i, c in enumerate(channels) if c.variable == variable]
    if not found:
        names = [c.variable for c in channels] + [c.name for c in channels]
        raise DataError(
            f"there is no channel {variable!r}{did_you_mean(variable, names)}; there are {sorted({*names})[:20]}"
        )
    levels = [channels[i].level for i in found]
    if level is None and len(found) == 1:
        return found[0]
    if level not in levels:
        raise DataError(f"{variable!r} is there on the levels {levels}, got level={level}; choose one of them")
    return found[levels.index(level)]


def require_finite(channels: Sequence[Channel], largest: np.ndarray) -> None:
    """Refuse infinite values, and marks of missing values that a file does not declare.

    Args:
        channels: of the states.
        largest: absolute value of each.

    Raises:
        DataError: names them.
    """
    if odd := {c.name: float(value) for c, value in zip(channels, largest, strict=True) if not value < MARK}:
        raise DataError(
            f"values are finite numbers, or NaN where they are missing, got {odd}; if these mark what is missing, take "
            "them out, as in data.where(abs(data) < 1e15), else leave the variable out with variables=[...]"
        )
