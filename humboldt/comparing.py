"""Which way to adapt: methods x numbers of samples x seeds on one data set, as jobs that can be stopped and resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from humboldt.finetune import TargetError, differences, step_memory, trained_parameters
from humboldt.foundations import ConfigError, Model, from_dict, to_dict

from .adapting import finetune
from .choosing import advice, as_method
from .comparison_table import table
from .measuring import mean_loss, measure
from .pretrained import from_pretrained
from .registry import domain
from .results import PARTS, Result, provenance, write_results
from .view import arranged

RANDOM = "random"
"""The control: full training, as long, of the same network with random weights."""


@dataclass(frozen=True)
class Job:
    """One run: a method, trained on so many samples, from one seed."""

    method: str
    samples: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.method}-{self.samples}-{self.seed}"


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
    asked = {"model": model, "data": named(data), "task": task, "opening": dict(opening or {}), "recipe": recipe}
    require_question(output, {**asked, "lead_steps": lead_steps, "strengths": strengths})
    began = time.process_time()
    kept = applicable(methods, begun(model, data, opening, task))
    for job in jobs([RANDOM, *kept], samples, seeds):
        path = output / "records" / f"{job.name.replace(':', '_')}.json"
        if path.is_file():
            continue
        if limit is not None and time.process_time() - began > limit:
            print(f"{limit:.0f} CPU seconds are over; the same command goes on")
            break
        record = run(model, data, job, strengths, opening, lead_steps, task, recipe)
        put(path, record)
        print(f"{job.name:28} error {record['error']:.4f}  trained {record['trained']:,}  CPU {record['cpu']:.0f} s")
    found = records(output)
    write_results(
        output / "results.jsonl", [from_dict(Result, record["result"]) for record in found if "result" in record]
    )
    (output / "table.md").write_text(table(found))
    return found


def named(data: Any) -> str:
    """The name of data in records: of a path or of what was opened from one."""
    if hasattr(data, "batch"):
        return Path(str(data.describe().get("source", "data"))).name
    return Path(data).name if isinstance(data, str | Path) else "data"


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


def begun(name: str, data: Any, opening: Mapping[str, Any] | None, task: str) -> Model:
    """The model with the channels of the data and the head of the task, as every run begins with it.

    Raises:
        ValueError: a part is missing.
    """
    start = from_pretrained(name)
    train, *_ = (opened_as(start, data, opening).split(part) for part in PARTS)
    return domain(start.domain).fitted(start, train, task)


def opened_as(model: Model, data: Any, opening: Mapping[str, Any] | None) -> Any:
    """The data as the model's domain opens them, if they are not open yet."""
    from .opening import open as open_data

    return data if hasattr(data, "batch") else open_data(data, domain=model.domain, **(opening or {}))


def applicable(methods: Sequence[str], model: Model) -> list[str]:
    """Those methods that find what they adapt in a model; the others are named on the screen.

    Raises:
        ConfigError: an unknown method or option.
    """
    found = []
    for words in methods:
        try:
            trained_parameters(strengthened(words, 1.0), model)
        except TargetError as error:
            print(f"{words} is left out: {error}")
            continue
        found.append(words)
    return found


def jobs(methods: Sequence[str], samples: Sequence[int], seeds: Sequence[int]) -> Iterator[Job]:
    """Every run, seed by seed."""
    return (Job(m, n, seed) for seed in seeds for n in samples for m in methods)


