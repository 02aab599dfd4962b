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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _data_stores import HDF5, SAMPLE, ZARR, make

from humboldt.data_catalog import Column, Request, SampleReader, aligned, open_array, open_store, read_ahead, work_ahead

BATCH = 16
ALL = [slice(0, 2), *(slice(0, n) for n in SAMPLE[1:])]
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
    return open_array(folder / name, "u", threads=threads).read_many


def compare(reads: list[Read], count: int, turns: int, repeats: int) -> list[tuple[float, float]]:
    """CPU and wall milliseconds a batch of each, medians over turns of so many batches."""
    random = np.random.default_rng(0)
    first = random.choice(count, BATCH, replace=False)
    for read in reads[1:]:
        np.testing.assert_array_equal(read(first), reads[0](first))
    return timed(reads, count, turns, repeats)


def timed(reads: list[Read], count: int, turns: int, repeats: int, replace: bool = False) -> list[tuple[float, float]]:
    """The same, unchecked."""
    random = np.random.default_rng(1)
    times: list[list[tuple[float, float]]] = [[] for _ in reads]
    for _ in range(turns):
        batches = [random.choice(count, BATCH, replace=replace) for _ in range(repeats)]
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


def format_rows(folder: Path, count: int, turns: int) -> Rows:
    """Every format against every package that reads it."""
    found: Rows = []
    for name in ZARR:
        peers = {"memmap": memmap(folder)} if name.endswith("raw") else {}
        peers["tensorstore"] = tensorstore(folder, name)
        peers["zarr-python"] = zarr_python(folder, name)
        peers["xbatcher"] = xbatcher(folder, name)
        times = compare([*peers.values(), ours(folder, name)], count, turns, 6)
        found += rows(name, times, list(peers))
    for name in HDF5:
        times = compare([h5py_direct(folder, name), ours(folder, f"{name}.nc")], count, turns, 6)
        found += rows(name, times, ["h5py read_direct"])
    return found


def access_rows(folder: Path, count: int, turns: int) -> Rows:
    """Files mapped into memory, which is the default, against the same by `pread`."""
    found: Rows = []
    for name in ("shards-raw", "shards-lz4", *(f"{name}.nc" for name in HDF5)):
        by_pread, mapped = (open_array(folder / name, "u", access=access).read_many for access in ("pread", "mmap"))
        found += rows(f"{name}, mapped", compare([by_pread, mapped], count, turns, 6), ["the same by pread"])
    return found


def labelled_rows(folder: Path, turns: int) -> Rows:
    """Pairs of frames of two variables by label, normalised and checked for NaN, against the same chunks read raw."""
    path = str(folder / "pairs.zarr")
    columns = [
        Column(name=f"{v}{level}", variable=v, index=(("level", level),), offset=0.1, factor=1.5)
        for v in "uv"
        for level in (0, 1)
    ]
    reader = SampleReader(partial(open_store, path), columns, ["x", "y"], path=path)
    raw = [open_array(path, v) for v in "uv"]
    frames = np.array([[0, 3], [1, 2], [0, 2], [1, 3]] * 4)

    def labels(batch: np.ndarray) -> np.ndarray:
        return reader.read_frames(batch.tolist(), frames)

    def chunks(batch: np.ndarray) -> np.ndarray:
        out = aligned((2, len(batch), 2, 2, *SAMPLE[1:]), np.float32)
        for array, part in zip(raw, out, strict=True):
            array.fill([Request([batch[n : n + 1], frames[n], *ALL], part[n : n + 1]) for n in range(len(batch))])
        return out

    first = np.arange(BATCH) % reader.samples
    expected = np.moveaxis(1.5 * (chunks(first) - np.float32(0.1)), 0, 2).reshape(len(first), 2, 4, *SAMPLE[1:])
    np.testing.assert_allclose(labels(first), expected, rtol=1e-5, atol=1e-5)
    times = timed([chunks, labels], reader.samples, turns, 6, replace=True)
    return rows("labels, variables, pairs, normalisation", times, ["the same chunks, raw"])


class Mapped:
    """A memory map as a torch dataset of batches."""

    def __init__(self, path: Path, batches: list[np.ndarray]) -> None:
        self.path, self.batches, self.array = path, batches, None

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Any:
        import torch

        if self.array is None:
            self.array = np.load(self.path, mmap_mode="r")
        return torch.from_numpy(self.array[self.batches[number]])


