"""The parts of a data set by label: that they share nothing, and that the gap between them is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from pydantic import Field, model_validator

from ..errors import DataError
from .calendar import CALENDARS, day_number
from .strict import Label, RelativePath, Strict

INSTANT = 0.5 / 86400
"""How far behind a time of day a range ends that includes it [days]: dates are written to the second."""


class Part(Strict):
    """One part, said in one way.

    Attributes:
        first, last: a range of labels, both included.
        ids: labels, one by one.
        files: whole files.
        list: a file that lists the labels (published with the data).
        count: only how many there are; which ones is not known here.
    """

    first: Label | None = None
    last: Label | None = None
    ids: tuple[Label, ...] | None = None
    files: tuple[RelativePath, ...] | None = None
    list: str | None = None
    count: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _said_once(self) -> Part:
        ways = {"first and last": self.first is not None or self.last is not None}
        ways |= {way: getattr(self, way) is not None for way in ("ids", "files", "list", "count")}
        given = [way for way, is_given in ways.items() if is_given]
        if len(given) != 1 or (self.first is None) != (self.last is None):
            raise ValueError(f"a part is said in one way of {', '.join(ways)}, got {' and '.join(given) or 'none'}")
        if self.ids is not None and len(set(self.ids)) != len(self.ids):
            raise ValueError("a part names each label once, got one twice; take it out")
        return self

    def describe(self) -> str:
        """The part for reading."""
        if self.first is not None:
            return f"{self.first} to {self.last}"
        if self.count is not None:
            return f"{self.count}"
        if self.list is not None:
            return f"listed in {self.list}"
        return ", ".join(self.files or ()) or f"{len(self.ids or ())} labels"


class Splits(Strict):
    """Training, validation and test by the labels of one dimension or column.

    Attributes:
        along: the dimension or column.
        gap: that has to lie between two ranges [days where labels are dates, else the labels' own unit].
        note: what labels cannot say.
    """

    along: str
    gap: float = Field(0.0, ge=0)
    train: Part | None = None
    validation: Part | None = None
    test: Part | None = None
    note: str | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def is_checkable(self) -> bool:
        """Whether the labels say that parts are disjoint: two or more parts, none known by its size alone."""
        parts = list(self.parts.values())
        return len(parts) > 1 and all(part.count is None and part.list is None for part in parts)


def check_parts(splits: Splits, calendar: str | None) -> None:
    """Refuse parts that share labels or lie closer than their gap.

    Raises:
        DataError: names both parts and what they share.
    """
    spans = {name: span(part, calendar) for name, part in splits.parts.items()}
    for one, other in combinations(splits.parts, 2):
        shared = sorted(set(_names(splits.parts[one])) & set(_names(splits.parts[other])), key=str)
        shared += _inside(splits.parts[one], spans[other], calendar) + _inside(
            splits.parts[other], spans[one], calendar
        )
        if shared:
            raise DataError(
                f"parts are disjoint, got {shared[0]!r} in {one} and in {other}; take it out of one of them"
            )
        if (a := spans[one]) and (b := spans[other]):
            _check_ranges(splits, one, other, a, b)


def span(part: Part, calendar: str | None) -> tuple[float, float] | None:
    """The half-open range of numbers [start, end) that a range of labels covers; None for parts said otherwise.

    Raises:
        DataError: labels that have no order, or stand in the wrong one.
    """
    if part.first is None or part.last is None:
        return None
    start, end = position(part.first, calendar), position(part.last, calendar, end=True)
    if end <= start:
        raise DataError(f"a range goes from its first to its last label, got {part.first} to {part.last}; swap them")
    return start, end


def position(label: Any, calendar: str | None, *, end: bool = False) -> float:
    """A label on the number line: a date in days, a number as it is, or just behind it at the end of a range."""
    if isinstance(label, str):
        if calendar is None or CALENDARS[calendar] == "none":
            raise DataError(f"a range of text has no order, got {label!r}; list the labels as ids")
        first, found = day_number(label, calendar), day_number(label, calendar, end=end)
        return found + INSTANT if end and found == first else found  # a time of day is no span, and is included
    if calendar is not None and CALENDARS[calendar] != "none" and isinstance(label, int):
        return day_number(str(label), calendar, end=end)  # a year
    if isinstance(label, int):
        return float(label + end)
    return math.nextafter(label, math.inf) if end else label


def _check_ranges(splits: Splits, one: str, other: str, a: tuple[float, float], b: tuple[float, float]) -> None:
    (first, (_, end)), (second, (start, _)) = sorted([(one, a), (other, b)], key=lambda named: named[1])
    if start < end:
        raise DataError(
            f"parts are disjoint, got {first} ({splits.parts[first].describe()}) and {second} "
            f"({splits.parts[second].describe()}) that overlap along {splits.along}; move one of them"
        )
    if start - end < splits.gap:
        raise DataError(
            f"a gap of {splits.gap:g} lies between parts, got {start - end:g} between {first} and {second} along "
            f"{splits.along}; shorten a part, or state the gap that there is"
        )


def _names(part: Part) -> Iterator[Label]:
    yield from part.ids or ()
    yield from part.files or ()


def _inside(part: Part, bounds: tuple[float, float] | None, calendar: str | None) -> list[Any]:
    if bounds is None:
        return []
    return [label for label in part.ids or () if bounds[0] <= position(label, calendar) < bounds[1]]
