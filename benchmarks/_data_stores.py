"""The same samples in every format that `data.py` compares: smooth fields, 1 % noise, (4, 128, 128) float32 each."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, ZstdCodec

SAMPLE = (4, 128, 128)
SHARD = 32
LZ4 = {"compressors": BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")}
ZARR: dict[str, dict[str, Any]] = {
    "zarr-raw": {"compressors": None},
    "zarr-lz4": LZ4,
    "zarr-zstd": {"compressors": ZstdCodec(level=3)},
    "shards-raw": {"compressors": None, "shards": (SHARD, *SAMPLE)},
    "shards-lz4": {**LZ4, "shards": (SHARD, *SAMPLE)},
}
HDF5: dict[str, dict[str, Any]] = {
    "nc-contiguous": {},
    "nc-chunked": {"chunks": (1, *SAMPLE)},
    "nc-zlib": {"chunks": (1, *SAMPLE), "compression": "gzip", "compression_opts": 1, "shuffle": True},
}


def samples(first: int, count: int) -> np.ndarray:
    """Samples by number, [count, 4, 128, 128]; each from its own seed."""
    out = np.empty((count, *SAMPLE), np.float32)
    x = np.linspace(0, 2 * np.pi, SAMPLE[-1], endpoint=False)
    for n in range(count):
        random = np.random.default_rng(first + n)
        for channel in out[n]:
            a, b, c, d = random.uniform(1, 4, 4)
            channel[:] = np.sin(a * x + b)[:, None] * np.cos(c * x + d) + 0.01 * random.standard_normal(SAMPLE[1:])
    return out


def make(folder: Path, count: int) -> None:
    """All the stores, anew if another number of samples is there."""
    mark = folder / "complete.txt"
    if mark.is_file() and mark.read_text() == f"{count}":
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shape = (count, *SAMPLE)
    values = samples(0, count)
    np.save(folder / "memmap.npy", values)
    names = ("sample", "channel", "x", "y")
    for name, choices in ZARR.items():
        group = zarr.create_group(str(folder / name))
        array = group.create_array("u", shape=shape, chunks=(1, *SAMPLE), dtype="f4", dimension_names=names, **choices)
        array[:] = values
    for name, choices in HDF5.items():
        with h5py.File(folder / f"{name}.nc", "w") as file:
            file.create_dataset("u", data=values, **choices)
    labelled(folder / "pairs.zarr", values)
    mark.write_text(f"{count}")


def labelled(folder: Path, values: np.ndarray) -> None:
    """Trajectories of 4 frames of two variables, each frame of one in a chunk of 128 KiB."""
    frames = values.reshape(-1, 4, 2, 2, *SAMPLE[1:])
    dims = ("sample", "time", "level", "x", "y")
    data = xr.Dataset(
        {name: (dims, frames[:, :, n], {"units": "m s-1"}) for n, name in enumerate("uv")},
        {"time": np.arange(4.0)},
    )
    encoding = {name: {"chunks": (1, 1, 2, *SAMPLE[1:]), **LZ4} for name in "uv"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_zarr(folder, encoding=encoding, consolidated=False)
