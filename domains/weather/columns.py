"""Which variable and level of the data is which channel, with its units converted."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

from .channels import Channel
from .lexicon import BY_NAME, Quantity, conversion, quantity


@dataclass(frozen=True)
class Column:
    """One channel in the data: factor * variable[level] + offset."""

    channel: Channel
    variable: str
    level: int | None
    factor: float
    offset: float

    def read(self, fields: Mapping[str, np.ndarray]) -> np.ndarray:
        """The field (h, w) in the channel's units, from the values (level, h, w) or (h, w) of every variable."""
        values = fields[self.variable]
        values = values if self.level is None else values[self.level]
        if (self.factor, self.offset) == (1.0, 0.0):
            return np.asarray(values, dtype=np.float32)
        return np.asarray(self.factor * values.astype(np.float64) + self.offset, dtype=np.float32)


NEAR_GROUND = {"t": "2t", "u": "10u", "v": "10v", "q": "2sh"}  # what a variable without levels is taken for


def meaning(channel: Channel) -> tuple[str, float | None, str]:
    """What a channel is, whatever it is called: quantity, level, kind of level.

    `u500` and `U500` are the wind on 500 hPa (unless it is said to be so many metres above the ground), a temperature
    without a level is that near the ground, a geopotential and its height mean the same. A name that is not known means
    itself.
    """
    known = quantity(channel.variable, channel.standard_name, channel.level is not None)
    level, kind = channel.level, str(channel.level_kind)
    named = re.fullmatch(r"([A-Za-z]+)_?(\d{2,4})", channel.variable)
    above_ground = re.search(r"(?i)\d[ -]?m(et(er|re)s?)?\b", channel.long_name)
    if channel.variable not in BY_NAME and named and level is None and named[1] in BY_NAME and not above_ground:
        known, level, kind = BY_NAME[named[1]], float(named[2]), "hPa"
    if known is None:
        return channel.variable, level, kind
    name = known.name if level is not None else NEAR_GROUND.get(known.name, known.name)
    return {"gh": "z"}.get(name, name), level, kind


def channels_of(
    data: xr.Dataset, variables: Sequence[str] | None, levels: Sequence[float | int] | None
) -> tuple[Channel, ...]:
    """The channels that the data themselves offer: every variable in time, on every level, in its own units.

    Raises:
        DataError: a variable or level that is not there.
    """
    in_time = [str(n) for n, v in data.data_vars.items() if "time" in v.dims and not v.encoding.get("of_file")]
    names = in_time if variables is None else list(variables)
    made: list[Channel] = []
    for name in names:
        if name not in data:
            raise _missing(name, data)
        variable, known = data[name], quantity(name, str(data[name].attrs.get("standard_name", "")))
        plain = Channel(
            variable=name,
            units=_units(variable, known),
            standard_name=str(variable.attrs.get("standard_name") or (known.standard_name if known else "")),
            long_name=str(variable.attrs.get("long_name", "")),
        )
        if "level" not in variable.dims:
            made.append(plain)
            continue
        there = [float(v) for v in data["level"].values]
        for level in there if levels is None else levels:
            _level(level, there, name)
            kind = data["level"].attrs["kind"]
            made.append(dataclasses.replace(plain, level=float(level), level_kind=kind))
    return tuple(made)


def columns_of(data: xr.Dataset, channels: Sequence[Channel]) -> tuple[Column, ...]:
    """Where each channel is in the data: under its own name, or under another name of the same quantity.

    Raises:
        DataError: a channel, or its level, is not there, or its units are of another kind.
    """
    return tuple(_column(data, channel) for channel in channels)


def _column(data: xr.Dataset, channel: Channel) -> Column:
    wanted = quantity(channel.variable, channel.standard_name, channel.level is not None)
    name = _name(data, channel, wanted)
    if name is None:
        return _column_that_means(data, channel, wanted)
    variable, level = data[name], None
    if channel.level is not None:
        if "level" not in variable.dims:
            raise DataError(f"{channel.name} is wanted on a level, but {name!r} has none; choose another variable")
        kind = data["level"].attrs["kind"]
        if kind != channel.level_kind:
            raise DataError(
                f"{channel.name} is wanted on a level of the kind {channel.level_kind!r}, the data have {kind!r}; "
                "interpolate them to the levels of the model"
            )
        there = [float(v) for v in data["level"].values]
        level = _level(channel.level, there, name)
    elif "level" in variable.dims:
        if data.sizes["level"] > 1:
            raise DataError(
                f"{channel.name} is wanted without a level, but {name!r} has {data.sizes['level']}; select one"
            )
        level = 0
    found = _units(variable, quantity(name, str(variable.attrs.get("standard_name", ""))))
    factor, offset = conversion(found, channel.units, wanted, name)
    return Column(channel, name, level, factor, offset)


def _column_that_means(data: xr.Dataset, channel: Channel, wanted: Quantity | None) -> Column:
    """Where what the channel means is, if it is there under a name of another kind: `u500` for `u` on 500 hPa."""
    for other in channels_of(data, [str(name) for name in data.data_vars], None):
        if meaning(other) == meaning(channel):
            level = None if other.level is None else data["level"].values.tolist().index(other.level)
            known = quantity(other.variable, other.standard_name, other.level is not None) or wanted
            return Column(channel, other.variable, level, *conversion(other.units, channel.units, known, other.name))
    raise _missing(channel.variable, data)


def _name(data: xr.Dataset, channel: Channel, wanted: Quantity | None) -> str | None:
    if channel.variable in data:
        return channel.variable
    if wanted is None:
        return None
    same = []
    for name in map(str, data.data_vars):
        attrs, has_level = data[name].attrs, "level" in data[name].dims
        found = quantity(name, str(attrs.get("standard_name", "")), has_level)
        fits = found == wanted or (found and wanted.bridge and found.bridge == wanted.bridge and _alike(found, wanted))
        if fits and has_level == (channel.level is not None):
            same.append(name)
    return same[0] if same else None


def _alike(one: Quantity, other: Quantity) -> bool:
    """A geopotential and a height, a depth and a mass, of the same place."""
    return one.surface == other.surface and one.bridge == "gravity"


def _level(level: float | int, there: Sequence[float | int], name: str) -> int:
    near = [i for i, value in enumerate(there) if abs(value - level) < 1e-3]
    if not near:
        raise DataError(
            f"{name!r} is there on the levels {list(there)}, got level {level:g}; choose one of them, interpolate the "
            "data to the levels of the model, or finetune the model on those of the data"
        )
    return near[0]


def _units(variable: xr.DataArray, known: Quantity | None) -> str:
    said = variable.attrs.get("units")
    return str(said).strip() if said is not None else (known.units if known else "1")


def _missing(name: str, data: xr.Dataset) -> DataError:
    names: list[Any] = list(data.data_vars)
    return DataError(
        f"there is no variable {name!r} (nor another name of it that is known) in the data{did_you_mean(name, names)}; "
        f"they have {sorted(map(str, names))[:20]}"
    )
