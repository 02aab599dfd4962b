"""Compare an entry with its data: checksums, variables, units, calendar, sizes, splits, statistics, licence."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from ..errors import DataError
from ..units import same_units
from .cache import home, is_here, located, unpacked
from .calendar import CALENDARS, same_calendar
from .contents import open_contents
from .digests import file_digest, manifest_digest, values_digest
from .entry import Entry
from .fetch import Maker
from .licences import forbids_redistribution
from .parts import check_parts, span
from .sources import Files, Generated, Remote, ZarrStore
from .summary import labels, summarise

SAMPLES = 16
"""How many samples the statistics are recomputed on."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `unknown` where there is nothing to compare with."""

    check: str
    status: Literal["ok", "failed", "unknown"]
    message: str


@dataclass(frozen=True)
class Report:
    """What was found out about an entry."""

    id: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.status != "failed" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {"id": self.id, "version": self.version, "ok": self.ok, "findings": [asdict(f) for f in self.findings]}

    def __str__(self) -> str:
        lines = [f"{f.status:8} {f.check:12} {f.message}" for f in self.findings]
        return "\n".join([f"{self.id} {self.version}: {'ok' if self.ok else 'FAILED'}", *lines])


def verify(entry: Entry, *, cache: str | Path | None = None, make: Maker | None = None) -> Report:
    """Look at an entry and at its data, if they are on this machine; the network is never asked.

    Args:
        entry: of the catalog.
        cache: folder of fetched data.
        make: makes generated entries: they are made again and compared bit for bit.
    """
    found = list(_entry_alone(entry))
    if isinstance(entry.source, Remote):
        found.append(Finding("data", "unknown", f"read in place at {entry.source.url}; no checksum is published"))
    elif not is_here(entry, cache):
        found.append(Finding("data", "unknown", f"not on this machine ({home(entry, cache)}); fetch them first"))
    else:
        found += _checksums(entry, cache, make)
        found += _contents(entry, located(entry, cache))
    return Report(entry.id, entry.version, tuple(found))


def _entry_alone(entry: Entry) -> Iterator[Finding]:
    if entry.splits is None:
        yield Finding("splits", "unknown", "the entry has none")
    elif not entry.splits.is_checkable:
        yield Finding("splits", "unknown", "known by size or by a published list alone")
    else:
        check_parts(entry.splits, entry.calendar if entry.splits.along == entry.dims.time else None)
        yield Finding("splits", "ok", f"disjoint along {entry.splits.along}, gap of {entry.splits.gap:g} kept")
    if entry.licence is None:
        yield Finding("licence", "unknown", "the entry has none")


def _checksums(entry: Entry, cache: Any, make: Maker | None) -> Iterator[Finding]:
    source, folder = entry.source, home(entry, cache)
    if isinstance(source, Files):
        for file in source.files:
            place = folder / file.path
            if file.checksum is None:
                yield Finding("checksum", "unknown", f"{file.path}: none is published")
            elif not place.exists():
                yield Finding("checksum", "unknown", f"{file.path}: only its members are kept in {unpacked(place)}")
            else:
                yield _compare(file.path, file.checksum[1], file_digest(place, file.checksum[0]))
            if file.bytes is not None and place.exists() and place.stat().st_size != file.bytes:
                size = place.stat().st_size
                yield Finding("size", "failed", f"{file.path} has {file.bytes} bytes, got {size}; fetch it again")
    elif isinstance(source, ZarrStore) and source.manifest_sha256:
        yield _compare(source.path, source.manifest_sha256, manifest_digest(folder / source.path))
    elif isinstance(source, Generated):
        here = values_digest(folder / "made")
        if source.values_sha256:
            yield _compare(source.problem, source.values_sha256, here)
        if make is not None:
            with tempfile.TemporaryDirectory() as again:
                make(entry, Path(again))
                yield _compare(f"{source.problem}, made again", values_digest(Path(again)), here)


def _compare(name: str, wanted: str, found: str) -> Finding:
    if wanted == found:
        return Finding("checksum", "ok", f"{name}: {found}")
    return Finding("checksum", "failed", f"{name} has {wanted}, got {found}; fetch it again, or raise the version")


def _contents(entry: Entry, place: str | Path) -> Iterator[Finding]:
    try:
        data = open_contents(place)
    except (DataError, OSError) as error:
        yield Finding("data", "unknown" if entry.dims.component else "failed", str(error))
        return
    with data:
        yield from _variables(entry, data)
        yield from _calendar(entry, data)
        yield from _sizes(entry, data)
        yield from _split_labels(entry, data)
        recorded = entry.statistics
        part = recorded.over if recorded and entry.splits and recorded.over in entry.splits.parts else None
        found = summarise(entry, data, part, SAMPLES)
        yield from _missing(entry, found)
        yield from _statistics(entry, found)
        if (said := forbids_redistribution(data.attrs)) and entry.redistribution == "allowed":
            yield Finding("licence", "failed", f"the entry allows redistribution, the data say {said!r}; correct it")


