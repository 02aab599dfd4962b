"""Learning from few: the same episodes for every method, with random weights as the control."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..adapting import finetune
from ..choosing import as_method, is_automatic
from ..measuring import measure
from ..pretrained import from_pretrained
from ..results import Result, digest, provenance, read_results
from ..view import Chosen
from .episodes import SIZES, Episode, episodes
from .states import ProtocolError

log = logging.getLogger(__name__)


def few_shot(
    name: str,
    data: Any,
    *,
    methods: Sequence[str] = ("head", "full"),
    sizes: Sequence[int] = SIZES,
    count: int = 3,
    seed: int = 0,
    control: bool = True,
    task: str = "forecast",
    data_name: str = "data",
    lead_steps: Sequence[int] | None = None,
    opening: Mapping[str, Any] | None = None,
    done: str | Path | None = None,
    **recipe: Any,
) -> Iterator[Result]:
    """Train on every episode with every method, and score on the test part.

    The validation part chooses the best step and the test part is looked at once: a score at the best step of the same
    part would be too good.

    Args:
        name: a model that `from_pretrained` takes.
        data: a dataset with a training and a test part.
        methods: names, with options as `hydra:rank=4`; the control trains everything.
        sizes, count, seed: of the episodes; sizes that the training part does not have are left out.
        control: also train the same network from random weights.
        task: as in `finetune`.
        data_name: for the records.
        lead_steps: frames ahead that are scored (PDEs).
        opening: how the data were opened, for the records.
        done: a file of records; what is in it, of this model with this task and recipe, is not run again.
        recipe: fields of `Recipe`.

    Raises:
        ConfigError: an unknown method or option.
        ProtocolError: no episode fits.
    """
    for words in methods:
        if not is_automatic(words):
            as_method(words)  # words first, trainings after
    train = data.split("train")
    chosen = episodes(train, sizes=sizes, count=count, seed=seed, skip=True)
    if not chosen:
        raise ProtocolError(f"an episode has at most {train.units} units here, got sizes {list(sizes)}; ask for fewer")
    if absent := [size for size in sizes if size > train.units]:
        log.warning("episodes of %s are left out: the training part has %d units", absent, train.units)
    asked = {"task": task, "lead_steps": lead_steps and list(lead_steps), "recipe": dict(recipe)}
    asked |= {"opening": dict(opening)} if opening else {}
    there = read_results(done) if done is not None and Path(done).is_file() else []
    old = {_label(r.model, r.method, r.control, r.settings) for r in there}
    for episode in chosen:
        settings = {"episode": episode.hash, "units": list(episode.units), "number": episode.number, **asked}
        for method, random in [*((m, False) for m in methods), *([("full", True)] if control else [])]:
            if _label(name, method, random, settings) not in old:
                yield _trained(name, data, episode, method, random, settings, data_name)


def _trained(
    name: str,
    data: Any,
    episode: Episode,
    method: str,
    random: bool,
    settings: dict[str, Any],
    data_name: str,
) -> Result:
    start, began = from_pretrained(name, random=random, seed=episode.number), time.process_time()
    lesson, recipe = Chosen(data, episode), settings["recipe"]
    tuned = finetune(start, lesson, method=method, task=settings["task"], seed=episode.number, progress=False, **recipe)
    spent = time.process_time() - began
    found = measure(tuned, data.split("test"), lead_steps=settings["lead_steps"])
    return Result(
        protocol="few-shot",
        model=name,
        method=method,
        control=random,
        data=data_name,
        metric=found.metric,
        unit=found.unit,
        value=found.value,
        scores=found.samples,
        samples=episode.size,
        steps=tuned.provenance["recipe"]["steps"],
        cpu_seconds=round(spent, 1),
        settings=settings,
        **provenance(tuned, data, seed=episode.seed),
    )


def _label(model: str, method: str, random: bool, settings: Mapping[str, Any]) -> str:
    """What tells one training from another: a record of it is not made twice."""
    return digest([model, method, random, settings])
