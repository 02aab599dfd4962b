"""Files of gridded months, in the layout of BioCube, as one lazy dataset with names that are always the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean, open_store, rename_with_chunks

from .config import VariableGroup
from .variables import GROUPS, TABLE

NAMES = {
    "lat": "latitude",
    "lon": "longitude",
    "y": "latitude",
    "x": "longitude",
    "plev": "level",
    "pressure_level": "level",
    "valid_time": "time",
}
AXES = ("time", "level", "latitude", "longitude")
HIGHEST = 2000.0  # hPa: numbers of levels beyond it are Pa


def opened_months(source: Any) -> xr.Dataset:
    """Gridded months from what `open_months` takes, lazily, on (time, [level,] latitude, longitude), from south to
    north and from west to east; what does not change has the same values in all months.

    Raises:
        DataError: a folder without a file of a group, or axes that are not there.
    """
    return _normalised(_opened(source))


def channel_names(groups: Sequence[VariableGroup]) -> tuple[str, ...]:
    """One a channel: `surface_t2m`, `atmospheric_q_500`."""
    return tuple(
        f"{group.name}_{variable}" + (f"_{level:g}" if level else "")
        for group in groups
        for variable in group.variables
        for level in group.levels or (0,)
    )


def without_dialect(data: Any) -> Any:
    """Axes under the names of `AXES`, whatever their case."""
    meant = {axis: NAMES.get(str(axis).lower(), str(axis).lower()) for axis in data.dims}
    found = {old: new for old, new in meant.items() if new in AXES and new not in data.dims}
    return rename_with_chunks(data, found) if isinstance(data, xr.Dataset) else data.rename(found)


def _opened(source: Any) -> xr.Dataset:
    if not is_group_folder(source):
        return _times(open_store(source))
    parts = {name: _times(open_store(files)) for name, files in _files_of_groups(Path(source)).items()}
    named = [
        part.rename({v: f"{name}_{v}" for v in part.data_vars if not str(v).startswith(f"{name}_")})
        for name, part in parts.items()
    ]
    try:
        return xr.merge(named, join="exact", compat="equals", combine_attrs="drop_conflicts")
    except ValueError as error:
        raise DataError(
            f"groups lie on the same months and the same grid, got {list(parts)} on others ({error}); put them on one"
        ) from error


def _files_of_groups(folder: Path) -> dict[str, Any]:
    """By group its file, its folder or its list of files."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        name = re.sub(r"[_-]?\d{4}.*$", "", path.stem)
        if name in GROUPS and (path.suffix in (".nc", ".zarr") or path.is_dir()):
            found.setdefault(name, []).append(str(path))
    if not found:
        there = sorted(p.name for p in folder.iterdir())[:6]
        raise DataError(
            f"a folder holds a NetCDF file or Zarr store per group ({', '.join(GROUPS)}), such as surface.nc, or one "
            f"per group and month, such as surface_2000-01.nc; got {there} in {folder}"
        )
    return {name: files[0] if len(files) == 1 else files for name, files in found.items()}


def is_group_folder(source: Any) -> bool:
    """Whether a source is a folder with files of groups, rather than a store."""
    if not isinstance(source, str | Path) or not Path(source).is_dir():
        return False
    return not any(Path(source, mark).is_file() for mark in ("zarr.json", ".zgroup", ".zmetadata"))


def _times(data: xr.Dataset) -> xr.Dataset:
    """Dates along an axis of time where the file holds numbers; those of another calendar become the first of their
    month, files of one month each an axis."""
    data = without_dialect(data)
    if "time" not in data.coords:
        return data
    if not data["time"].ndim:
        data = data.expand_dims("time")
    if data["time"].ndim == 1 and data["time"].dims != ("time",):
        data = data.swap_dims({data["time"].dims[0]: "time"})
    if data["time"].dtype.kind != "M" and "units" in data["time"].attrs:
        data = xr.decode_cf(data)
    if data["time"].dtype == object:
        data = data.assign_coords(time=[np.datetime64(f"{t.year:04}-{t.month:02}", "ns") for t in data["time"].values])
    return data


def _normalised(data: xr.Dataset) -> xr.Dataset:
    for axis in ("time", "latitude", "longitude"):
        if axis not in data.coords:
            raise DataError(
                f"months of gridded variables have coordinates time, latitude and longitude, got no {axis}; "
                f"the data have {sorted(map(str, data.coords))}{did_you_mean(axis, list(map(str, data.coords)))}"
            )
    grids = {name: field for name, field in data.data_vars.items() if {"latitude", "longitude"} <= set(field.dims)}
    still = {name: field.expand_dims(time=data["time"]) for name, field in grids.items() if "time" not in field.dims}
    data = data[list(grids)].assign(still).transpose(*AXES, ..., missing_dims="ignore")
    if "level" in data.coords and data["level"].max() > HIGHEST:
        data = data.assign_coords(level=data["level"] / 100)
    return data.sortby(["latitude", "longitude"])


def group_of(data: xr.Dataset, name: str) -> VariableGroup:
    """The variables of a group that the data have, those of BioCube first and in its order, with units and weights.

    Raises:
        DataError: it has none, or variables with and without levels.
    """
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


def require_consecutive(data: xr.Dataset) -> None:
    """Refuse months with a gap, twice, or out of order.

    Raises:
        DataError: names the months around it.
    """
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
