"""Writing one region of a store: read once from the source, written shard by shard, each read back."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dask
import numpy as np
import xarray as xr

from ..errors import DataError
from .chunking import ArrayPlan
from .store_files import StoreFiles, files_of

Missing = Literal["keep", "error"]
Infinite = Literal["error", "missing", "keep"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Shards of one array that are read together: key and box of each."""

    array: str
    shards: tuple[tuple[str, tuple[slice, ...]], ...]

    @property
    def box(self) -> tuple[slice, ...]:
        """The smallest box that holds them all."""
        axes = zip(*(box for _, box in self.shards), strict=True)
        return tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in axes)

    @property
    def values(self) -> int:
        """How many they hold."""
        return sum(math.prod(axis.stop - axis.start for axis in box) for _, box in self.shards)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every task of a conversion needs; is pickled for other processes.

    Attributes:
        data: lazy; store: folder or URL of the arrays, which are laid out already.
        missing, infinite: what is done about NaN and infinite values.
    """

    data: xr.Dataset
    store: str
    missing: Missing
    infinite: Infinite


def write_region(job: Job, region: Region) -> dict[str, dict[str, int]]:
    """Write the shards of a region; {key: {"bytes": of the file, "missing": NaN in it}}.

    Raises:
        DataError: values that the policy refuses, a source that cannot be read, or a shard that reads back otherwise.
    """
    values = read_box(job.data[region.array], region.box)
    values = checked(values, job, region)
    done, files = {}, files_of(job.store)
    for key, box in region.shards:
        inside = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(region.box, box, strict=True))
        part = np.require(values[inside], requirements="C")  # keeps a single value without axes
        done[key] = {"bytes": write_shard(files, region.array, key, box, part), "missing": count_missing(part)}
    return done


def read_box(variable: xr.DataArray, box: Sequence[slice]) -> np.ndarray:
    """The values of a lazy variable in a box, computed in this thread."""
    with dask.config.set(scheduler="synchronous"):
        return np.asarray(variable[tuple(box)].values)


def sample_chunks(
    variable: xr.DataArray, plan: ArrayPlan, count: int = 3, largest: int = 2**22
) -> Iterator[np.ndarray]:
    """A few chunks from the beginning, the middle and the end of a variable, at most 4 MiB of each."""
    grid = [-(-n // c) for n, c in zip(plan.shape, plan.chunks, strict=True)]
    for step in range(count):
        place = [round((g - 1) * step / max(1, count - 1)) for g in grid]
        box = [slice(p * c, min((p + 1) * c, n)) for p, c, n in zip(place, plan.chunks, plan.shape, strict=True)]
        yield read_box(variable, box).reshape(-1)[: largest // variable.dtype.itemsize]


def checked(values: np.ndarray, job: Job, region: Region) -> np.ndarray:
    """The values, if the policies allow them."""
    if values.dtype.kind not in "fc":
        return values
    infinite = np.isinf(values)
    if infinite.any() and job.infinite != "keep":
        if job.infinite == "error":
            raise refused(
                "infinite values", infinite, job, region, "repair the source, or infinite='missing' (or 'keep')"
            )
        values = np.where(infinite, np.asarray(np.nan, values.dtype), values)
    if job.missing == "error":
        absent = np.isnan(values)
        if absent.any():
            raise refused("NaN", absent, job, region, "repair the source, or missing='keep'")
    return values


def refused(what: str, where: np.ndarray, job: Job, region: Region, cure: str) -> DataError:
    """The error for values that a policy refuses, with the first place."""
    first = [int(n) + b.start for n, b in zip(np.argwhere(where)[0], region.box, strict=True)]
    place = ", ".join(f"{dim} {n}" for dim, n in zip(job.data[region.array].dims, first, strict=True))
    return DataError(
        f"a store holds finite numbers, got {int(where.sum())} {what} in {region.array!r}, first at {place}; {cure}"
    )


def count_missing(values: np.ndarray) -> int:
    """Number of NaN."""
    return int(np.isnan(values).sum()) if values.dtype.kind in "fc" else 0


def write_shard(files: StoreFiles, array: str, key: str, box: tuple[slice, ...], values: np.ndarray) -> int:
    """Write a shard as one file, at once, and read it back; its size in bytes.

    Raises:
        DataError: other values come back.
        OSError: the file cannot be written, such as ENOSPC.
    """
    target = files.array(array, mode="r+", config={"write_empty_chunks": True})
    target[box] = values
    back = files.read_back(array, box, values)
    if not np.array_equal(back.reshape(-1).view(np.uint8), values.reshape(-1).view(np.uint8)):
        files.remove(key)
        raise DataError(
            f"what is written is what comes back, but shard {key} of {files.root} holds other values; "
            "check the disk, and repeat the same command"
        )
    return files.sizes([key])[0]


def sha256(path: str) -> str:
    """Hash of a file, or of the sorted names and hashes of all files of a folder."""
    if not Path(path).is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(file for file in Path(path).rglob("*") if file.is_file())
    lines = [f"{sha256(str(file))}  {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def run(job: Job, task: Region | str) -> dict[str, Any]:
    """One task of a conversion, a region or a source file to be hashed: what it adds to the journal."""
    if isinstance(task, str):
        return {f"sha256 {task}": sha256(task)}
    return write_region(job, task)
