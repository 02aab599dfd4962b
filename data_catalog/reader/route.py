"""From the axes of a variable in its file to those of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .conversion import Conversion, Converts
from .selection import Request

CHANNEL = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Route:
    """Where the values of neighbouring channels lie in a variable, and in memory [n, time, channel, *space].

    Attributes:
        variable: that holds them; channels: of the memory.
        whole: the selection of all that the channels have; sample, time: the axes in it that vary, or None.
        lacking: axes of the memory that the variable does not have; dropped: these, and that of a single channel.
        order: axes of the memory, without those, as the variable has them; added: its component axes.
        conversion: on the way, None where values are taken as they are.
    """

    variable: str
    channels: slice
    whole: tuple[slice, ...]
    sample: int | None
    time: int | None
    lacking: tuple[int, ...]
    dropped: tuple[int, ...]
    order: tuple[int, ...]
    added: tuple[int, ...]
    conversion: Conversion | None

    def request(
        self, samples: np.ndarray, frames: np.ndarray | None, out: np.ndarray, conversion: Converts | None
    ) -> Request:
        """What is asked of the reader for some samples, and some frames of them or all.

        out: [n, k, channel, *space] of these channels, of length 1 along axes that are lacking.
        conversion: instead of that of the route.
        """
        selection: list[Any] = list(self.whole)
        if self.sample is not None:
            selection[self.sample] = samples
        if self.time is not None and frames is not None:
            selection[self.time] = frames
        memory = out.squeeze(self.dropped) if self.dropped else out
        if self.order != tuple(range(memory.ndim)):
            memory = memory.transpose(self.order)
        for axis in self.added:
            memory = memory[(*(slice(None),) * axis, None)]
        return Request(selection, memory, conversion)


def find_route(array: Any, space: Sequence[str], group: Group, conversion: Conversion) -> Route:
    """The route of the channels of a group from an xarray variable to memory with the axes `space` at its end."""
    dims, places = [str(d) for d in array.dims], dict(group.places)
    names = ("sample", "time", group.along, *space)
    kept = [d for d in dims if d in names]
    here = [d for d in names if d in kept]
    dropped = tuple(n for n, d in enumerate(names) if d not in kept)
    taken = {d: slice(p, p + 1) for d, p in places.items()}
    if group.along:
        taken[group.along] = slice(places[group.along], places[group.along] + group.count)
    return Route(
        variable=group.variable,
        channels=slice(group.first, group.first + group.count),
        whole=tuple(taken.get(d, slice(0, array.sizes[d])) for d in dims),
        sample=dims.index("sample") if "sample" in dims else None,
        time=dims.index("time") if "time" in dims else None,
        lacking=tuple(n for n in dropped if n != CHANNEL),
        dropped=dropped,
        order=tuple(here.index(d) for d in kept),
        added=tuple(n for n, d in enumerate(dims) if d not in kept),
        conversion=None if conversion.identity else conversion,
    )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels `first` to `first + count` - 1: neighbours along the axis `along` of a variable, from `places` on."""

    variable: str
    first: int
    count: int
    places: tuple[tuple[str, int], ...]
    along: str


def grouped(columns: Sequence[Any]) -> list[Group]:
    """Columns that lie side by side in a variable and are converted alike, together."""
    found: list[Group] = []
    for number, column in enumerate(columns):
        if found and follows(found[-1], columns[found[-1].first], column):
            found[-1] = replace(found[-1], count=found[-1].count + 1)
        else:
            along = column.index[-1][0] if column.index else ""
            group = Group(variable=column.variable, first=number, count=1, places=column.index, along=along)
            found.append(group)
    return found


def follows(group: Group, first: Any, column: Any) -> bool:
    """Whether a column is the next one of a group, along the last of its component dimensions."""
    alike = (column.variable, column.offset, column.factor) == (first.variable, first.offset, first.factor)
    if not alike or not group.along or len(column.index) != len(group.places):
        return False
    *rest, (dim, place) = group.places
    return column.index == (*rest, (dim, place + group.count))
