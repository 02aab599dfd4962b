"""Small trajectory files of every layout that is read, with known content."""

from pathlib import Path

import h5py
import numpy as np
import xarray as xr


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Random float32 values."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def flow(samples: int = 6, frames: int = 5, size: tuple[int, int] = (8, 6)) -> xr.Dataset:
    """A velocity [sample, time, component, x, y] and a scalar, with coordinates and units."""
    x, y = (np.arange(n) / n for n in size)
    velocity = values(samples, frames, 2, *size)
    return xr.Dataset(
        {
            "velocity": (("sample", "time", "component", "x", "y"), velocity, {"units": "m s-1"}),
            "tracer": (("sample", "time", "x", "y"), values(samples, frames, *size, seed=1), {"units": "1"}),
        },
        {"time": ("time", 1.0 + 0.5 * np.arange(frames), {"units": "s"}), "x": x, "y": y},
        {"periodic": ["x", "y"]},
    )


def pdegym(path: Path, **arrays: np.ndarray) -> Path:
    """An HDF5-based NetCDF file without dimension names, as the collection ships them."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return path


def the_well(path: Path) -> dict[str, np.ndarray]:
    """A file of The Well with a scalar, a field that does not vary, a vector and a tensor; x is periodic."""
    arrays = {
        "t0_fields/density": values(3, 4, 5, 6),
        "t0_fields/medium": values(5, 6, seed=1),
        "t1_fields/velocity": values(3, 4, 5, 6, 2, seed=2),
        "t2_fields/strain": values(3, 4, 5, 6, 2, 2, seed=3),
    }
    with h5py.File(path, "w") as file:
        file.attrs["n_trajectories"] = 3
        for name, array in arrays.items():
            dataset = file.create_dataset(name, data=array)
            varies = name != "t0_fields/medium"
            dataset.attrs.update(dim_varying=[True, True], sample_varying=varies, time_varying=varies)
        dimensions = file.create_group("dimensions")
        dimensions.attrs["spatial_dims"] = ["x", "y"]
        for name, axis in {"time": np.arange(4) * 0.25, "x": np.arange(5) / 5, "y": np.arange(6) / 6}.items():
            dimensions.create_dataset(name, data=axis)
        for name, kind in {"x": "PERIODIC", "y": "WALL"}.items():
            condition = file.create_group(f"boundary_conditions/{name}_{kind.lower()}")
            condition.attrs.update(bc_type=kind, associated_dims=[name], associated_fields=[""])
    return arrays


def pdebench(path: Path, axes: str = "xy", **arrays: np.ndarray) -> Path:
    """A PDEBench file with one array a field; its times hold one value more than there are frames."""
    first = next(iter(arrays.values()))
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        for axis, size in zip(axes, first.shape[2:], strict=False):
            file.create_dataset(f"{axis}-coordinate", data=(np.arange(size) + 0.5) / size)
        file.create_dataset("t-coordinate", data=np.arange(first.shape[1] + 1) * 0.1)
    return path


def pdebench_seeds(path: Path, data: np.ndarray) -> Path:
    """A PDEBench file with one group a seed; data is [sample, time, x, y, channel]."""
    with h5py.File(path, "w") as file:
        for seed, one in enumerate(data):
            file.create_dataset(f"{seed:04d}/data", data=one)
            for name, size in zip("txy", one.shape[:3], strict=True):
                file.create_dataset(f"{seed:04d}/grid/{name}", data=np.arange(size) / 10)
    return path


def pdebench_incompressible(path: Path, seed: int = 0) -> Path:
    """PDEBench's incompressible flow: two samples of four frames on 6 x 6 points, each with its times and its force."""
    with h5py.File(path, "w") as file:
        file.create_dataset("velocity", data=values(2, 4, 6, 6, 2, seed=seed))
        file.create_dataset("particles", data=values(2, 4, 6, 6, 1, seed=seed))
        file.create_dataset("force", data=values(2, 6, 6, 2, seed=seed))
        file.create_dataset("t", data=np.tile(np.arange(4) / 10, (2, 1)))
    return path
