"""Months of gridded variables (the layout of BioCube) as a dataset of batches."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import (
    DataError,
    Moments,
    Split,
    did_you_mean,
    open_store,
    rename_with_chunks,
    say_amplification,
    split_units,
)

from .batch import GridBatch
from .config import VariableGroup
from .variables import GROUPS, TABLE

NAMES = {
    "lat": "latitude",
    "lon": "longitude",
    "y": "latitude",
    "x": "longitude",
    "plev": "level",
    "valid_time": "time",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MonthDataset:
    """Windows of consecutive months: so many in, the next one the target.

    Every method returns a new dataset.

    Attributes:
        data: variables `<group>_<variable>` on (time, [level,] latitude, longitude), read when they are asked for.
        groups: of variables, with their units and levels.
        times: months in.
        windows: first month of each sample of this part.
        parts: the split, by sample in the order of time.
        land: 1 on land, 0 at sea, or None.
        lead_time: what the model is told of the way from the last month to the target.
        part: name of this part, for messages.
    """

    data: xr.Dataset
    groups: tuple[VariableGroup, ...]
    times: int
    windows: tuple[int, ...]
    parts: Split
    land: np.ndarray | None = None
    lead_time: float = 1.0
    part: str = "whole"

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> GridBatch:
        return self.batch([index])

    def __repr__(self) -> str:
        return (
            f"<{self.part} months: {len(self)} windows of {self.times} + 1 on {self.grid}, {len(self.names)} channels>"
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.data.sizes["latitude"], self.data.sizes["longitude"]

    @property
    def names(self) -> tuple[str, ...]:
        """One a channel: `surface_t2m`, `atmospheric_q_500`."""
        return channel_names(self.groups)

    def batch(self, indices: Sequence[int] | np.ndarray) -> GridBatch:
        """The samples with these indices, in physical units; what is missing is NaN.

        Raises:
            IndexError: an index outside of this part.
        """
        chosen = np.asarray(indices, dtype=int).reshape(-1)
        if len(chosen) and (chosen.min() < -len(self) or chosen.max() >= len(self)):
            raise IndexError(f"this part has samples 0 to {len(self) - 1}, got {chosen.min()} to {chosen.max()}")
        first = np.asarray([self.windows[i] for i in chosen])
        wanted = first[:, None] + np.arange(self.times + 1)
        values = self._read(wanted.reshape(-1)).reshape(*wanted.shape, len(self.names), *self.grid)
        months = torch.from_numpy(np.moveaxis(values, 1, 2).copy())
        calendar = np.asarray(self.data["time"].dt.month.values)[first]
        return GridBatch(
            fields=months[:, :, :-1],
            latitude=_single(self.data["latitude"].values),
            longitude=_single(self.data["longitude"].values),
            month=torch.from_numpy(calendar.astype(np.int64)),
            lead_time=torch.full((len(chosen),), self.lead_time),
            target=months[:, :, -1],
            land=None if self.land is None else _single(self.land),
        )

    def _read(self, months: np.ndarray) -> np.ndarray:
        """Channels of these months, [month, channel, row, column]; infinite values are missing."""
        unique, back = np.unique(months, return_inverse=True)
        columns = []
        for group in self.groups:
            for variable in group.variables:
                field = self.data[f"{group.name}_{variable}"].isel(time=unique).values.astype(np.float32)
                columns.append(field if group.levels else field[:, None])
        values = np.concatenate(columns, axis=1)
        return np.where(np.isfinite(values), values, np.nan)[back]

    def split(self, name: str) -> MonthDataset:
        """The part called `train`, `validation` or `test`."""
        return dataclasses.replace(self, windows=self.parts.part(name), part=name)

    def take(self, count: int) -> MonthDataset:
        """The first `count` samples of this part."""
        if not 1 <= count <= len(self):
            raise DataError(f"this part has {len(self)} samples, got a wish for {count}; ask for 1 to {len(self)}")
        return dataclasses.replace(self, windows=self.windows[:count])

    @property
    def units(self) -> int:
        """How many windows this part has; neighbours share months."""
        return len(self)

    def choose(self, units: Sequence[int]) -> MonthDataset:
        """These windows of this part, counted from 0."""
        return dataclasses.replace(self, windows=tuple(self.windows[u] for u in units))

    def statistics(self) -> dict[str, dict[str, float]]:
        """Mean, deviation, smallest and largest value of each channel over the months of this part, in one pass."""
        months = sorted({m for first in self.windows for m in range(first, first + self.times + 1)})
        count = len(self.names)
        moments, low, high = Moments(count), np.full(count, np.inf), np.full(count, -np.inf)
        for month in months:
            values = self._read(np.asarray([month]))
            moments.update(values)
            flat = values[0].reshape(count, -1)
            low = np.fmin(low, np.where(np.isnan(flat), np.inf, flat).min(1))
            high = np.fmax(high, np.where(np.isnan(flat), -np.inf, flat).max(1))
        deviation = np.sqrt(moments.variance)
        columns = {"mean": moments.mean, "std": deviation, "min": low, "max": high}
        return {n: {key: float(x[i]) for key, x in columns.items()} for i, n in enumerate(self.names)}

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready: variables, units, sizes, splits, fingerprint."""
        units = [u for g in self.groups for u in g.units or ("",) * len(g.variables) for _ in range(g.tokens)]
        record = {
            "variables": dict(zip(self.names, units, strict=True)),
            "grid": list(self.grid),
            "first": str(self.data["time"].values[0])[:7],
            "months": self.data.sizes["time"],
            "samples": len(self),
            "split": str(self.parts),
            "part": self.part,
        }
        digest = hashlib.sha256(repr(sorted(record.items())).encode())
        if self.windows:
            digest.update(self._read(np.asarray([self.windows[0], self.windows[-1] + self.times])).tobytes())
        return record | {"fingerprint": digest.hexdigest()[:16]}


