"""Two stages for data that are stored across the way in which they will be read: a store in between, cut both ways.

A variable whose chunks hold all times of a small area, to be read one time at a time, would be read from the source
once for every few times that fit into memory. Pieces that are the intersection of what can be read from the source at
once and of what is written to the output at once are written once and read once (as the rechunker project does it).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr

from .any_source import Source, open_source
from .chunking import ArrayPlan, grown, plan_array
from .headers import native_chunks

PASSES = 2
"""What a store in between costs: the data are written and read once more."""


@dataclass(frozen=True, kw_only=True)
class Detour:
    """The variables that go through a store in between, and the length of its pieces along each dimension."""

    variables: tuple[str, ...]
    window: Mapping[str, int]
    bytes: int


def detour(data: xr.Dataset, plans: Sequence[ArrayPlan], region_bytes: int) -> Detour | None:
    """The way through a store in between for the variables for which it is shorter, or None."""
    window: dict[str, int] = {}
    for plan in plans:
        for dim, length in pieces(plan, native_chunks(data[plan.name].variable), region_bytes).items():
            window[dim] = min(length, window.get(dim, length))
    chosen = tuple(plan for plan in plans if reading(data, plan, window, region_bytes) + PASSES < plan.amplification)
    if not chosen:
        return None
    dims = dict.fromkeys(dim for plan in chosen for dim in plan.dims)
    return Detour(
        variables=tuple(plan.name for plan in chosen),
        window={dim: window[dim] for dim in dims},
        bytes=sum(plan.bytes for plan in chosen),
    )


def pieces(plan: ArrayPlan, native: Mapping[str, int], region_bytes: int) -> dict[str, int]:
    """Length along each dimension of what lies within one reading from the source and one writing to the output."""
    stored = [min(native.get(dim, size), size) for dim, size in zip(plan.dims, plan.shape, strict=True)]
    read = grown(stored, plan.region, plan.shape, region_bytes // plan.dtype.itemsize)
    sizes = zip(plan.dims, plan.shape, plan.region, read, strict=True)
    return {dim: min(size, out, into) for dim, size, out, into in sizes}


def reading(data: xr.Dataset, plan: ArrayPlan, window: Mapping[str, int], region_bytes: int) -> float:
    """How often the source is read to fill the store in between."""
    first = plan_array(
        plan.name, plan.dims, plan.shape, plan.dtype, window,
        native=native_chunks(data[plan.name].variable), shard_bytes=1, region_bytes=region_bytes,
    )  # fmt: skip
    return first.amplification


def between(output: Path, plan: Mapping[str, Any]) -> Path:
    """Where the store in between lies, until the output is whole."""
    digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:8]
    return output.with_name(f"{output.name}.between-{digest}")


def sweep(output: Path) -> None:
    """Remove the stores in between of an output."""
    for folder in output.parent.glob(f"{output.name}.between-*"):
        shutil.rmtree(folder)


def gone_through(source: Source, way: Detour, folder: Path, write: Callable[..., Any]) -> Source:
    """The source, with some of its variables read from the store in between, which `write` fills if it is not there."""
    write(
        output=folder, variables=list(way.variables), window=dict(way.window), codec="lz4", shard_bytes=1,
        missing="keep", infinite="keep",
    )  # fmt: skip
    there = open_source(folder).data
    values = {name: there[name].variable.copy(deep=False) for name in way.variables}
    for name, variable in values.items():
        variable.attrs = source.data[name].attrs
    return replace(source, data=source.data.assign(values))
