"""Many files as one: the same variables one after the other in time, other variables beside them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, joined_variable

from .lexicon import conversion
from .sources import is_lazy, on_dask

SAME = 1e-4  # degrees; places that differ by less are the same, written in another precision


def joined(parts: list[xr.Dataset]) -> xr.Dataset:
    """Files with the same variables, one after the other in time; fields without time are those of their file, which
    their encoding tells (`of_file`).

    Raises:
        DataError: files that overlap or lie on other grids, of several calendars, or in several units.
    """
    if len(parts) == 1:
        return parts[0]
    if not all("time" in part.dims for part in parts):
        raise DataError("files with the same variables are joined in time, but some have no time; open them one by one")
    calendars = {part["time"].dt.calendar for part in parts}
    if len(calendars) > 1:
        raise DataError(
            f"files that are joined share their calendar, got {sorted(calendars)}; convert one with "
            "data.convert_calendar(...)"
        )
    parts, names = sorted(parts, key=lambda part: part["time"].values[0]), list(parts[0].data_vars)
    _check_ends([part["time"].values[[0, -1]] for part in parts])
    _check_units(parts)
    parts = _on_one_grid(parts)
    lazy = [n for n in names if all("time" in part[n].dims and is_lazy(part[n]) for part in parts)]
    spread = [
        part.assign({n: v.expand_dims(time=part["time"]) for n, v in part.data_vars.items() if "time" not in v.dims})
        for part in map(on_dask, (part.drop_vars(lazy) for part in parts))
    ]
    try:
        rest = xr.concat(spread, dim="time", data_vars="minimal", coords="minimal", compat="override", join="exact")
        whole = {n: joined_variable([part[n].variable for part in parts], "time") for n in lazy}
        for name in (n for n in names if "time" not in parts[0][n].dims):
            rest[name].encoding["of_file"] = True
        return rest.assign(whole)[names]
    except ValueError as error:
        raise DataError(
            f"files that are joined in time share their grid and levels, but: {error}; interpolate them to one grid"
        ) from error


def beside(parts: list[xr.Dataset]) -> xr.Dataset:
    """Files with different variables as one.

    Raises:
        DataError: other grids, levels or times.
    """
    if len(parts) == 1:
        return parts[0]
    try:
        return xr.merge(_on_one_grid(parts), join="exact", compat="no_conflicts")
    except (ValueError, xr.MergeError) as error:
        raise DataError(
            f"files with different variables share their grid, levels and times, but: {error}; open them one by one"
        ) from error


def check_times(time: xr.DataArray) -> None:
    """Times that do not rise strictly are refused."""
    for earlier, later in pairwise(time.values):
        if later == earlier:
            raise DataError(f"each time stands once, got {later} twice; drop one with data.drop_duplicates('time')")
        if later < earlier:
            raise DataError(f"times rise, got {later} after {earlier}; sort them with data.sortby('time')")


def _on_one_grid(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """The parts with the places of the first, where they differ by rounding alone (single and double precision)."""
    first, made = parts[0], parts[:1]
    for part in parts[1:]:
        for name in ("latitude", "longitude"):
            one, other = part[name].values, first[name].values
            if one.shape == other.shape and np.abs(one - other).max() < SAME:
                part = part.assign_coords({name: first[name]})
        made.append(part)
    return made


def _check_units(parts: list[xr.Dataset]) -> None:
    for name in parts[0].data_vars:
        first, *others = [str(part[name].attrs.get("units", "")).strip() for part in parts]
        for other in others:
            try:
                same = other == first or conversion(other, first) == (1.0, 0.0)
            except DataError:
                same = False
            if not same:
                raise DataError(
                    f"files that are joined have each variable in one unit, got {name!r} in {first!r} and in "
                    f"{other!r}; convert the values of one of them, or correct its attribute"
                )


def _check_ends(ends: list[np.ndarray]) -> None:
    for (_, earlier), (later, _) in pairwise(ends):
        if later <= earlier:
            raise DataError(
                f"files that are joined in time follow each other, got one to {earlier} and one from {later}; leave "
                "one out, or cut it, as in data.sel(time=slice(..., ...))"
            )
