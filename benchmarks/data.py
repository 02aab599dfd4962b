"""What does a training batch cost: 16 samples of 256 KiB at random, out of every format, against what else reads it?

    python benchmarks/data.py [--quick] [--folder /tmp/humboldt-bench] --json FILE

The files lie in the page cache, so it is the cost of software that is compared. Every reader's first batch is checked
against the memory map. Costs are medians of interleaved turns, per batch, in CPU milliseconds of all threads and in
milliseconds on the wall; every reader allocates its batches.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _data_stores import SAMPLE, make

from humboldt.data_catalog import ZarrReader

BATCH = 16
Read = Callable[[np.ndarray], Any]
Rows = list[dict[str, Any]]


def memmap(folder: Path) -> Read:
    """numpy's memory map."""
    array = np.load(folder / "memmap.npy", mmap_mode="r")
    return lambda batch: array[batch]


def zarr_python(folder: Path, name: str) -> Read:
    """zarr-python, sample by sample, which is its fast way."""
    import zarr

    array = zarr.open_group(str(folder / name), mode="r")["u"]

    def read(batch: np.ndarray) -> np.ndarray:
        out = np.empty((len(batch), *SAMPLE), np.float32)
        for n, sample in enumerate(batch):
            out[n] = array[int(sample)]
        return out

    return read


def tensorstore(folder: Path, name: str) -> Read:
    """tensorstore, a batch in one call, without a cache."""
    import tensorstore as ts

    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(folder / name / "u")}}
    array = ts.open(spec, read=True, open=True).result()
    return lambda batch: array[batch.tolist()].read().result()


def xbatcher(folder: Path, name: str) -> Read:
    """xbatcher, sample by sample."""
    import xarray as xr
    import xbatcher as xb

    data = xr.open_dataset(folder / name, engine="zarr", chunks=None, consolidated=False)
    sizes = {"sample": 1, **{d: n for d, n in data.sizes.items() if d != "sample"}}
    generator = xb.BatchGenerator(data, sizes)
    return lambda batch: np.concatenate([generator[int(s)]["u"].values for s in batch])


def h5py_direct(folder: Path, name: str) -> Read:
    """h5py's `read_direct`, sample by sample, into the batch."""
    import h5py

    array = h5py.File(folder / f"{name}.nc", "r")["u"]

    def read(batch: np.ndarray) -> np.ndarray:
        out = np.empty((len(batch), *SAMPLE), np.float32)
        for n, sample in enumerate(batch):
            array.read_direct(out, np.s_[int(sample)], np.s_[n])
        return out

    return read


def ours(folder: Path, name: str, threads: int = 1) -> Read:
    """Humboldt's reader."""
    return ZarrReader(folder / name / "u", threads=threads).read_many


def compare(reads: list[Read], count: int, turns: int, repeats: int) -> list[tuple[float, float]]:
    """CPU and wall milliseconds a batch of each, medians over turns of so many batches."""
    random = np.random.default_rng(0)
    first = random.choice(count, BATCH, replace=False)
    for read in reads[1:]:
        np.testing.assert_array_equal(read(first), reads[0](first))
    times: list[list[tuple[float, float]]] = [[] for _ in reads]
    for _ in range(turns):
        batches = [random.choice(count, BATCH, replace=False) for _ in range(repeats)]
        for read, found in zip(reads, times, strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            for batch in batches:
                read(batch)
            found.append((time.process_time() - cpu, time.perf_counter() - wall))
    scale = 1e3 / repeats
    return [(scale * statistics.median(c for c, _ in t), scale * statistics.median(w for _, w in t)) for t in times]


def row(case: str, cost: float, peer: float, peer_name: str, unit: str) -> dict[str, Any]:
    """A line of the result; below 1 is better."""
    print(f"{case:46s} {cost:9.3f} {peer:9.3f} {unit:7s} {cost / peer:6.2f}  {peer_name}", flush=True)
    return {"case": case, "ours": cost, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": cost / peer}


def rows(case: str, times: list[tuple[float, float]], names: list[str]) -> Rows:
    """Two lines for each peer; ours is the last of the times."""
    (cpu, wall), found = times[-1], []
    for (peer_cpu, peer_wall), name in zip(times, names, strict=False):
        found += [row(case, cpu, peer_cpu, name, "CPU ms"), row(case, wall, peer_wall, name, "ms")]
    return found


def zarr_rows(folder: Path, count: int, turns: int) -> Rows:
    """Every Zarr format against every package that reads it."""
    found: Rows = []
    for name in ("zarr-raw", "zarr-lz4", "zarr-zstd", "shards-raw", "shards-lz4"):
        peers = {"memmap": memmap(folder)} if name.endswith("raw") else {}
        peers["tensorstore"] = tensorstore(folder, name)
        peers["zarr-python"] = zarr_python(folder, name)
        peers["xbatcher"] = xbatcher(folder, name)
        times = compare([*peers.values(), ours(folder, name)], count, turns, 6)
        found += rows(name, times, list(peers))
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300 MB and few turns")
    parser.add_argument("--json", type=Path, help="where the rows are written")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "humboldt-bench"))
    choice = parser.parse_args()
    count, turns = (112, 5) if choice.quick else (768, 15)
    folder = choice.folder / ("quick" if choice.quick else "full")
    make(folder, count)
    print(f"{count} samples, {os.cpu_count()} cores")
    found = zarr_rows(folder, count, turns)
    if choice.json:
        choice.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
