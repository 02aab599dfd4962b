"""Generate trajectories of a problem into a Zarr store: resumable, checked beforehand, never half-written."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from humboldt.data_catalog import Growing, differences, free_bytes, require_room

from .problem_type import Problem
from .problem_type import snapshots as equidistant
from .problems import DOWNSTREAM, PRETRAINING
from .problems import problem as known_problem
from .trajectory_store import Plan, adopt_samples, create_store, read_plan, write_samples


def generate(
    problem: str | Problem,
    *,
    samples: int,
    output: str | Path,
    resolution: int = 64,
    seed: int = 0,
    snapshots: int | Sequence[float] | None = None,
    tracer: bool = False,
    precision: str = "double",
    choices: Mapping[str, Any] | None = None,
    batch: int | None = None,
    workers: int = 1,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Path:
    """Solve a problem for ``samples`` random initial states and write them to the Zarr store ``output``.

    problem: its name, or the `Problem` itself; resolution: points along an axis; snapshots: the times (in the
    problem's unit), or a number of equidistant ones, or None for the problem's own; tracer: with a passive tracer
    (flows and gases); precision: "double", or "single" where Fourier series solve: a third to a half less time for
    round-off of about 1e-6, which chaos amplifies; choices: what else a problem leaves open, as for `problem`, such as
    ``{"viscosity": "spectral"}``; batch: samples solved together (None: what fits into a processor's
    cache), workers: processes; neither changes the numbers.

    Until it is finished the store is ``<output>.partial``; the same call continues an interrupted one and ends with
    the same store. A finished store with fewer samples, otherwise the same, is continued to so many. Raises
    FileExistsError (other arguments, or an output that is something else; ``overwrite`` replaces stores), OSError
    (no room, before or during the run: ENOSPC, EDQUOT, EFBIG) and PermissionError.
    """
    chosen = chosen_problem(problem, tracer, precision, choices)
    plan = Plan(
        problem=chosen, samples=samples, resolution=resolution, times=chosen_times(chosen, snapshots), seed=seed
    )
    together = cached_batch(plan, workers) if batch is None else batch
    for option, value in {"batch": together, "workers": workers}.items():
        if value < 1:
            raise ValueError(f"{option} must be at least 1, got {value}")
    run = Run(plan=plan, output=Path(output), overwrite=overwrite)
    if dry_run:
        print(summary(run))
        return run.output
    if run.is_finished():
        return run.output
    run.require_room()
    with run.growing.begun(overwrite) as goes_on:
        if not goes_on:
            with run.growing.until_full(run.done):
                create_store(run.growing.store, plan)
                run.keep()
                run.growing.note("plan.json", run.growing.plan)
        batches = list(run.batches(together))
        with tqdm(total=samples, initial=run.finished(), unit="sample", desc=chosen.name, disable=not progress) as bar:
            for done in run.execute(batches, workers):
                bar.update(done - bar.n)
        run.growing.publish()
    return run.output


def generate_families(
    families: Sequence[str], *, samples: int, output: str | Path, workers: int | None = None, **choices: Any
) -> list[Path]:
    """Generate several problems into one folder, a store each, as many samples at once as there are processors.

    families: names of problems, written as here or as published (NS-Sines), or ``pretraining``, ``downstream`` or
    ``all`` of the Poseidon paper's; choices: as of `generate`. What is finished is not made again, so the same call
    goes on after an interruption. Every name and choice is checked before the first store is begun.

    Raises what `generate` raises; a solution that does not stay finite ends the call, and nothing of its batch is kept.
    """
    groups = {"pretraining": PRETRAINING, "downstream": DOWNSTREAM, "all": (*PRETRAINING, *DOWNSTREAM)}
    named = [name for family in families for name in groups.get(family.lower(), (family.lower(),))]
    if not named:
        raise ValueError("families are at least one problem, got none; name them, or take pretraining, downstream, all")
    folder, count = Path(output), workers or len(os.sched_getaffinity(0))
    stores = {name: folder / f"{name}.zarr" for name in named}
    for name in stores:
        made = (choices.get("tracer", False), choices.get("precision", "double"), choices.get("choices"))
        chosen = chosen_problem(name, *made)
        times, seed = chosen_times(chosen, choices.get("snapshots")), choices.get("seed", 0)
        Plan(problem=chosen, samples=samples, resolution=choices.get("resolution", 64), times=times, seed=seed)
    return [generate(name, samples=samples, output=store, workers=count, **choices) for name, store in stores.items()]


def chosen_problem(
    problem: str | Problem, tracer: bool, precision: str, choices: Mapping[str, Any] | None = None
) -> Problem:
    """The problem of that name, with a tracer if asked for, in that precision, and with other choices."""
    wanted = {"tracer": True} if tracer else {}
    wanted |= ({"precision": precision} if precision != "double" else {}) | dict(choices or {})
    if isinstance(problem, str):
        return known_problem(problem, **wanted)
    fields = [field.name for field in problem.fields]
    made = {"tracer": "tracer" in fields, **problem.choices, "precision": problem.precision}
    for name, value in wanted.items():
        if str(made.get(name)) != str(value):
            raise ValueError(
                f"{name}={value!r} goes with the name of a problem, got {problem.name!r} made without; "
                f"use problem({problem.name!r}, {name}={value!r})"
            )
    return problem


def cached_batch(plan: Plan, workers: int) -> int:
    """Samples, 256 at most, whose fields at one time are 2^16 numbers or fewer, so few that every process has some."""
    fitting = 2**16 // (len(plan.problem.fields) * plan.resolution**plan.problem.axes)
    return max(1, min(fitting, 256, -(-plan.samples // max(workers, 1))))


def chosen_times(chosen: Problem, snapshots: int | Sequence[float] | None) -> tuple[float, ...]:
    """The snapshot times of a problem: its own, a number of equidistant ones, or those given."""
    if snapshots is None:
        return chosen.times
    if isinstance(snapshots, int):
        return equidistant(chosen.times[-1], snapshots)
    return tuple(float(time) for time in snapshots)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A plan, where it goes, and whether it replaces what is there."""

    plan: Plan
    output: Path
    overwrite: bool = False

    @property
    def growing(self) -> Growing:
        """The store until it is whole."""
        return Growing(output=self.output, plan=self.plan.describe())

    def is_finished(self) -> bool:
        """Whether the output is there already, made by the same plan. Refuses an output that is something else."""
        if self.overwrite or not self.output.exists():
            if self.output.exists() and not (self.output / "zarr.json").exists():
                raise FileExistsError(f"only a Zarr store is overwritten, got {self.output}; choose another output")
            return False
        before = read_plan(self.output)
        if before == self.plan.describe():
            shutil.rmtree(self.growing.partial, ignore_errors=True)
            return True
        if self.kept():
            return False
        raise FileExistsError(
            f"an existing output is kept unless it comes from the same arguments, got {self.output}"
            f"{differences(before, self.plan.describe())}; choose another output or overwrite=True"
        )

    def kept(self) -> int:
        """Number of samples of a finished store that this plan begins with: of the same plan but for their number."""
        before = None if self.overwrite else read_plan(self.output)
        samples = (before or {}).get("samples", 0)
        return samples if before == {**self.growing.plan, "samples": samples} and samples < self.plan.samples else 0

    def keep(self) -> None:
        """Begin with the samples of the finished store that there is."""
        if samples := self.kept():
            adopt_samples(self.output, self.growing.store, self.plan)
            self.growing.journal.add({"samples": samples})

    def require_room(self) -> None:
        """Refuse to start what the disk cannot hold."""
        needed = (self.plan.samples - self.finished()) * self.plan.bytes_per_sample
        require_room(needed, self.output, "free space, or lower samples, resolution or snapshots")

    def finished(self) -> int:
        """Number of samples, from the first on, that are safely in the store."""
        same = self.growing.read_plan() == self.growing.plan
        return self.growing.journal.read().get("samples", 0) if same else self.kept()

    def done(self) -> str:
        """How many samples are finished, in words."""
        return f"{self.finished()} of {self.plan.samples} samples"

    def batches(self, size: int) -> Iterator[range]:
        """The samples still to be made, ``size`` at a time."""
        for first in range(self.finished(), self.plan.samples, size):
            yield range(first, min(first + size, self.plan.samples))

    def execute(self, batches: Sequence[range], workers: int) -> Iterator[int]:
        """Make the batches and yield the number of finished samples after each."""
        with self.growing.until_full(self.done):
            for done in self.written(batches, workers):
                self.growing.journal.add({"samples": done.stop})
                yield done.stop

    def written(self, batches: Sequence[range], workers: int) -> Iterator[range]:
        """Yield each batch, in order, once it is in the store."""
        if workers == 1:
            for samples in batches:
                write_samples(self.growing.store, self.plan, samples)
                yield samples
            return
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        try:
            tasks = [pool.submit(write_samples, self.growing.store, self.plan, samples) for samples in batches]
            for samples, task in zip(batches, tasks, strict=True):
                task.result()
                yield samples
        finally:
            pool.shutdown(cancel_futures=True)


def summary(run: Run) -> str:
    """What a call would make, for reading."""
    plan, chosen = run.plan, run.plan.problem
    size = plan.samples * plan.bytes_per_sample
    return "\n".join(
        [
            f"{chosen.name}: {chosen.title}",
            f"  equation    {chosen.equation}",
            f"  fields      {', '.join(f'{field.name} [{field.units}]' for field in chosen.fields)}",
            f"  shape       {' x '.join(map(str, plan.shape))} ({', '.join(plan.dimensions)}), float32 each",
            f"  times       {plan.times[0]:g} to {plan.times[-1]:g} [{chosen.time_units}]",
            f"  seed        {plan.seed}",
            f"  output      {run.output} ({run.finished()} samples finished)",
            f"  size        {size / 1e6:.1f} MB before compression, {free_bytes(run.output) / 1e6:.1f} MB free",
        ]
    )
