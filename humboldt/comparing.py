"""Which way to adapt: methods x numbers of samples x seeds on one data set, as jobs that can be stopped and resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from humboldt.finetune import differences
from humboldt.foundations import ConfigError, from_dict

from .comparison_run import RANDOM, Job, Question, applicable, run
from .comparison_table import table
from .results import Result, write_results


def compare(
    model: str,
    data: Any,
    *,
    methods: Sequence[str],
    samples: Sequence[int] = (4, 16),
    seeds: Sequence[int] = (0, 1, 2),
    strengths: Sequence[float] = (1.0, 4.0),
    opening: Mapping[str, Any] | None = None,
    lead_steps: Sequence[int] | None = None,
    task: str = "forecast",
    output: str | Path,
    limit: float | None = None,
    **recipe: Any,
) -> list[dict[str, Any]]:
    """Adapt `model` in every way, and score every result on the test part, the random control among them.

    Every job is trained once for each of `strengths`, which multiply all its learning rates; the one with the lowest
    loss on the validation part is scored. Where the checkpoint advises the rates (full training), they are taken as
    they are, and the job is trained once. A method that finds no layer of its kind in the model is left out, and said.

    Records are JSON files, one a job; a job whose file is there is not run again, so the command may be stopped, given
    again, and given as an array of jobs with other seeds or methods, into one folder. Seed comes after seed.

    Args:
        model: a name that `from_pretrained` takes.
        data: what the domain's `open` takes; it has parts to train on, to validate and to test.
        methods: names, with options as `hydra:rank=4`.
        samples: trajectories (sites, molecules) to train on.
        seeds: of the order of samples, and of new weights.
        strengths: factors of the learning rates among which validation chooses.
        opening: how the domain opens a path.
        lead_steps: frames ahead that are scored (PDEs); all by default.
        task: what the tuned models do, as in `finetune`.
        output: folder of records, `results.jsonl`, table and plot.
        limit: CPU seconds after which no new job begins; none by default.
        recipe: fields of `Recipe`, for all alike.

    Returns:
        All records in the folder.

    Raises:
        ConfigError: an unknown method or option, or a folder that holds another comparison.
    """
    output = Path(output)
    (output / "records").mkdir(parents=True, exist_ok=True)
    question = Question(model, data, task, dict(opening or {}), recipe, lead_steps, tuple(strengths))
    require_question(output, question.describe())
    began = time.process_time()
    kept = applicable(methods, question.begun())
    for job in jobs([RANDOM, *kept], samples, seeds):
        path = output / "records" / f"{job.name.replace(':', '_')}.json"
        if path.is_file():
            continue
        if limit is not None and time.process_time() - began > limit:
            print(f"{limit:.0f} CPU seconds are over; the same command goes on")
            break
        record = run(question, job)
        put(path, record)
        print(f"{job.name:28} error {record['error']:.4f}  trained {record['trained']:,}  CPU {record['cpu']:.0f} s")
    found = records(output)
    write_results(
        output / "results.jsonl", [from_dict(Result, record["result"]) for record in found if "result" in record]
    )
    (output / "table.md").write_text(table(found))
    return found


def require_question(folder: Path, asked: Mapping[str, Any]) -> None:
    """Refuse a folder of records that answer something else; methods, samples and seeds may be added to it.

    Raises:
        ConfigError: says what differs.
    """
    path, ours = folder / "question.json", json.loads(json.dumps(asked, default=str))
    if path.is_file() and (found := differences(json.loads(path.read_text()), ours)):
        raise ConfigError(
            f"a folder holds one comparison, {folder} holds another: {'; '.join(found[:3])}; name another --output"
        )
    if not path.is_file():
        put(path, ours)


def put(path: Path, said: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all: the run may be killed, and others may read it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(said, indent=1) + "\n")
    os.replace(aside, path)


def jobs(methods: Sequence[str], samples: Sequence[int], seeds: Sequence[int]) -> Iterator[Job]:
    """Every run, seed by seed."""
    return (Job(m, n, seed) for seed in seeds for n in samples for m in methods)


def records(folder: str | Path) -> list[dict[str, Any]]:
    """Every record of a comparison."""
    return [json.loads(path.read_text()) for path in sorted((Path(folder) / "records").glob("*.json"))]
