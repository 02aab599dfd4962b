"""Statistics of a dataset in one streaming pass, on any number of workers: exact, resumable, with a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import xarray as xr
from tqdm import tqdm

from humboldt._version import __version__

from ..catalog.axes import kind_of_axis
from ..converter.any_source import open_source
from ..converter.chunking import grown, tiles
from ..converter.execution import completed
from ..converter.headers import native_chunks
from ..converter.shards import read_box
from ..errors import DataError
from .cell_areas import area_weights
from .channels import read_statistics, statistics_file, write_statistics, written
from .notes import Notes, notes_beside
from .quantiles import ERROR
from .summaries import Pass, Summary, summarise
from .training_part import training_part

LEVELS = (
    "level",
    "lev",
    "plev",
    "pressure",
    "pressure_level",
    "isobaricinhpa",
    "isobaricinpa",
    "model_level",
    "hybrid",
    "sigma",
    "height",
    "depth",
    "component",
    "channel",
)
SHARES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
KEEP_EVERY = 16
"""Blocks between two notes of how far a pass has come."""


def compute_statistics(
    source: Any,
    *,
    train: Literal["all"] | Mapping[str, Any] | None = None,
    leads: Sequence[int] = (1,),
    per: Sequence[str] | None = None,
    weights: Literal["area", "none"] = "area",
    infinite: Literal["error", "missing"] = "error",
    variables: Sequence[str] | None = None,
    scheduler: Any = "threads",
    workers: int = 2,
    block_bytes: int = 2**25,
    progress: bool = True,
) -> dict[str, Any]:
    """Mean, deviation, extremes, quantiles and increments of each variable, over the training part, kept beside it.

    Sums are merged in a fixed order in float64 (see `Moments`), so that the same call gives the same bits whatever the
    scheduler and the number of workers, and the values of an in-memory computation to 1e-6 whatever the chunks.
    Interrupted, the same call goes on where it was; done, it returns what it finds.

    Args:
        source: see `open_source`.
        train: {dimension: what is trained on}: [first, last] labels, both included (`{"time": ["1979", "2015"]}`), or
            the number of first places (`{"sample": 16}`) or their share (`{"time": 0.8}`); or `all`. By default that
            of `split_units` for data that have samples.
        leads: of increments x(t + lead) - x(t), in steps of the time axis; pairs across a gap are left out.
        per: dimension whose places have statistics of their own; levels and components by default.
        weights: cells count by their `area` where the grid says so (see `area_weights`), or all the same.
        infinite: infinite values are an `error`, or count as `missing`.
        scheduler, workers: see `completed`. block_bytes: size of a block in float64, about.

    Returns:
        JSON-ready: `fingerprint`, `over`, and for each variable `count`, `missing`, `mean`, `std` (population), `min`,
        `max`, `quantiles` (off by at most `quantile_error` of their value) and `increments`; lists for levels.

    Raises:
        DataError: no training part is known, or data that cannot be read or are refused by a policy.
    """
    if any(lead < 1 for lead in leads):
        raise DataError(f"increments are over at least 1 step, got leads {list(leads)}; leave out what is below 1")
    opened = open_source(source, variables=variables)
    data, chosen = opened.data, training_part(opened.data, train)
    passes = {str(name): prepared(data, str(name), chosen, leads, per, weights, infinite) for name in data.data_vars}
    about = {"over": {d: [int(m.sum()), len(m)] for d, m in chosen.items()}, "leads": list(leads), "weights": weights,
             "infinite": infinite, "block_bytes": block_bytes}  # fmt: skip
    key = fingerprint(data, chosen, {**about, "per": {name: this.channel for name, this in passes.items()}})
    found, beside = read_statistics(source, key), statistics_file(source)
    if found is not None and not notes_beside(beside):
        return found
    notes = Notes(beside, f"{key} {written(source)}")
    if found is not None:
        notes.forget(passes)
        return found
    found = {
        "fingerprint": key,
        "software": f"humboldt {__version__}",
        **about,
        "quantile_error": ERROR,
        "variables": {},
    }
    with tqdm(
        total=sum(v.size for v in data.data_vars.values()), unit="values", unit_scale=True, disable=not progress
    ) as bar:
        for name, this in passes.items():
            summary = collected(this, name, notes, block_bytes, scheduler, workers, bar)
            label = weights_of(data, name, weights, this.channel)[1]
            found["variables"][name] = described(data, this, summary, label)
    write_statistics(source, key, found)
    notes.clear()
    return found


def prepared(
    data: xr.Dataset, name: str, chosen: Mapping[str, np.ndarray], leads: Sequence[int], per: Sequence[str] | None,
    weights: str, infinite: Literal["error", "missing"],
) -> Pass:  # fmt: skip
    """What a pass over one variable needs."""
    variable = data[name]
    dims = list(map(str, variable.dims))
    if not variable.size:
        raise DataError(f"statistics are of values, got {name} with {dict(variable.sizes)}; name the other variables")
    if variable.dtype.kind == "c":
        raise DataError(
            f"statistics are of real numbers, got {variable.dtype} for {name}; name the other variables, or store its "
            "real and imaginary parts"
        )
    kept = [d for d in dims if (is_apart(data, d) if per is None else d in per)]
    time = next((d for d in dims if kind_of_axis(data, d) == "time"), None)
    if len(kept) > 1:
        raise DataError(f"statistics are kept apart along one dimension, got {kept} for {name}; say per=[{kept[0]!r}]")
    channel = kept[0] if kept else None
    return Pass(
        variable=variable.drop_vars(list(variable.coords)), channel=channel, time=time,
        chosen={d: mask for d, mask in chosen.items() if d in dims},
        regular=regular_steps(data, time, leads) if time else {},
        weights=weights_of(data, name, weights, channel)[0], infinite=infinite,
    )  # fmt: skip


def is_apart(data: xr.Dataset, dim: str) -> bool:
    """Whether the places along a dimension are levels or components, by its name or by what its coordinate says."""
    return dim.lower() in LEVELS or kind_of_axis(data, dim) in ("level", "component")


def weights_of(data: xr.Dataset, name: str, weights: str, channel: str | None) -> tuple[xr.DataArray | None, str]:
    """See `area_weights`; none along a dimension whose places have statistics of their own.

    Raises:
        DataError: areas that differ along that dimension and along others.
    """
    found, label = area_weights(data, name) if weights == "area" else (None, "none")
    if found is None or channel not in found.dims:
        return found, label
    if found.ndim > 1:
        raise DataError(
            f"cells count by their area where all places along {channel!r} share it, got {label} of {found.dims} for "
            f"{name}; use weights='none'"
        )
    return None, "none"


def regular_steps(data: xr.Dataset, time: str, leads: Sequence[int]) -> dict[int, np.ndarray]:
    """{lead: whether t + lead is so many of the usual steps after t}; leads beyond the data are left out."""
    size = data.sizes[time]
    values = np.asarray(data[time].values) if time in data.coords else np.arange(size)
    if values.dtype.kind == "O":  # dates of cftime
        values = np.asarray(xr.conventions.encode_cf_variable(data[time].variable).values)
    values = values.astype(np.int64) if values.dtype.kind in "mM" else values
    if values.dtype.kind not in "iuf" or size < 2:
        return {lead: np.ones(size - lead, bool) for lead in leads if lead < size}
    step = np.median(np.diff(values))
    apart = {lead: values[lead:] - values[:-lead] for lead in leads if lead < size}
    return {lead: np.abs(gap - lead * step) <= 0.2 * abs(step) for lead, gap in apart.items()}


def collected(
    about: Pass, name: str, notes: Notes, block_bytes: int, scheduler: Any, workers: int, bar: Any
) -> Summary:
    """The summary of one variable, merged in the order of its blocks."""
    total = Summary.empty(about.channels, list(about.regular))
    blocks = list(blocks_of(about, block_bytes))
    begun = notes.restore(name, total)
    left, waiting, turn = blocks[begun:], {}, 0
    bar.update(sum(map(size, blocks[:begun])))
    for number, part in completed(
        partial(summarise, about), left, scheduler=scheduler, workers=workers, at_once=workers
    ):
        waiting[number] = part
        while turn in waiting:
            total.merge(waiting.pop(turn))
            bar.update(size(left[turn]))
            turn += 1
            if turn % KEEP_EVERY == 0 or turn == len(left):
                notes.keep(name, begun + turn, total)
    return total


def blocks_of(about: Pass, block_bytes: int) -> list[tuple[slice, ...]]:
    """Boxes of whole stored chunks that cover the training part of a variable, of the size asked for."""
    shape, native = about.variable.shape, native_chunks(about.variable.variable)
    dims = list(map(str, about.variable.dims))
    first = dims[0] if dims else ""
    unit = [min(n, native.get(d, 1 if d == first else n)) for d, n in zip(dims, shape, strict=True)]
    room = block_bytes // 8
    for axis in range(1, len(unit)):  # a chunk that is larger than a block is read in parts
        while np.prod(unit) > room and unit[axis] > 1:
            unit[axis] = -(-unit[axis] // 2)
    cut = grown(unit, shape, shape, room)
    boxes = tiles([slice(0, n) for n in shape], cut)
    return [
        box
        for box in boxes
        if all(about.chosen[d][b].any() for d, b in zip(dims, box, strict=True) if d in about.chosen)
    ]


def size(box: tuple[slice, ...]) -> int:
    """Values in a box."""
    return int(np.prod([b.stop - b.start for b in box]))


def described(data: xr.Dataset, about: Pass, summary: Summary, weights: str) -> dict[str, Any]:
    """A summary, JSON-ready; lists where there are levels."""
    moments, several = summary.moments, about.channel is not None

    def one(values: Any, kind: Any = float) -> Any:
        plain = [kind(v) if np.isfinite(v) else None for v in np.asarray(values, float)]
        return plain if several else plain[0]

    shares = np.stack([sketch.quantiles(SHARES) for sketch in summary.sketches])
    shares = np.clip(shares, moments.minimum[:, None], moments.maximum[:, None])
    found = {
        "units": str(about.variable.attrs.get("units", "")), "weights": weights, "infinite": summary.infinite,
        "count": one(moments.count, int), "missing": one(moments.missing, int),
        "mean": one(np.where(moments.weight > 0, moments.mean, np.nan)),
        "std": one(np.where(moments.weight > 0, np.sqrt(moments.variance), np.nan)),
        "min": one(moments.minimum), "max": one(moments.maximum),
        "quantiles": {f"{share:g}": one(shares[:, n]) for n, share in enumerate(SHARES)},
        "increments": {
            str(lead): {"count": one(m.count, int), "mean": one(np.where(m.weight > 0, m.mean, np.nan)),
                        "std": one(np.where(m.weight > 0, np.sqrt(m.variance), np.nan))}
            for lead, m in summary.increments.items()
        },
    }  # fmt: skip
    if about.channel and about.channel in data.coords:
        found[about.channel] = data[about.channel].values.tolist()
    return {"per": about.channel, **found} if several else found


def fingerprint(data: xr.Dataset, chosen: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> str:
    """Hash of what statistics are computed from: variables, coordinates, attributes, training part, choices, and the
    values of the first and the last place of each variable."""
    hashed = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for dim, mask in sorted(chosen.items()):
        hashed.update(f"{dim} ".encode() + np.packbits(mask).tobytes())
    for name, variable in sorted(data.variables.items(), key=lambda item: str(item[0])):
        hashed.update(
            f"{name} {variable.dims} {variable.shape} {variable.dtype} {variable.attrs.get('units')}".encode()
        )
        ends = [(), ()] if not variable.ndim or name in data.coords else [(slice(0, 1),), (slice(-1, None),)]
        for end in ends[: 1 if name in data.coords else 2]:
            hashed.update(np.ascontiguousarray(read_box(xr.DataArray(variable), end)).tobytes())
    hashed.update(json.dumps(data.attrs.get("humboldt_conversion", {}), sort_keys=True, default=str).encode())
    return hashed.hexdigest()[:16]