def _variables(entry: Entry, data: xr.Dataset) -> Iterator[Finding]:
    for key, variable in entry.variables.items():
        name = variable.name if variable.name in data.variables else key
        if name not in data.variables:
            status: Literal["unknown", "failed"] = "unknown" if entry.dims.component else "failed"
            yield Finding(
                "variables", status, f"{key} is not in the data under this name; they have {list(data.variables)}"
            )
            continue
        units = data[name].attrs.get("units")
        if variable.units is None or units is None:
            if variable.kind == "number":
                yield Finding("units", "unknown", f"{key}: {variable.units!r} in the entry, {units!r} in the data")
        elif same_units(variable.units, str(units)):
            yield Finding("units", "ok", f"{key}: {units}")
        else:
            yield Finding("units", "failed", f"{key} is in {variable.units!r}, got {units!r} in the data; correct one")


def _calendar(entry: Entry, data: xr.Dataset) -> Iterator[Finding]:
    name = entry.dims.time
    if name is None or name not in data.variables or entry.calendar is None:
        return
    attributes = data[name].attrs
    is_dates, said = " since " in str(attributes.get("units", "")), attributes.get("calendar")
    if CALENDARS[entry.calendar] == "none":
        status: Literal["ok", "failed"] = "failed" if is_dates else "ok"
        yield Finding("calendar", status, f"none in the entry, units {attributes.get('units')!r} in the data")
    elif said is None:
        yield Finding("calendar", "failed", f"{entry.calendar} in the entry, got none in the data; it is not guessed")
    elif str(said) not in CALENDARS or not same_calendar(entry.calendar, str(said)):
        yield Finding("calendar", "failed", f"{entry.calendar} in the entry, got {said!r} in the data; correct one")
    else:
        yield Finding("calendar", "ok", str(said))


def _sizes(entry: Entry, data: xr.Dataset) -> Iterator[Finding]:
    for dim, size in entry.sizes.items():
        if dim in data.sizes and data.sizes[dim] != size:
            yield Finding("sizes", "failed", f"{dim} has {size} labels, got {data.sizes[dim]}; correct the entry")
        elif dim in data.sizes:
            yield Finding("sizes", "ok", f"{dim}: {size}")


def _split_labels(entry: Entry, data: xr.Dataset) -> Iterator[Finding]:
    splits = entry.splits
    if splits is None or splits.along not in data.sizes:
        return
    positions = labels(entry, data, splits.along)
    if positions.dtype.kind not in "fiu":
        return
    for name, part in splits.parts.items():
        bounds = span(part, entry.calendar if splits.along == entry.dims.time else None)
        if bounds is not None:
            count = int(((positions >= bounds[0]) & (positions < bounds[1])).sum())
            message = f"{name} ({part.describe()}) holds {count} labels of {splits.along}"
            yield Finding("splits", "ok" if count else "failed", message)


def _missing(entry: Entry, found: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    absent = {name: of["missing"] for name, of in found.items() if of["missing"]}
    if entry.missing.policy == "error":
        for name, count in absent.items():
            yield Finding("missing", "failed", f"{name}: none by the entry (policy error), got {count}; correct one")
    if found and not (absent and entry.missing.policy == "error"):
        counts = ", ".join(f"{count} of {name}" for name, count in absent.items()) or "none"
        yield Finding("missing", "ok", f"policy {entry.missing.policy}; of {SAMPLES} samples {counts}")


def _statistics(entry: Entry, found: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    recorded = entry.statistics
    if recorded is None:
        yield Finding("statistics", "unknown", "the entry has none")
        return
    for name, moments in recorded.variables.items():
        if name not in found or isinstance(moments.mean, tuple) or isinstance(moments.std, tuple):
            continue
        mean, std = found[name]["mean"], found[name]["std"]
        far = abs(mean - moments.mean) > 0.5 * moments.std or not 0.5 * moments.std <= std <= 2.0 * moments.std
        low, high = moments.min, moments.max
        outside = isinstance(low, float) and isinstance(high, float) and _beyond(found[name], low, high)
        message = f"{name}: mean {moments.mean:.6g}, std {moments.std:.6g}; of {SAMPLES} samples {mean:.6g}, {std:.6g}"
        yield Finding("statistics", "failed" if far or outside else "ok", message)


def _beyond(found: Mapping[str, Any], low: float, high: float) -> bool:
    slack = 1e-6 * max(abs(low), abs(high), float(np.finfo(np.float32).tiny))
    return found["min"] < low - slack or found["max"] > high + slack
