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

from humboldt.data_catalog import DataError, Moments, Split, say_amplification, split_units

from .batch import GridBatch
from .config import VariableGroup
from .month_files import channel_names, group_of, is_group_folder, opened_months, require_consecutive, without_dialect
from .variables import GROUPS


@dataclass(frozen=True, kw_only=True, eq=False)
class MonthDataset:
    """Windows of consecutive months: so many in, the next one the target.

    Every method returns a new dataset.

    Attributes:
        data: variables `<group>_<variable>` on (time, [level,] latitude, longitude), read when they are asked for.
        groups: of variables, with their units and levels.
        times: months in.
        steps: months ahead that have targets.
        windows: first month of each sample of this part.
        parts: the split, by sample in the order of time.
        land: 1 on land, 0 at sea, or None.
        lead_time: what the model is told of the way from the last month to the target.
        part: name of this part, for messages.
    """

    data: xr.Dataset
    groups: tuple[VariableGroup, ...]
    times: int
    steps: int = 1
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
        windows = f"{len(self)} windows of {self.times} + {self.steps}"
        return f"<{self.part} months: {windows} on {self.grid}, {len(self.names)} channels>"

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
        wanted = first[:, None] + np.arange(self.times + self.steps)
        values = self._read(wanted.reshape(-1)).reshape(*wanted.shape, len(self.names), *self.grid)
        months = torch.from_numpy(np.moveaxis(values, 1, 2).copy())
        calendar = np.asarray(self.data["time"].dt.month.values)[first]
        return GridBatch(
            fields=months[:, :, : self.times],
            latitude=_single(self.data["latitude"].values),
            longitude=_single(self.data["longitude"].values),
            month=torch.from_numpy(calendar.astype(np.int64)),
            lead_time=torch.full((len(chosen),), self.lead_time),
            target=months[:, :, self.times],
            later=months[:, :, self.times + 1 :] if self.steps > 1 else None,
            land=None if self.land is None else _single(self.land),
        )

    def _read(self, months: np.ndarray) -> np.ndarray:
        """Channels of these months, [month, channel, row, column]; infinite values are missing."""
        unique, back = np.unique(months, return_inverse=True)
        columns = []
        for group in self.groups:
            for variable in group.variables:
                field = self.data[f"{group.name}_{variable}"].isel(time=unique)
                field = field.sel(level=list(group.levels)) if group.levels else field.expand_dims("level", 1)
                columns.append(field.values.astype(np.float32))
        values = np.concatenate(columns, axis=1)
        return np.where(np.isfinite(values), values, np.nan)[back]

    def of(self, groups: Sequence[VariableGroup]) -> MonthDataset:
        """The same months with these groups, variables and levels, in their order; all of them must be there."""
        return dataclasses.replace(self, groups=tuple(groups))

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
        months = sorted({m for first in self.windows for m in range(first, first + self.times + self.steps)})
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


def open_months(
    source: Any,
    *,
    groups: Sequence[str] | None = None,
    times: int = 2,
    steps: int = 1,
    split: Mapping[str, int | Sequence[int]] | None = None,
    land: Any = None,
    lead_time: float = 1.0,
) -> MonthDataset:
    """Gridded months from a NetCDF file, a Zarr store, an xarray object, or a folder with files of every group.

    In one store variables are called `<group>_<variable>`; in a folder the file `surface.nc` holds the group `surface`
    under the variables' own names, and so do `surface_2000-01.nc` and the next, a file a month, or the files of a
    folder `surface`. Rows are put from south to north. The split is by time: test are the last windows.

    Args:
        groups: names of groups, in order; those of BioCube by default.
        times: months in.
        steps: months ahead that a sample brings targets of: with more than one, a model learns to go on from its own
            predictions (see `rolled`), and is scored month by month.
        land: 1 on land, as an array [row, column] from south to north, or a labelled one in any order.

    Raises:
        DataError: no variable of a group, months that are not consecutive, or fewer than a window.
    """
    data = opened_months(source)
    named = groups or [name for name in GROUPS if any(str(v).startswith(f"{name}_") for v in data.data_vars)]
    found = tuple(group_of(data, name) for name in named)
    if not found:
        raise DataError(
            f"gridded variables are called <group>_<variable> with a group of {', '.join(GROUPS)}, got "
            f"{sorted(map(str, data.data_vars))}; rename them, or pass groups=[...]"
        )
    require_consecutive(data)
    if times < 1 or steps < 1:
        raise DataError(f"a window holds at least a month and the next, got times={times} and steps={steps}")
    count = data.sizes["time"] - times - steps + 1
    if count < 1:
        ahead = "the next" if steps == 1 else f"the next {steps}"
        raise DataError(f"a window holds {times} months and {ahead}, got {data.sizes['time']} months in all")
    if isinstance(land, xr.DataArray):
        land = without_dialect(land).sortby(["latitude", "longitude"]).values
    if land is not None and np.shape(land) != (data.sizes["latitude"], data.sizes["longitude"]):
        raise DataError(f"land lies on the grid of the data {tuple(data.sizes.values())}, got {np.shape(land)}")
    if isinstance(source, str | Path) and not is_group_folder(source):
        native = [v.encoding.get("preferred_chunks", {}).get("time", 1) for v in data.data_vars.values()]
        longest, window = max(native, default=1), times + steps
        say_amplification(str(source), longest / window, f"chunks of {longest} months for windows of {window}", time=1)
    return MonthDataset(
        data=data,
        groups=found,
        times=times,
        steps=steps,
        windows=tuple(range(count)),
        parts=split_units(count, split),
        land=land,
        lead_time=lead_time,
    )


def _single(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32).copy())
