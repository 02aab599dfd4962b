"""Generate trajectories of a problem into a Zarr store: resumable, checked beforehand, never half-written."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .problems import Problem
from .problems import problem as known_problem
from .problems import snapshots as equidistant
from .trajectory_store import Plan, create_store, read_plan, write_samples


def generate(
    problem: str | Problem,
    *,
    samples: int,
    output: str | Path,
    resolution: int = 64,
    seed: int = 0,
    snapshots: int | Sequence[float] | None = None,
    tracer: bool = False,
    batch: int = 16,
    workers: int = 1,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Path:
    """Solve a problem for ``samples`` random initial states and write them to the Zarr store ``output``.

    problem: its name, or the `Problem` itself; resolution: points along an axis; snapshots: the times (in the
    problem's unit), or a number of equidistant ones, or None for the problem's own; tracer: with a passive tracer
    (incompressible flows); batch: samples solved together, workers: processes; neither changes the numbers.

    Until it is finished the store is ``<output>.partial``; the same call continues an interrupted one and ends with
    the same store. Raises FileExistsError (other arguments, or an output that is something else; ``overwrite``
    replaces stores), OSError with ENOSPC (disk full, before or during the run) and PermissionError.
    """
    chosen = chosen_problem(problem, tracer)
    plan = Plan(
        problem=chosen, samples=samples, resolution=resolution, times=chosen_times(chosen, snapshots), seed=seed
    )
    for option, value in {"batch": batch, "workers": workers}.items():
        if value < 1:
            raise ValueError(f"{option} must be at least 1, got {value}")
    run = Run(plan=plan, output=Path(output))
    if dry_run:
        print(summary(run))
        return run.output
    if run.is_finished(overwrite):
        return run.output
    run.prepare(overwrite)
    batches = list(run.batches(batch))
    with tqdm(total=samples, initial=run.finished(), unit="sample", desc=chosen.name, disable=not progress) as bar:
        for done in run.execute(batches, workers):
            bar.update(done - bar.n)
    run.publish()
    return run.output


def chosen_problem(problem: str | Problem, tracer: bool) -> Problem:
    """The problem of that name, with a tracer if asked for."""
    if isinstance(problem, str):
        return known_problem(problem, tracer=True) if tracer else known_problem(problem)
    if tracer and "tracer" not in (field.name for field in problem.fields):
        raise ValueError(
            f"tracer=True goes with the name of a problem, got {problem.name!r} made without; "
            f"use problem({problem.name!r}, tracer=True)"
        )
    return problem


def chosen_times(chosen: Problem, snapshots: int | Sequence[float] | None) -> tuple[float, ...]:
    """The snapshot times of a problem: its own, a number of equidistant ones, or those given."""
    if snapshots is None:
        return chosen.times
    if isinstance(snapshots, int):
        return equidistant(chosen.times[-1], snapshots)
    return tuple(float(time) for time in snapshots)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A plan and where it goes; ``<output>.partial`` holds the growing store and a marker of what is finished."""

    plan: Plan
    output: Path

    @property
    def partial(self) -> Path:
        return self.output.with_name(self.output.name + ".partial")

    @property
    def store(self) -> Path:
        return self.partial / "store"

    @property
    def marker(self) -> Path:
        return self.partial / "progress.json"

    def is_finished(self, overwrite: bool) -> bool:
        """Whether the output is there already, made by the same plan. Refuses an output that is something else."""
        if overwrite or not self.output.exists():
            if self.output.exists() and not (self.output / "zarr.json").exists():
                raise FileExistsError(f"only a Zarr store is overwritten, got {self.output}; choose another output")
            return False
        before = read_plan(self.output)
        if before == self.plan.describe():
            shutil.rmtree(self.partial, ignore_errors=True)
            return True
        raise FileExistsError(
            f"an existing output is kept unless it comes from the same arguments, got {self.output}"
            f"{differences(before, self.plan.describe())}; choose another output or overwrite=True"
        )

    def prepare(self, overwrite: bool) -> None:
        """Find the unfinished store of the same plan, or make room for a new one."""
        before = self.read_marker()
        if before and before["plan"] != self.plan.describe():
            if not overwrite:
                raise FileExistsError(
                    f"an unfinished run continues with the same arguments only, got {self.partial}"
                    f"{differences(before['plan'], self.plan.describe())}; repeat those, or overwrite=True"
                )
            before = None
        self.check_space()
        if before is None:
            self.begin()

    def begin(self) -> None:
        """Lay out an empty store; the marker comes last, without it the folder counts as nothing."""
        try:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
            create_store(self.store, self.plan)
            self.mark(0)
        except OSError as error:
            shutil.rmtree(self.partial, ignore_errors=True)
            if error.errno == errno.ENOSPC:
                raise
            raise PermissionError(
                f"the output must lie in a folder that can be written, got {self.output} ({error}); choose another"
            ) from error

    def check_space(self) -> None:
        """Refuse to start what the disk cannot hold."""
        needed = (self.plan.samples - self.finished()) * self.plan.bytes_per_sample
        available = free_bytes(self.output)
        if needed > available:
            raise OSError(
                errno.ENOSPC,
                f"the disk must hold the trajectories: needed {needed} bytes (before compression), "
                f"available {available} bytes at {self.output}; free space, or lower samples, resolution or snapshots",
            )

    def read_marker(self) -> dict[str, Any] | None:
        try:
            return json.loads(self.marker.read_text())
        except (OSError, ValueError):
            return None

    def finished(self) -> int:
        """Number of samples, from the first on, that are safely in the store."""
        before = self.read_marker()
        return before["finished"] if before else 0

    def mark(self, finished: int) -> None:
        """Write the marker in one step."""
        draft = self.marker.with_suffix(".draft")
        draft.write_text(json.dumps({"plan": self.plan.describe(), "finished": finished}))
        os.replace(draft, self.marker)

    def batches(self, size: int) -> Iterator[range]:
        """The samples still to be made, ``size`` at a time."""
        for first in range(self.finished(), self.plan.samples, size):
            yield range(first, min(first + size, self.plan.samples))

    def execute(self, batches: Sequence[range], workers: int) -> Iterator[int]:
        """Make the batches and yield the number of finished samples after each."""
        try:
            for done in self.written(batches, workers):
                self.mark(done.stop)
                yield done.stop
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(
                errno.ENOSPC,
                f"the disk became full after {self.finished()} of {self.plan.samples} samples; they are kept in "
                f"{self.partial}: free space and repeat the same call to continue",
            ) from error

    def written(self, batches: Sequence[range], workers: int) -> Iterator[range]:
        """Yield each batch, in order, once it is in the store."""
        if workers == 1:
            for samples in batches:
                write_samples(self.store, self.plan, samples)
                yield samples
            return
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        try:
            tasks = [pool.submit(write_samples, self.store, self.plan, samples) for samples in batches]
            for samples, task in zip(batches, tasks, strict=True):
                task.result()
                yield samples
        finally:
            pool.shutdown(cancel_futures=True)

    def publish(self) -> None:
        """Put the finished store where it belongs."""
        if self.output.exists():
            shutil.rmtree(self.output)
        os.replace(self.store, self.output)
        shutil.rmtree(self.partial)


def free_bytes(path: Path) -> int:
    """Free bytes of the disk on which ``path`` lies or would lie."""
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    return shutil.disk_usage(existing).free


def differences(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """`` (seed: 0 before, 1 now)``: in what two plans differ."""
    if before is None:
        return ""
    parts = [f"{key}: {before.get(key)} before, {now[key]} now" for key in now if before.get(key) != now[key]]
    return f" ({'; '.join(parts)})"


def summary(run: Run) -> str:
    """What a call would make, for reading."""
    plan, chosen = run.plan, run.plan.problem
    size = plan.samples * plan.bytes_per_sample
    return "\n".join(
        [
            f"{chosen.name}: {chosen.title}",
            f"  equation    {chosen.equation}",
            f"  fields      {', '.join(f'{field.name} [{field.units}]' for field in chosen.fields)}",
            f"  shape       {' x '.join(map(str, plan.shape))} (sample, time, x, y), float32 each",
            f"  times       {plan.times[0]:g} to {plan.times[-1]:g} [{chosen.time_units}]",
            f"  seed        {plan.seed}",
            f"  output      {run.output} ({run.finished()} samples finished)",
            f"  size        {size / 1e6:.1f} MB before compression, {free_bytes(run.output) / 1e6:.1f} MB free",
        ]
    )
