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


def split_units(count: int, choice: Mapping[str, float | int | Sequence[int]] | None = None) -> Split:
    """Divide `count` units by their position in the file: test is the last of them, validation what lies before, and
    train the first ones.

    By default test is the last third, at most 256; validation is a sixteenth, at most 128, from 48 units on and empty
    below. A choice gives the size of a part, its share of all (`{"train": 0.8, "test": 0.2}`), or lists its units;
    train fills up what is left.

    Raises:
        DataError: more units than there are, an unknown part, or parts that overlap.
    """
    choice = dict(choice or {})
    unknown = [part for part in choice if part not in PARTS]
    if unknown:
        raise DataError(f"a split names {', '.join(PARTS)}, got {unknown[0]!r}")
    listed = {part: _listed(part, units, count) for part, units in choice.items() if not isinstance(units, int | float)}
    sizes = _sizes({part: size for part, size in choice.items() if isinstance(size, int | float)}, count)
    taken = {unit for units in listed.values() for unit in units}
    left = [unit for unit in range(count) if unit not in taken]
    free = (
        0 if listed else max(len(left) - sum(sizes.values()), 0)
    )  # parts that are not named leave room for the others
    defaults = {"test": min(count // 3, 256, free)}
    defaults["validation"] = (
        min(count // 16, 128, free - defaults["test"] * ("test" not in sizes)) if count >= 48 else 0
    )
    parts: dict[str, tuple[int, ...]] = dict(listed)
    for part in ("test", "validation"):
        if part not in listed:
            size = _size(part, sizes.get(part, defaults[part]), len(left))
            left, parts[part] = left[: len(left) - size], tuple(left[len(left) - size :])
    if "train" not in listed:
        parts["train"] = tuple(left[: _size("train", sizes.get("train", len(left)), len(left))])
    return Split(**parts)


def _sizes(named: Mapping[str, float | int], count: int) -> dict[str, int]:
    """Numbers of units; a share is one of all, and those that make up one together leave none out."""
    shares = {part: size for part, size in named.items() if isinstance(size, float)}
    odd = [(part, share) for part, share in shares.items() if not 0 <= share <= 1]
    if odd or sum(shares.values()) > 1 + 1e-9:
        got = f"{odd[0][1]} for {odd[0][0]}" if odd else f"{shares}, together {sum(shares.values()):g}"
        raise DataError(
            f"shares of a split lie in 0 to 1 and make up 1 at most, got {got}; or give whole numbers of units"
        )
    ends, total = {}, 0.0
    for part in PARTS:
        ends[part] = (round(total * count), round((total := total + shares.get(part, 0.0)) * count))
    return {part: ends[part][1] - ends[part][0] if part in shares else int(size) for part, size in named.items()}


def _listed(part: str, units: Sequence[int], count: int) -> tuple[int, ...]:
    outside = [unit for unit in units if not 0 <= unit < count]
    if outside:
        raise DataError(f"units are numbered 0 to {count - 1}, got {outside[0]} in {part}; correct the list")
    return tuple(int(unit) for unit in units)


def _size(part: str, size: int, left: int) -> int:
    if not 0 <= size <= left:
        raise DataError(f"{part} takes 0 to the {left} units that are left, got {size}; ask for fewer")
    return size
