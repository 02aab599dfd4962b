"""One run of a comparison: a network is tuned in one way, the best strength is kept, and the result is scored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from humboldt.finetune import Recipe, TargetError, step_memory, trained_parameters
from humboldt.foundations import Model, to_dict

from .adapting import finetune
from .choosing import advice, as_method
from .measuring import mean_loss, measure
from .pretrained import from_pretrained
from .registry import domain
from .results import PARTS, Result, provenance
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


@dataclass(frozen=True)
class Question:
    """What a comparison asks of every method; the arguments of `compare`."""

    model: str
    data: Any
    task: str
    opening: Mapping[str, Any]
    recipe: Mapping[str, Any]
    lead_steps: Sequence[int] | None
    strengths: tuple[float, ...]

    def describe(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**vars(self), "data": self.source}

    @property
    def source(self) -> str:
        """The name of the data in records: of a path or of what was opened from one."""
        if hasattr(self.data, "batch"):
            return Path(str(self.data.describe().get("source", "data"))).name
        return Path(self.data).name if isinstance(self.data, str | Path) else "data"

    def opened(self, model: Model) -> Any:
        """The data as the model's domain opens them, if they are not open yet."""
        from .opening import open as open_data

        return self.data if hasattr(self.data, "batch") else open_data(self.data, domain=model.domain, **self.opening)

    def begun(self) -> Model:
        """The model with the channels of the data and the head of the task, as every run begins with it.

        Raises:
            ValueError: a part is missing.
        """
        start = from_pretrained(self.model)
        data = self.opened(start)
        train, *_ = (data.split(part) for part in PARTS)
        return domain(start.domain).fitted(start, train, self.task)


@dataclass(frozen=True)
class Tuned:
    """What came of a job at one strength.

    Attributes:
        way, lesson: the method, and the data that it learned from.
        model: after training.
        validation: its loss on the validation part.
    """

    strength: float
    way: Any
    lesson: Any
    model: Model
    validation: float


def run(question: Question, job: Job) -> dict[str, Any]:
    """Train a job at every strength, keep the one that validates best, score it on the test part."""
    start = from_pretrained(question.model, random=job.method == RANDOM, seed=job.seed)
    data = question.opened(start)
    fitted = domain(start.domain).fitted(start, data.split("train"), question.task)
    before, cpu = time.perf_counter(), time.process_time()
    best = tuned(question, job, start, data)
    seconds, spent = time.perf_counter() - before, round(time.process_time() - cpu, 1)
    found = measure(best.model, data.split("test"), lead_steps=question.lead_steps)
    recipe = best.model.provenance["recipe"]
    settings = {"task": question.task, "strength": best.strength, "batch_size": recipe["batch_size"]}
    result = Result(
        protocol="comparison",
        model=question.model,
        method=job.method,
        control=job.method == RANDOM,
        data=question.source,
        metric=found.metric,
        unit=found.unit,
        value=found.value,
        scores=found.samples,
        samples=job.samples,
        steps=recipe["steps"],
        cpu_seconds=spent,
        settings={**settings, "opening": dict(question.opening)} if question.opening else settings,
        **provenance(best.model, data, seed=job.seed),
    )
    return {
        **asdict(job),
        "model": question.model,
        "error": found.value,
        "validation": best.validation,
        "strength": best.strength,
        "trained": trained_parameters(best.way, fitted),
        "seconds": round(seconds, 1),
        "cpu": spent,
        "merged": not best.model.adapted,
        **costs(best, fitted, recipe["batch_size"]),
        "parent": best.model.provenance["data"]["parent"],
        "recipe": recipe,
        "data": dict(data.describe()),
        "result": to_dict(result),
    }


def tuned(question: Question, job: Job, start: Model, data: Any) -> Tuned:
    """The job at the strength that validates best; one whose loss is not finite comes last."""
    words = "full" if job.method == RANDOM else job.method
    tried = []
    for strength in strengths_of(start, words, question.strengths):
        way, lesson = taught(strengthened(words, strength), data, start, question.task)
        others = {name: value for name, value in question.recipe.items() if name not in RATES}
        model = finetune(
            start, lesson, method=way, task=question.task, samples=job.samples, seed=job.seed, progress=False,
            **rates_of(start, way, question.recipe, strength), **others,
        )  # fmt: skip
        tried.append(Tuned(strength, way, lesson, model, mean_loss(model, data.split("validation"))))
    return min(tried, key=lambda one: (not np.isfinite(one.validation), one.validation))


def costs(best: Tuned, fitted: Model, batch_size: int) -> dict[str, float]:
    """What a training step holds (MB), and CPU seconds of a prediction over those of the untuned model."""
    part = arranged(best.lesson.split("train"), fitted)
    batch = part.batch(range(min(batch_size, len(part))))
    times: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        for _ in range(4):
            for model, found in zip((best.model, fitted.eval()), times, strict=True):
                before = time.process_time()
                model(batch)
                found.append(time.process_time() - before)
    memory = step_memory(best.way, fitted, batch) / 2**20
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
