"""What one pass over a variable collects, block by block: moments, quantiles, increments, by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import xarray as xr

from ..converter.shards import read_box
from ..errors import DataError
from .moments import Moments
from .quantiles import QuantileSketch


@dataclass
class Summary:
    """Of one variable, or of a part of it.

    Attributes:
        moments: of the values, per channel; sketches: one a channel.
        increments: {lead in steps: moments of x(t + lead) - x(t)}.
        infinite: values that were taken as missing.
    """

    moments: Moments
    sketches: list[QuantileSketch]
    increments: dict[int, Moments] = field(default_factory=dict)
    infinite: int = 0

    @classmethod
    def empty(cls, channels: int, leads: Sequence[int]) -> Summary:
        """Of nothing yet."""
        sketches = [QuantileSketch() for _ in range(channels)]
        return cls(Moments(channels), sketches, {lead: Moments(channels) for lead in leads})

    def merge(self, other: Summary) -> None:
        """Take in what another has taken in."""
        self.moments.merge(other.moments)
        for mine, theirs in zip(self.sketches, other.sketches, strict=True):
            mine.merge(theirs)
        for lead, moments in self.increments.items():
            moments.merge(other.increments[lead])
        self.infinite += other.infinite

    def arrays(self) -> dict[str, np.ndarray]:
        """As named arrays, for a file."""
        found = {f"moments {name}": getattr(self.moments, name) for name in Moments.FIELDS}
        for lead, moments in self.increments.items():
            found |= {f"increment {lead} {name}": getattr(moments, name) for name in Moments.FIELDS}
        for number, sketch in enumerate(self.sketches):
            found |= {f"keys {number}": sketch.keys, f"weights {number}": sketch.weights}
        return {**found, "infinite": np.asarray(self.infinite)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Become what `arrays` gave."""
        for name in Moments.FIELDS:
            setattr(self.moments, name, arrays[f"moments {name}"])
            for lead, moments in self.increments.items():
                setattr(moments, name, arrays[f"increment {lead} {name}"])
        self.sketches = [QuantileSketch(arrays[f"keys {n}"], arrays[f"weights {n}"]) for n in range(len(self.sketches))]
        self.infinite = int(arrays["infinite"])


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What every block of a variable needs; is pickled for other processes.

    Attributes:
        variable: lazy; channel: dimension that is kept apart, or None; time: along which increments are taken, or None.
        chosen: {dimension: whether each place along it is in the training part}.
        regular: {lead: whether time t + lead is that many regular steps after t}.
        weights: over some of the dimensions, or None.
    """

    variable: xr.DataArray
    channel: str | None
    time: str | None
    chosen: Mapping[str, np.ndarray]
    regular: Mapping[int, np.ndarray]
    weights: xr.DataArray | None
    infinite: Literal["error", "missing"]

    @property
    def channels(self) -> int:
        return int(self.variable.sizes[self.channel]) if self.channel else 1


def summarise(about: Pass, box: tuple[slice, ...]) -> Summary:
    """One block of a variable; for the increments it is read as far beyond its end as the longest lead.

    Raises:
        DataError: infinite values, unless they count as missing.
    """
    dims = list(map(str, about.variable.dims))
    wide = list(box)
    if about.time and about.regular:
        at, longest = dims.index(about.time), max(about.regular)
        wide[at] = slice(box[at].start, min(box[at].stop + longest, about.variable.shape[at]))
    values = np.asarray(read_box(about.variable, wide), np.float64)
    infinite = np.isinf(values)
    if infinite.any():
        if about.infinite == "error":
            raise DataError(
                f"statistics are of finite numbers, got {int(infinite.sum())} infinite values in "
                f"{about.variable.name!r}; repair the data, or infinite='missing'"
            )
        values[infinite] = np.nan
    core = tuple(slice(0, b.stop - b.start) for b in box)
    found = Summary.empty(about.channels, list(about.regular))
    found.infinite = int(infinite[core].sum())
    place = {d: slice(b.start, b.stop) for d, b in zip(dims, box, strict=True)}
    take(about, found.moments, values[core], place, sketches=found.sketches)
    for lead, regular in about.regular.items():
        increment(about, found.increments[lead], values, place, lead, regular)
    return found


def increment(
    about: Pass, moments: Moments, values: np.ndarray, place: dict[str, slice], lead: int, regular: np.ndarray
) -> None:
    """The differences over one lead time that begin in a block."""
    assert about.time is not None
    at, box = list(map(str, about.variable.dims)).index(about.time), place[about.time]
    stop = min(box.stop, about.variable.shape[at] - lead)
    if stop <= box.start:
        return
    first, later = (np.take(values, np.arange(stop - box.start) + shift, axis=at) for shift in (0, lead))
    mask = about.chosen.get(about.time, np.ones(about.variable.shape[at], bool))
    both = mask[box.start : stop] & mask[box.start + lead : stop + lead] & regular[box.start : stop]
    take(about, moments, later - first, {**place, about.time: slice(box.start, stop)}, {about.time: both})


def take(
    about: Pass, moments: Moments, values: np.ndarray, place: Mapping[str, slice],
    masks: Mapping[str, np.ndarray] | None = None, sketches: Sequence[QuantileSketch] = (),
) -> None:  # fmt: skip
    """Take the training part of a block into moments and sketches."""
    dims, weights = list(map(str, about.variable.dims)), about.weights
    cut = {d: mask[place[d]] for d, mask in about.chosen.items() if d in place} | dict(masks or {})
    block = xr.DataArray(values, dims=dims)
    if weights is not None:
        weights = weights.isel({d: place[str(d)] for d in weights.dims})
        weights = weights.isel({d: np.flatnonzero(m) for d, m in cut.items() if d in weights.dims})
    block = block.isel({d: np.flatnonzero(mask) for d, mask in cut.items() if not mask.all()})
    rest = [d for d in dims if d != about.channel]
    spread = (
        None if weights is None else weights.expand_dims([d for d in rest if d not in weights.dims]).transpose(*rest)
    )
    ordered = block.transpose(about.channel, *rest).values if about.channel else block.values[None]
    mine = place[about.channel] if about.channel else slice(0, 1)
    part = Moments(about.channels)
    inner = Moments(len(ordered))
    flat = None if spread is None else np.broadcast_to(spread.values, ordered.shape[1:])
    inner.update(ordered[None], None if flat is None else flat[None])
    for name in Moments.FIELDS:
        getattr(part, name)[mine] = getattr(inner, name)
    moments.merge(part)
    for sketch, x in zip(sketches[mine] if sketches else [], ordered, strict=False):
        sketch.update(x, flat)
