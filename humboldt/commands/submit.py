"""humboldt submit RECIPE.yaml --array 'method=[full,lora],seed=[0,1,2]' --output sweep"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..batch import Submission, expand, load_profile
from ..cli import UsageError, make_parser, option, parse

ASKED = (
    "account",
    "partition",
    "time",
    "nodes",
    "tasks_per_node",
    "cpus_per_task",
    "gpus_per_node",
    "memory",
    "at_once",
)


def run(words: Sequence[str]) -> int:
    """Submit an array of fine-tunings, or run it here."""
    parser = make_parser(
        "submit",
        "Write a batch script for one or many runs of a recipe, and hand it to the queue. The folder holds the script, "
        "a recipe, a log and a result for each task; the same command goes on with what is not done.",
    )
    parser.add_argument("recipe", type=str, help="YAML file as humboldt finetune takes it, with model and data")
    add = parser.add_argument
    option(add, "output", str | None, None, "folder of the submission")
    option(add, "array", str, "", "choices of the tasks, such as 'method=[full,lora],seed=[0,1,2]'")
    option(add, "profile", str | None, None, "site: a name or a YAML file")
    option(add, "account", str | None, None, "account that pays")
    option(add, "partition", str | None, None, "partition or queue")
    option(add, "time", str | None, None, "time limit of a task [HH:MM:SS]")
    option(add, "nodes", int | None, None, "machines of a task")
    option(add, "tasks_per_node", int | None, None, "processes of each machine; they share out every batch")
    option(add, "cpus_per_task", int | None, None, "cores of a process")
    option(add, "gpus_per_node", int | None, None, "accelerators of each machine")
    option(add, "memory", str | None, None, "memory of each machine, such as 16G")
    option(add, "at_once", int | None, None, "tasks that run at the same time; all if not given")
    option(add, "local", bool, False, "run the tasks one after another on this machine")
    option(add, "wait", bool, False, "wait for the job, then print the summary")
    option(add, "summary", bool, False, "only print what became of the tasks")
    option(
        add, "dry_run", bool, False, "print the script and an estimate (from two steps on this machine); write nothing"
    )
    given = parse(parser, words)
    return call(given)


def call(given: dict[str, Any]) -> int:
    """Do what parsed values say; of runs that have ended, 0 if all ended well, 85 if they were told to stop, else 1."""
    from humboldt.finetune import EXIT, read_yaml

    if given["output"] is None:
        raise UsageError("a submission is a folder, got none; add --output FOLDER")
    profile = load_profile(given["profile"], **{name: given[name] for name in ASKED})
    if given["wait"] and profile.scheduler != "slurm":
        raise UsageError(f"waiting is for jobs of slurm, got {profile.scheduler}; leave out --wait, ask by --summary")
    submission = Submission(Path(given["output"]), profile, expand(given["array"]))
    recipe = read_yaml(given["recipe"])
    recipes = submission.recipes(recipe)
    for own in recipes:
        check(own, profile.processes)
    if given["dry_run"]:
        print(submission.script())
        print(estimate(recipes, profile))
        return 0
    if not given["summary"]:
        submission.lay_down(recipe)
        if given["local"] and not submission.run_here():
            print(submission.summary())
            print("humboldt: a task was told to stop and is saved; the same command goes on", file=sys.stderr)
            return EXIT
        if not given["local"]:
            job = submission.submit()
            print(f"job {job} of {len(recipes)} tasks in {submission.folder}")
            if not given["wait"]:
                return 0
            submission.wait(job)
    print(submission.summary())
    return 0 if given["summary"] or submission.done else 1


def check(recipe: dict[str, Any], processes: int) -> None:
    """Refuse a task that would fail in the queue: a key or value that a run does not take, a batch that is not even.

    Raises:
        UsageError, ConfigError: as `humboldt finetune` says; a batch that the processes cannot share out.
    """
    from humboldt.finetune import FIELDS, Recipe, World, shared_out

    from ..choosing import as_method, is_automatic
    from .finetune import parsed

    given = parsed([], dict(recipe))
    if given["model"] is None or given["data"] is None:
        raise UsageError("a recipe to submit names a model and data, got none of one; add model: and data: to it")
    schedule = Recipe().replace(**{name: given[name] for name in FIELDS if name in given})
    if not is_automatic(given["method"]):
        as_method(given["method"])
    shared_out(list(range(schedule.batch_size)), World(size=processes))


def memory(found: dict[str, Any], given: dict[str, Any], processes: int) -> str:
    """What a process needs, as measured here; by rows it has its part of weights, gradients and moments alone."""
    measured = found["memory_megabytes"]
    if given.get("strategy") != "fsdp" or processes == 1:
        return f"{measured} MB (measured here)"
    elsewhere = (4e-6 * found["parameters"] + 12e-6 * found["trained parameters"]) * (1 - 1 / processes)
    return f"{measured - elsewhere:.0f} MB ({measured} MB measured here, less the rows that others hold)"


def estimate(recipes: Sequence[dict[str, Any]], profile: Any) -> str:
    """Memory, time and core-hours of the array, from two steps of its first task on this machine."""
    from humboldt.finetune import FIELDS

    from ..adapting import plan_finetune
    from .finetune import parsed

    given = parsed([], dict(recipes[0]))
    model, data = given.pop("model"), given.pop("data")
    given.pop("dry_run")
    if profile.processes > 1:
        given["batch_size"] = given.get("batch_size", FIELDS["batch_size"].default) // profile.processes
    found = plan_finetune(model, data, **given)
    hours = found["seconds"] / 3600
    return "\n".join(
        [
            f"tasks: {len(recipes)}, each of {profile.processes} processes with {profile.cpus_per_task} cores",
            f"memory per process: {memory(found, given, profile.processes)}",
            f"time per step: {found['seconds per step']} s (measured here, without communication)",
            f"time per task: {found['seconds']} s for {found['steps']} steps, without start and validation",
            f"core-hours: {hours * profile.cores * len(recipes):.3g} in all",
        ]
    )
