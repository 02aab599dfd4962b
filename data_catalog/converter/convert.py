"""Convert data of any format to a sharded Zarr store: resumable, bounded in memory, never half-written."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from tqdm import tqdm

from ..errors import DataError
from ..store import zarr_folder
from .any_source import Source, open_source
from .chunking import ArrayPlan, chunk_lengths, plan_array
from .codecs import fastest_worth_it, measure_codecs, require_codec
from .estimating import said, seconds_of
from .execution import completed
from .growing_remote import growing_at
from .grows import Grows, differences
from .headers import native_chunks
from .provenance import comparable, describe, named, newest
from .shards import Infinite, Job, Missing, Region, run, sample_chunks
from .staging import Detour, between, detour, gone_through, sweep
from .store_files import StoreFiles, files_of
from .zarr_writing import RECORD, finish, lay_out

log = logging.getLogger(__name__)

COPIES = 3
"""Arrays of the size of a region that are in memory at a time: as read, as shards, as read back."""


def convert(
    source: Any,
    output: str | Path,
    *,
    variables: Sequence[str] | None = None,
    dims: Mapping[str, str] | None = None,
    join: str | None = None,
    group: str | None = None,
    window: Mapping[str, int] | None = None,
    codec: str = "auto",
    shard_bytes: int = 2**26,
    missing: Missing = "keep",
    infinite: Infinite = "error",
    scheduler: Any = "threads",
    workers: int = 2,
    memory: int = 2**30,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Path | str:
    """Write data as a Zarr store (version 3) that is read fast sample by sample, and check what was written.

    Until it is finished the store is `<output>.partial`; the same call continues an interrupted one without writing a
    finished shard again, and ends with the same bytes, whatever the scheduler and the number of workers. Packed numbers
    are unpacked, missing values become NaN, times stay numbers in the file's units and calendar.

    Args:
        source, variables, dims, join, group: see `open_source`.
        output: folder of the store, on a disk that all workers see, or a URL as fsspec or obstore understand it
            (`s3://`, `gs://` ...). Behind a URL the store grows where it will be and says in its attributes that it is
            not finished, which `open_store` refuses; what it overwrites is gone when it begins.
        window: {dimension: length} of what is read at a time, -1 for a whole dimension; one sample and the whole of
            everything else by default (see `chunk_lengths`).
        codec: `auto` (measured on a sample, see `fastest_worth_it`), `none`, `lz4`, `lz4-bits`, `zstd` or `zstd-bits`.
        shard_bytes: size of a file before compression, about.
        missing: NaN are kept, or an `error`. infinite: infinite values are an `error`, become `missing`, or are kept.
        scheduler: `threads`, `processes`, `here`, or a dask cluster (see `completed`); workers: threads or processes.
        memory: bytes for what is under way; where the source is cut so much another way that it would be read more than
            three times, the data go through a store in between, beside the output, which is removed at the end.
        overwrite: replace a store that is there. dry_run: print what would be written and how long it takes by a probe
            of the first shard of each array; write nothing.

    Raises:
        DataError: data that cannot be read, do not fit together, or are refused by a policy.
        FileExistsError: the output is there, from other arguments. PermissionError: it cannot be written.
        OSError: no room (ENOSPC, EDQUOT, EFBIG), beforehand or during the run; what is finished is kept.
    """
    if workers < 1:
        raise DataError(f"work is done by at least 1 worker, got {workers}")
    opened = open_source(source, variables=variables, dims=dims, join=join, group=group)
    lengths = chunk_lengths({str(d): n for d, n in opened.data.sizes.items()}, window)
    region_bytes = max(shard_bytes, memory // (COPIES * workers))
    plans = plan_arrays(opened.data, lengths, shard_bytes, region_bytes)
    options = {"window": dict(window or {}), "codec": require_codec(codec), "shard_bytes": shard_bytes,
               "missing": missing, "infinite": infinite}  # fmt: skip
    conversion = Conversion(
        source=opened,
        plans=plans,
        way=detour(opened.data, plans, region_bytes),
        growing=growing_at(output, describe(opened, plans, options)),
    )
    growing = conversion.growing
    if dry_run:
        at_once = 1 if scheduler == "here" else min(workers, os.cpu_count() or 1)
        print(conversion.summary(region_bytes * COPIES * workers, at_once))
        return growing.output
    if conversion.is_finished(overwrite):
        sweep(growing.beside)
        return growing.output
    with growing.begun(overwrite) as goes_on:
        if conversion.way:
            write = partial(convert, source, dims=dims, join=join, group=group, scheduler=scheduler, workers=workers,
                            memory=memory, progress=progress)  # fmt: skip
            conversion = conversion.by_stages(write)
        conversion.prepare(goes_on, codec)
        conversion.execute(missing, infinite, scheduler, workers, progress)
        conversion.publish()
    sweep(growing.beside)
    return growing.output


def plan_arrays(
    data: xr.Dataset, lengths: Mapping[str, int], shard_bytes: int, region_bytes: int
) -> tuple[ArrayPlan, ...]:
    """How each variable is cut."""
    plans = []
    for name, variable in data.data_vars.items():
        if not variable.size:
            raise DataError(
                f"a store holds values, got {name} with {dict(variable.sizes)}; leave it out, or fill it first"
            )
        plan = plan_array(
            str(name), list(map(str, variable.dims)), variable.shape, variable.dtype.newbyteorder("="), lengths,
            native=native_chunks(variable.variable), shard_bytes=shard_bytes, region_bytes=region_bytes,
        )  # fmt: skip
        if plan.chunks == plan.shape and plan.bytes > shard_bytes:
            log.warning(
                "%s is one chunk of %.0f MB, as none of its dimensions is known as samples or times; if it is read in "
                "parts, say so: window={'%s': 1}, or dims={'sample': '%s'}",
                name, plan.bytes / 1e6, plan.dims[0], plan.dims[0],
            )  # fmt: skip
        plans.append(plan)
    return tuple(plans)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A source, how its arrays are cut, the way through a store in between if there is one, and what grows."""

    source: Source
    plans: tuple[ArrayPlan, ...]
    way: Detour | None
    growing: Grows

    @property
    def bytes(self) -> int:
        """Size of the store before compression."""
        return sum(plan.bytes for plan in self.plans)

    @property
    def files(self) -> StoreFiles:
        """The files of the store."""
        return files_of(self.growing.store)

    @property
    def hashed(self) -> dict[str, str]:
        """{name: path} of what is hashed for the record: the source files, or the folder of a store."""
        if self.source.files:
            return named(self.source.files)
        return {Path(self.source.name).name: self.source.name} if zarr_folder(self.source.name) else {}

    def is_finished(self, overwrite: bool) -> bool:
        """Whether the output is there already, made by the same plan. Refuses an output that is something else."""
        growing, attributes = self.growing, self.growing.found()
        if attributes is None or overwrite:
            return False
        record, now = attributes.get(RECORD), comparable(growing.plan)
        if record and record["plan"] == now and newest(growing.plan) <= record.get("changed", 0):
            growing.forget()
            return True
        why = differences(record["plan"], now) if record and record["plan"] != now else ""
        raise FileExistsError(
            f"an existing output is kept unless it comes from the same source and arguments, got {growing.output}"
            f"{why or (' (the source has changed since)' if record else '')}; choose another output or overwrite=True"
        )

    def by_stages(self, write: Callable[..., Any]) -> Conversion:
        """The conversion of what is in the store in between, which `write` fills."""
        if self.way is None:
            return self
        folder = between(self.growing.beside, self.growing.plan)
        return replace(self, source=gone_through(self.source, self.way, folder, write))

    def prepare(self, goes_on: bool, codec: str) -> None:
        """Choose the codecs and lay out an empty store, unless that is done; check the room on the disk."""
        codecs = self.growing.noted("codecs.json") if goes_on else None
        if codecs is None:
            self.growing.empty()
            codecs = {plan.name: self.choose_codec(plan, codec) for plan in self.plans}
            self.make_room(codecs, 0)
            with self.growing.until_full(self.done):
                lay_out(self.files.root, self.source.data, self.plans, codecs)
                self.growing.note("plan.json", self.growing.plan)
                self.growing.note("codecs.json", codecs)
            return
        self.make_room(codecs, sum(entry["bytes"] for entry in self.finished().values()))

    def make_room(self, codecs: Mapping[str, Any], there: int) -> None:
        """Refuse to start what the disk cannot hold."""
        needed = int(sum(plan.bytes * codecs[plan.name]["size"] for plan in self.plans)) - there
        self.growing.require_room(needed, "free space, choose fewer variables, or another disk")

    def choose_codec(self, plan: ArrayPlan, codec: str) -> dict[str, Any]:
        """Name of the codec of an array, and the size that it leaves, as measured on a few of its chunks."""
        measured = measure_codecs(sample_chunks(self.source.data[plan.name], plan))
        best = next((m for m in measured if m.codec == codec), None) or fastest_worth_it(measured)
        log.info("%s: %s, of %s", plan.name, best.codec, ", ".join(map(str, measured)))
        return {"codec": best.codec, "size": round(best.size, 4)}

    def finished(self) -> dict[str, dict[str, int]]:
        """The shards that are in the journal, and still as they were written."""
        found = {key: value for key, value in self.growing.journal.read().items() if isinstance(value, dict)}
        sizes = self.files.sizes(found)
        return {key: value for size, (key, value) in zip(sizes, found.items(), strict=True) if size == value["bytes"]}

    def done(self) -> str:
        """How many shards are finished, in words."""
        return f"{len(self.finished())} of {sum(plan.shard_count for plan in self.plans)} shards"

    def tasks(self) -> list[Region | str]:
        """What is left to be done: source files to be hashed, regions with shards to be written."""
        finished, journal = self.finished(), self.growing.journal.read()
        tasks: list[Region | str] = [path for path in self.hashed.values() if f"sha256 {path}" not in journal]
        for plan in self.plans:
            for box in plan.boxes():
                left = tuple((key, inner) for key, inner in plan.shards_in(box) if key not in finished)
                if left:
                    tasks.append(Region(array=plan.name, shards=left))
        return tasks

    def execute(self, missing: Missing, infinite: Infinite, scheduler: Any, workers: int, progress: bool) -> None:
        """Do what is left, and note each finished task."""
        store = self.growing.store if isinstance(self.growing.store, str) else str(self.growing.store.absolute())
        job = Job(data=self.source.data, store=store, missing=missing, infinite=infinite)
        tasks = self.tasks()
        with self.growing.until_full(self.done), tqdm(
            total=self.bytes, initial=self.bytes - sum(map(self.weight, tasks)), unit="B", unit_scale=True,
            desc=str(self.growing.output).rsplit("/", 1)[-1], disable=not progress,
        ) as bar:  # fmt: skip
            done = completed(partial(run, job), tasks, scheduler=scheduler, workers=workers, at_once=workers)
            for number, entries in done:
                self.growing.journal.add(entries)
                bar.update(self.weight(tasks[number]))

    def weight(self, task: Region | str) -> int:
        """Bytes that a task writes, before compression."""
        return 0 if isinstance(task, str) else task.values * self.source.data[task.array].dtype.itemsize

    def publish(self) -> None:
        """Look that every shard is there, write the record, and put the store where it belongs."""
        journal, finished = self.growing.journal.read(), self.finished()
        for plan in self.plans:
            keys = [key for box in plan.boxes() for key, _ in plan.shards_in(box)]
            lost = [key for key in keys if key not in finished]
            if lost:
                raise DataError(f"a finished shard stays as it is, but {lost[0]} has changed; repeat the same command")
        record = {
            "plan": comparable(self.growing.plan),
            "changed": newest(self.growing.plan),
            "sources": {name: journal[f"sha256 {path}"] for name, path in self.hashed.items()},
            "codecs": self.growing.noted("codecs.json"),
            "missing": {
                p.name: sum(v["missing"] for k, v in finished.items() if k.startswith(f"{p.name}/c"))
                for p in self.plans
            },
        }
        with self.growing.until_full(self.done):
            finish(self.files.root, self.source.data, record)
        self.growing.publish()

    def summary(self, memory: int, at_once: int) -> str:
        """What would be written, and how long that takes with so many workers at once, for reading."""
        staged, seconds = self.way.variables if self.way else (), {}
        lines = [
            f"{self.source.name}: {len(self.source.files) or 'no'} files, {self.bytes / 1e6:.1f} MB before compression"
        ]
        for plan in self.plans:
            cut = dict(zip(plan.dims, plan.chunks, strict=True))
            codec = self.choose_codec(plan, self.growing.plan["codec"])
            seconds[plan.name] = seconds_of(self.source.data[plan.name], plan, codec["codec"])
            read = "through a store in between" if plan.name in staged else f"{plan.amplification:.1f} times read"
            lines += [
                f"  {plan.name:12} {dict(zip(plan.dims, plan.shape, strict=True))} {plan.dtype}",
                f"  {'':12} a chunk is {cut}, {plan.shard_count} shards of {plan.shards}, {codec['codec']}: about "
                f"{plan.bytes * codec['size'] / 1e6:.1f} MB, {read}",
            ]
        if self.way:
            lines.append(
                f"  in between   pieces of {dict(self.way.window)}, up to {self.way.bytes / 1e6:.1f} MB until the end"
            )
        lines.append(f"  time         {said(seconds, at_once)}")
        lines.append(f"  output       {self.growing.output} ({self.growing.room}), memory about {memory / 1e6:.0f} MB")
        return "\n".join(lines)