def channel_names(groups: Sequence[VariableGroup]) -> tuple[str, ...]:
    """One a channel: `surface_t2m`, `atmospheric_q_500`."""
    return tuple(
        f"{group.name}_{variable}" + (f"_{level:g}" if level else "")
        for group in groups
        for variable in group.variables
        for level in group.levels or (0,)
    )


def opened_months(source: Any) -> xr.Dataset:
    """Gridded months from what `open_months` takes, lazily, rows from south to north."""
    return _normalised(_opened(source))


def open_months(
    source: Any,
    *,
    groups: Sequence[str] | None = None,
    times: int = 2,
    split: Mapping[str, int | Sequence[int]] | None = None,
    land: Any = None,
    lead_time: float = 1.0,
) -> MonthDataset:
    """Gridded months from a NetCDF file, a Zarr store, an xarray object, or a folder with one of them per group.

    In one store variables are called `<group>_<variable>`; in a folder the file `surface.nc` holds the group `surface`
    under the variables' own names. Rows are put from south to north. The split is by time: test are the last windows.

    Args:
        groups: names of groups, in order; those of BioCube by default.
        land: 1 on land, as an array [row, column] from south to north, or a labelled one in any order.

    Raises:
        DataError: no variable of a group, months that are not consecutive, or fewer than a window.
    """
    data = opened_months(source)
    named = groups or [name for name in GROUPS if any(str(v).startswith(f"{name}_") for v in data.data_vars)]
    found = tuple(_group(data, name) for name in named)
    if not found:
        raise DataError(
            f"gridded variables are called <group>_<variable> with a group of {', '.join(GROUPS)}, got "
            f"{sorted(map(str, data.data_vars))}; rename them, or pass groups=[...]"
        )
    _check_months(data)
    count = data.sizes["time"] - times
    if count < 1:
        raise DataError(f"a window holds {times} months and the next, got {data.sizes['time']} months in all")
    if isinstance(land, xr.DataArray):
        land = land.rename({d: NAMES[d] for d in land.dims if d in NAMES}).sortby("latitude").values
    if land is not None and np.shape(land) != (data.sizes["latitude"], data.sizes["longitude"]):
        raise DataError(f"land lies on the grid of the data {tuple(data.sizes.values())}, got {np.shape(land)}")
    if isinstance(source, str | Path):
        native = [v.encoding.get("preferred_chunks", {}).get("time", 1) for v in data.data_vars.values()]
        longest, window = max(native, default=1), times + 1
        say_amplification(str(source), longest / window, f"chunks of {longest} months for windows of {window}", time=1)
    return MonthDataset(
        data=data,
        groups=found,
        times=times,
        windows=tuple(range(count)),
        parts=split_units(count, split),
        land=land,
        lead_time=lead_time,
    )


