"""PDEBench files (HDF5), read as datasets with named dimensions."""

from __future__ import annotations

import h5py
import xarray as xr

from humboldt.data_catalog import hdf5_variable


def pdebench_seeds(path: str, file: h5py.File, seeds: list[str]) -> xr.Dataset:
    """PDEBench with one group a seed: `data` [time, space..., channel] and `grid`."""
    first = file[seeds[0]]
    space = tuple("xyz"[: first["data"].ndim - 2])
    dims = ("sample", "time", *space, "component")
    data = hdf5_variable(path, [f"{seed}/data" for seed in seeds], dims)
    grid = {name: first["grid"][name][:] for name in space if name in first.get("grid", {})}
    times = {"time": first["grid"]["t"][:]} if "t" in first.get("grid", {}) else {}
    labels = {"component": [f"component_{i}" for i in range(data.sizes["component"])]}
    return xr.Dataset({"data": data}, {**grid, **times, **labels})


PDEBENCH_NAMES = {"Vx": "velocity_x", "Vy": "velocity_y", "Vz": "velocity_z"}


def pdebench(path: str, file: h5py.File) -> xr.Dataset:
    """PDEBench with one array a field, [sample, time, space..., (component)], and `x-coordinate`, `t-coordinate`."""
    space = tuple(axis for axis in "xyz" if f"{axis}-coordinate" in file)
    found = {}
    for name in file:
        array = file[name]
        if name.endswith("-coordinate") or not isinstance(array, h5py.Dataset):
            continue
        steady = array.ndim == 1 + len(space)
        dims = ("sample", *(() if steady else ("time",)), *space, "component")[: max(array.ndim, 1 + len(space))]
        if array.ndim in (len(dims), len(dims) + 1):
            found[PDEBENCH_NAMES.get(name, name)] = hdf5_variable(path, name, dims)
    coords = {axis: file[f"{axis}-coordinate"][:] for axis in space}
    frames = next((v.sizes["time"] for v in found.values() if "time" in v.dims), 0)
    if "t-coordinate" in file and frames:
        coords["time"] = file["t-coordinate"][:frames]
    return steady_if_single(xr.Dataset(found, coords))


def pdebench_incompressible(path: str, file: h5py.File) -> xr.Dataset:
    """PDEBench's incompressible flow: velocity and particles [sample, time, x, y, component], a force that does not
    change, and the times of each sample."""
    moving, still = ("sample", "time", "x", "y", "component"), ("sample", "x", "y", "component")
    found = {
        "velocity": hdf5_variable(path, "velocity", moving),
        "particles": hdf5_variable(path, "particles", (*moving[:-1], "channel")),
        "force": hdf5_variable(path, "force", still),
    }
    times = file["t"][:]
    return xr.Dataset(found, {"time": times[0] if times.ndim == 2 else times, "channel": ["particles"]})


def steady_if_single(data: xr.Dataset) -> xr.Dataset:
    """Without the time axis where it has one frame beside a variable that has none (Darcy flow)."""
    without = any("time" not in v.dims for v in data.data_vars.values())
    return data.isel(time=0, drop=True) if without and data.sizes.get("time") == 1 else data