def worker_rows(folder: Path, count: int, length: int) -> Rows:
    """Two worker processes: ours against torch's DataLoader over a memory map. Their start is part of the CPU time."""
    from torch.utils.data import DataLoader

    random, found = np.random.default_rng(1), []
    batches = [random.choice(count, BATCH, replace=False) for _ in range(length)]
    for name in ("zarr-raw", "shards-lz4"):
        loader = DataLoader(Mapped(folder / "memmap.npy", batches), None, num_workers=2, prefetch_factor=4)  # type: ignore[arg-type]
        source = open_array(folder / name, "u")
        peer = drained(lambda loader=loader: iter(loader))
        cost = drained(lambda source=source: work_ahead(source, batches, workers=2, start="fork", copy=False))
        found += rows(f"{name}, two worker processes", [peer, cost], ["memmap, DataLoader, two workers"])
    return found


def drained(start: Callable[[], Iterator[Any]]) -> tuple[float, float]:
    """CPU milliseconds of all processes, and milliseconds on the wall after the first batch, a batch."""
    before = sum(os.times()[:4])
    batches = start()
    next(batches)
    wall, seen = time.perf_counter(), 1
    for _ in batches:
        seen += 1
    wall = time.perf_counter() - wall
    del batches
    return 1e3 * (sum(os.times()[:4]) - before) / seen, 1e3 * wall / (seen - 1)


def print_scaling(folder: Path, count: int, length: int) -> None:
    """Rates with threads, within a batch and ahead of it, and the memory that a bounded queue takes."""
    random = np.random.default_rng(2)
    batches = [random.choice(count, BATCH, replace=False) for _ in range(length)]
    for name in ("shards-raw", "shards-lz4", "zarr-zstd"):
        for threads in (1, 2, 4):
            array = open_array(folder / name, "u", threads=threads)
            within = drained(lambda array=array: (array.read_many(b) for b in batches))[1]
            array.threads = 1
            ahead = drained(lambda array=array, n=threads: read_ahead(array, batches, threads=n, most_bytes=2**25))[1]
            print(f"{name}, {threads} threads: {4.19e3 / within:5.0f} MB/s within a batch, {4.19e3 / ahead:5.0f} ahead")
    before, peak = resident(), 0
    for _ in read_ahead(open_array(folder / "shards-raw", "u"), batches, threads=2, most_bytes=2**25):
        time.sleep(0.01)
        peak = max(peak, resident() - before)
    print(f"memory above that before, queue of 34 MB, taken slowly: {peak / 1e6:.0f} MB at most")


def resident() -> int:
    """Bytes of memory that the process holds now, without pages of mapped files, which the system may take back."""
    _, resident, of_files, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (resident - of_files) * 4096


FIRST = """
import time; start, cpu = time.perf_counter(), time.process_time()
import numpy as np
from humboldt.data_catalog import open_array
open_array({path!r}, "u").read_many(np.random.default_rng(0).choice(10000, 16))
print(time.perf_counter() - start, time.process_time() - cpu)
"""


def print_first_batch(folder: Path) -> None:
    """Time to the first batch of a store of 10,000 samples in a new process, imports included."""
    path = folder.parent / "many.zarr"
    if not (path / "zarr.json").is_file():
        import zarr

        choices: Any = {"chunks": (1, 16, 16), "shards": (500, 16, 16), "dtype": "f4"}
        zarr.create_group(str(path)).create_array("u", shape=(10000, 16, 16), **choices)[:] = 1.0
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", FIRST.format(path=str(path))], check=True, capture_output=True)
    wall, cpu = map(float, said.stdout.split())
    print(f"first batch of 10,000 samples, imports included: {wall:.2f} s ({cpu:.2f} s of CPU)")


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
    found = format_rows(folder, count, turns) + access_rows(folder, count, turns) + labelled_rows(folder, turns)
    found += worker_rows(folder, count, 60 if choice.quick else 300)
    print_scaling(folder, count, 40 if choice.quick else 150)
    print_first_batch(folder)
    if choice.json:
        choice.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
