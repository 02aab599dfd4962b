"""Zarr stores whose arrays do not name their dimensions, as zarr-python writes them, and arrays without a group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr
import zarr
from xarray.core import indexing

from .library_array import ZarrArray
from .ranges import zarr_at


def open_nameless(path: str) -> xr.Dataset | None:
    """The arrays of a store as xarray would open them, not decoded; None where there are none.

    Axes without names are called phony_dim_0, phony_dim_1, ..., as in HDF5 files: one name for each length, and others
    for further axes of that length in one array. An array that is the whole store is called by the name of its folder.
    The fill value of absent chunks is a value like others: only the attribute `_FillValue` says what is missing.
    """
    place: Any = zarr_at(path) if "://" in path else path
    try:
        found = zarr.open(place, mode="r")
        arrays = dict(found.arrays()) if isinstance(found, zarr.Group) else {Path(path.rstrip("/")).stem: found}
    except (OSError, ValueError, KeyError):
        return None
    known: dict[tuple[int, int], str] = {}
    variables = {}
    for name in sorted(arrays):
        array = arrays[name]
        values: Any = ZarrArray(path, name if isinstance(found, zarr.Group) else "")
        dims = axes_of(array, known)
        encoding = {"chunks": array.chunks, "preferred_chunks": dict(zip(dims, array.chunks, strict=True))}
        attributes = {key: value for key, value in array.attrs.items() if key != "_ARRAY_DIMENSIONS"}
        variables[name] = xr.Variable(dims, indexing.LazilyIndexedArray(values), attributes, encoding)
    return (
        xr.Dataset(variables, attrs=dict(found.attrs) if isinstance(found, zarr.Group) else {}) if variables else None
    )


def axes_of(array: Any, known: dict[tuple[int, int], str]) -> list[str]:
    """The names of the axes of an array; `known` {(length, how many axes of it come before): phony name} grows."""
    said = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if said and all(said):
        return list(map(str, said))
    names, seen = [], list(array.shape)
    for axis, length in enumerate(array.shape):
        key = (length, seen[:axis].count(length))
        names.append(known.setdefault(key, f"phony_dim_{len(known)}"))
    return names
