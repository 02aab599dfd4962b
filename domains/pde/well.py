"""Files of The Well (HDF5), read as datasets with named dimensions."""

from __future__ import annotations

from typing import Any

import h5py
import xarray as xr

from humboldt.data_catalog import hdf5_variable


def the_well(path: str, file: h5py.File) -> xr.Dataset:
    """The Well: scalars, vectors and tensors in `t0_fields` ... `t2_fields`, [sample, time, space..., components]."""
    space = [as_text(name) for name in file["dimensions"].attrs["spatial_dims"]]
    found = {}
    for order, group in enumerate(("t0_fields", "t1_fields", "t2_fields")):
        for name, array in file.get(group, {}).items():
            varying = array.attrs.get("dim_varying", [True] * len(space))
            dims = [
                *(["sample"] if array.attrs.get("sample_varying", True) else []),
                *(["time"] if array.attrs.get("time_varying", True) else []),
                *[axis for axis, varies in zip(space, varying, strict=True) if varies],
                *["row", "column"][:order],
            ]
            found[name] = hdf5_variable(path, f"{group}/{name}", dims)
    for name, array in file.get("scalars", {}).items():
        if array.ndim <= 2:
            varying = [array.attrs.get(f"{dim}_varying", array.ndim > n) for n, dim in enumerate(("sample", "time"))]
            dims = [dim for dim, varies in zip(("sample", "time"), varying, strict=True) if varies]
            if len(dims) == array.ndim:
                found.setdefault(name, hdf5_variable(path, f"scalars/{name}", dims))
    axes = {name: file["dimensions"][name] for name in ("time", *space) if name in file["dimensions"]}
    coords = {name: array[:] for name, array in axes.items() if array.ndim == 1}
    closed = {
        as_text(axis)
        for condition in file["boundary_conditions"].values()
        if as_text(condition.attrs.get("bc_type", "")).upper() == "PERIODIC"
        for axis in condition.attrs["associated_dims"]
    }
    return xr.Dataset(found, coords, attrs={"periodic": [axis for axis in space if axis in closed]})


def as_text(value: Any) -> str:
    """A string, however HDF5 stored it."""
    return value.decode() if isinstance(value, bytes) else str(value)
