"""Which independent units (trajectories, sites) are for training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import DataError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Numbers of the units of each part; no unit is in two parts.

    Raises:
        DataError: a unit in two parts, or twice in one.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[int, str] = {}
        for part in PARTS:
            for unit in getattr(self, part):
                if unit in seen:
                    raise DataError(
                        f"parts of a split are disjoint, got unit {unit} in {seen[unit]} and in {part}; "
                        "take it out of one of them"
                    )
                seen[unit] = part

    def part(self, name: str) -> tuple[int, ...]:
        """The units of a part.

        Raises:
            DataError: no such part, or an empty one.
        """
        if name not in PARTS:
            raise DataError(f"a part is one of {', '.join(PARTS)}, got {name!r}")
        units = getattr(self, name)
        if not units:
            raise DataError(f"this split has no {name} part ({self}); give its size, such as split={{'{name}': 2}}")
        return units

    def __str__(self) -> str:
        return ", ".join(f"{len(getattr(self, part))} {part}" for part in PARTS)


def split_units(count: int, choice: Mapping[str, int | Sequence[int]] | None = None) -> Split:
    """Divide `count` units by their position in the file: test is the last of them, validation what lies before, and
    train the first ones.

    By default test is the last third, at most 256; validation is a sixteenth, at most 128, from 48 units on and empty
    below. A choice gives the size of a part, or lists its units; train fills up what is left.

    Raises:
        DataError: more units than there are, an unknown part, or parts that overlap.
    """
    choice = dict(choice or {})
    unknown = [part for part in choice if part not in PARTS]
    if unknown:
        raise DataError(f"a split names {', '.join(PARTS)}, got {unknown[0]!r}")
    listed = {part: _listed(part, units, count) for part, units in choice.items() if not isinstance(units, int)}
    taken = {unit for units in listed.values() for unit in units}
    left = [unit for unit in range(count) if unit not in taken]
    defaults = {"test": min(count // 3, 256), "validation": min(count // 16, 128) if count >= 48 else 0}
    parts: dict[str, tuple[int, ...]] = dict(listed)
    for part in ("test", "validation"):
        if part not in listed:
            size = _size(part, choice.get(part, 0 if listed else defaults[part]), len(left))
            left, parts[part] = left[: len(left) - size], tuple(left[len(left) - size :])
    if "train" not in listed:
        parts["train"] = tuple(left[: _size("train", choice.get("train", len(left)), len(left))])
    return Split(**parts)


def _listed(part: str, units: Sequence[int], count: int) -> tuple[int, ...]:
    outside = [unit for unit in units if not 0 <= unit < count]
    if outside:
        raise DataError(f"units are numbered 0 to {count - 1}, got {outside[0]} in {part}; correct the list")
    return tuple(int(unit) for unit in units)


def _size(part: str, size: int | Sequence[int], left: int) -> int:
    if not isinstance(size, int) or not 0 <= size <= left:
        raise DataError(f"{part} takes 0 to the {left} units that are left, got {size}; ask for fewer")
    return size