def run(
    name: str,
    data: Any,
    job: Job,
    strengths: Sequence[float],
    opening: Mapping[str, Any] | None,
    lead_steps: Sequence[int] | None,
    task: str,
    recipe: Mapping[str, Any],
) -> dict[str, Any]:
    """Train a job at every strength, keep the one that validates best, score it on the test part."""
    is_random = job.method == RANDOM
    start = from_pretrained(name, random=is_random, seed=job.seed)
    opened = opened_as(start, data, opening)
    fitted = domain(start.domain).fitted(start, opened.split("train"), task)
    before, cpu = time.perf_counter(), time.process_time()
    tried = []
    words = "full" if is_random else job.method
    for strength in strengths_of(start, words, strengths):
        way = strengthened(words, strength)
        way, lesson = taught(way, opened, start, task)
        rates = {**rates_of(start, way, recipe, strength), **{k: v for k, v in recipe.items() if k not in RATES}}
        tuned = finetune(
            start, lesson, method=way, task=task, samples=job.samples, seed=job.seed, progress=False, **rates
        )
        tried.append((mean_loss(tuned, opened.split("validation")), strength, tuned))
    best, strength, tuned = min(tried, key=lambda row: (not np.isfinite(row[0]), row[0]))
    seconds, spent = time.perf_counter() - before, time.process_time() - cpu
    found = measure(tuned, opened.split("test"), lead_steps=lead_steps)
    described, how = tuned.provenance["recipe"], {"opening": dict(opening)} if opening else {}
    result = Result(
        protocol="comparison",
        model=name,
        method=job.method,
        control=is_random,
        data=named(data if isinstance(data, str | Path) else opened),
        metric=found.metric,
        unit=found.unit,
        value=found.value,
        scores=found.samples,
        samples=job.samples,
        steps=described["steps"],
        cpu_seconds=round(spent, 1),
        settings={"task": task, "strength": strength, "batch_size": described["batch_size"], **how},
        **provenance(tuned, opened, seed=job.seed),
    )
    return {
        **asdict(job),
        "model": name,
        "error": found.value,
        "validation": best,
        "strength": strength,
        "trained": trained_parameters(way, fitted),
        "seconds": round(seconds, 1),
        "cpu": round(spent, 1),
        "merged": not tuned.adapted,
        **costs(way, tuned, fitted, lesson, described["batch_size"]),
        "parent": tuned.provenance["data"]["parent"],
        "recipe": described,
        "data": dict(opened.describe()),
        "result": to_dict(result),
    }


def costs(way: Any, tuned: Model, fitted: Model, data: Any, batch_size: int) -> dict[str, float]:
    """What a training step holds (MB), and CPU seconds of a prediction over those of the untuned model."""
    part = arranged(data.split("train"), fitted)
    batch = part.batch(range(min(batch_size, len(part))))
    times: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        for _ in range(4):
            for model, found in zip((tuned, fitted.eval()), times, strict=True):
                before = time.process_time()
                model(batch)
                found.append(time.process_time() - before)
    memory = step_memory(way, fitted, batch) / 2**20
    return {"memory": round(memory, 1), "inference": round(min(times[0]) / max(min(times[1]), 1e-9), 3)}


def taught(way: Any, data: Any, start: Model, task: str) -> tuple[Any, Any]:
    """The method and the data that it learns from: feature transfer has the start itself as its teacher, so that what
    it adds is to stay near to what pretraining knew."""
    from humboldt.finetune.methods import AFT

    from .view import Taught

    if not isinstance(way, AFT):
        return way, data
    teacher = domain(start.domain).fitted(start, data.split("train"), task)
    return replace(way, width=teacher.config.core.scales[0].width), Taught(data, teacher)


RATES = ("core_rate", "embedding_rate", "norm_rate")


def rates_of(model: Any, way: Any, recipe: Mapping[str, Any], strength: float) -> dict[str, Any]:
    """What the checkpoint advises as it is (it was chosen among several), else the recipe's rates times `strength`."""
    from humboldt.finetune import Recipe

    if found := advice(model, way):
        return found
    said = Recipe().replace(**recipe)
    return {rate: strength * getattr(said, rate) for rate in RATES}


def strengths_of(model: Any, words: str, strengths: Sequence[float]) -> tuple[float, ...]:
    """The strengths that are worth trying: one where the checkpoint says at which rates, which no strength changes."""
    return (1.0,) if advice(model, strengthened(words, 1.0)) else tuple(strengths)


def strengthened(words: str, strength: float) -> Any:
    """A method from `name:option=value,...`, with its own rate times `strength`."""
    way = as_method(words)
    return replace(way, rate=strength * way.rate) if hasattr(way, "rate") else way  # type: ignore[type-var]


def records(folder: str | Path) -> list[dict[str, Any]]:
    """Every record of a comparison."""
    return [json.loads(path.read_text()) for path in sorted((Path(folder) / "records").glob("*.json"))]