def _single(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32).copy())


def _opened(source: Any) -> xr.Dataset:
    if isinstance(source, str | Path) and Path(source).is_dir() and not _is_zarr(Path(source)):
        files = sorted(p for p in Path(source).iterdir() if p.suffix in (".nc", ".zarr") and p.stem in GROUPS)
        if not files:
            raise DataError(f"a folder holds a NetCDF file or Zarr store per group, such as surface.nc; got {source}")
        parts = {path.stem: _times(open_store(path)) for path in files}
        return xr.merge(
            [p.rename({v: f"{name}_{v}" for v in p.data_vars}) for name, p in parts.items()],
            join="exact",
            compat="equals",
        )
    return _times(open_store(source))


def _is_zarr(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in ("zarr.json", ".zgroup", ".zmetadata"))


def _times(data: xr.Dataset) -> xr.Dataset:
    """Dates where the file holds numbers."""
    data = rename_with_chunks(
        data, {old: new for old, new in NAMES.items() if old in data.dims and new not in data.dims}
    )
    if "time" in data.coords and data["time"].dtype.kind != "M" and "units" in data["time"].attrs:
        data = xr.decode_cf(data)
    return data


def _normalised(data: xr.Dataset) -> xr.Dataset:
    for axis in ("time", "latitude", "longitude"):
        if axis not in data.coords:
            raise DataError(
                f"months of gridded variables have coordinates time, latitude and longitude, got no {axis}; "
                f"the data have {sorted(map(str, data.coords))}{did_you_mean(axis, list(map(str, data.coords)))}"
            )
    return data.sortby(["latitude", "longitude"])


def _group(data: xr.Dataset, name: str) -> VariableGroup:
    known = [v for v in TABLE.get(name, {}) if f"{name}_{v}" in data]
    others = [str(v)[len(name) + 1 :] for v in data.data_vars if str(v).startswith(f"{name}_")]
    variables = tuple(dict.fromkeys([*known, *others]))
    if not variables:
        raise DataError(
            f"group {name!r} has variables called {name}_<variable>, got none; the data have "
            f"{sorted(map(str, data.data_vars))[:8]}"
        )
    fields = [data[f"{name}_{v}"] for v in variables]
    axes = {"level" in field.dims for field in fields}
    if len(axes) > 1:
        raise DataError(f"all variables of a group have levels or none has, got both in {name!r}; split the group")
    levels = tuple(float(level) for level in data["level"].values) if axes == {True} else ()
    of_table = [TABLE.get(name, {}).get(v, ("", 10.0 if name == "species" else 1.0)) for v in variables]
    units = tuple(str(f.attrs.get("units", unit)) for f, (unit, _) in zip(fields, of_table, strict=True))
    weights = tuple(weight for _, weight in of_table)
    return VariableGroup(name=name, variables=variables, units=units, weights=weights, levels=levels)


def _check_months(data: xr.Dataset) -> None:
    if data["time"].dtype.kind != "M":
        raise DataError(
            f"time holds dates, got values of type {data['time'].dtype}; give them units such as 'days since'"
        )
    number = data["time"].dt.year.values * 12 + data["time"].dt.month.values
    gaps = np.flatnonzero(np.diff(number) != 1)
    if len(gaps):
        i = int(gaps[0])
        raise DataError(
            f"months follow each other without a gap, got {str(data['time'].values[i + 1])[:7]} after "
            f"{str(data['time'].values[i])[:7]}; fill the gap with NaN, or cut the data there"
        )
