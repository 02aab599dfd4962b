"""Adapt a pretrained model to data, or pretrain one: where a domain meets a fine-tuning method."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from humboldt.finetune import Featured, Method, Mixture, Recipe, RunFolderError, fit, plan, with_adapters_of
from humboldt.foundations import ConfigError, Model, to_dict

from .batch import staged
from .batch.staging import PLACE
from .choosing import advice, as_method, automatic, divided, is_automatic
from .registry import domain as domain_called
from .view import arranged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Everything that a run needs: what `fit` and `plan` take."""

    model: Model
    train: Any
    validation: Any
    recipe: Recipe
    method: Method
    run: dict[str, Any]


def finetune(
    model: Model | str | Path,
    data: Any,
    *,
    method: str | Mapping[str, Any] | Method = "full",
    task: str = "forecast",
    samples: int | None = None,
    opening: Mapping[str, Any] | None = None,
    notes: Mapping[str, Mapping[str, Any]] | None = None,
    revision: str | None = None,
    cached: bool = False,
    seed: int = 0,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
    keep_adapter: bool = False,
    **recipe: Any,
) -> Model:
    """A copy of a model, tuned to data; the step with the lowest validation loss where there are validation data.

    Args:
        model: a model, or what `from_pretrained` takes.
        data: a dataset, or what the domain's `open` takes. Its `train` part is learned from, its `validation` part,
            if it has one, chooses the best step.
        method: a name of `humboldt info methods`, with options as {"name": "lora", "rank": 4}; a `Method`; or `auto`,
            which picks by `humboldt.choosing.automatic`.
        task: `forecast` keeps the model's head; another task gets a new one (graphs: `regression`, `classification`).
        samples: train on this many trajectories (sites, molecules); all by default.
        opening: how the domain opens a path, such as {"periodic": True, "split": {"train": 16, "test": 8}}.
        notes: what samples are told beside their state, by part and kind, a row a sample of the part: {"train":
            {"task": rows}, "validation": {"task": rows}}; kinds are those of `humboldt.finetune.Featured`.
        revision: branch, tag or commit of a hub repository; the record of the run names the commit.
        cached: keep what the frozen trunk makes of every sample (`method="head"`): the trunk runs once a sample.
        seed: of new weights and of the order of samples.
        output: run folder. A run that was killed goes on from there, and `from_pretrained` reads the result from it.
        overwrite: begin anew in a folder that holds another run.
        progress: show a progress bar on a terminal.
        keep_adapter: leave the method's adapter in the model instead of merging it: a further `finetune` of it, by the
            same method and options, goes on with that adapter on other data (`lae` is made for it).
        recipe: fields of `humboldt.finetune.Recipe`: steps, batch_size, core_rate, ... What is not given is what the
            checkpoint advises (see `advice`), else the default of `Recipe`. What is no such field is an option of the
            method: `method="hydra", rank=4`.

    Raises:
        ConfigError: an unknown recipe key, method or option (with the nearest known one).
        RunFolderError: the folder holds another run, cannot be written, or has no room.
        ValueError: data that do not fit the model.
    """
    told = dict(notes or {})
    if odd := sorted(told.keys() - {"train", "validation"}):
        raise ConfigError(f"notes are for the parts train and validation, got {odd}; name the part that they are of")
    ready = prepare(
        model,
        data,
        method=method,
        task=task,
        samples=samples,
        opening=opening,
        revision=revision,
        cached=cached,
        seed=seed,
        output=output,
        **recipe,
    )
    train, validation = noted(ready.train, told.get("train")), noted(ready.validation, told.get("validation"))
    return fit(
        ready.model, train, validation, ready.recipe, ready.method, output,
        run=ready.run, overwrite=overwrite, progress=progress, keep_adapter=keep_adapter,
    )  # fmt: skip


def plan_finetune(model: Model | str | Path, data: Any, **choices: Any) -> dict[str, Any]:
    """What `finetune` would do: data, steps, trained parameters, memory, time; nothing is written."""
    for word in ("overwrite", "progress", "keep_adapter"):
        choices.pop(word, None)
    ready = prepare(model, data, **choices)
    return plan(ready.model, ready.train, ready.validation, ready.recipe, ready.method)


def prepare(
    model: Model | str | Path,
    data: Any,
    *,
    method: str | Mapping[str, Any] | Method = "full",
    task: str = "forecast",
    samples: int | None = None,
    opening: Mapping[str, Any] | None = None,
    revision: str | None = None,
    cached: bool = False,
    seed: int = 0,
    output: str | Path | None = None,
    **recipe: Any,
) -> Prepared:
    """Check the words, open the data, match the model to them; cheap things first."""
    method, recipe = divided(method, recipe)
    said, schedule = None if is_automatic(method) else as_method(method), Recipe().replace(**recipe, seed=seed)
    name = str(model) if isinstance(model, str | Path) else None
    started = load(model, revision)
    way = automatic(started) if said is None else said
    advised = advice(started, way, by_rows=schedule.strategy == "fsdp")
    schedule = Recipe().replace(**{**advised, **recipe}, seed=seed)
    source = str(data) if isinstance(data, str | Path) else None
    if source is not None and os.environ.get(PLACE) and Path(source).exists():
        data = staged(source)
    data = opened(started.domain, data, opening)
    train = data.split("train")
    train = train if samples is None else train.take(samples)
    science = domain_called(started.domain)
    started = with_adapters_of(started, lambda plain: science.fitted(plain, train, task, seed=seed))
    commit = started.provenance.get("loaded", {}).get("revision") if name is not None else None
    run = {"model": name, "data": source, "revision": commit, "task": task, "samples": samples}
    run["opening"] = dict(opening or {})
    validation = held_out(data)
    kept = None if validation is None else arranged(validation, started)
    train = arranged(train, started)
    if cached:
        train, kept = encoded(train, started, way), None if kept is None else encoded(kept, started, way)
        run["cached"] = True
    return Prepared(started, train, kept, schedule, way, run)


def encoded(part: Any, model: Model, way: Method) -> Any:
    """A part with the tokens of a frozen trunk.

    Raises:
        ConfigError: a method that trains more than the head, or data that come otherwise each time.
    """
    from .encoding import Encoded

    if way.name != "head":
        raise ConfigError(f"tokens can be kept where the trunk is frozen, got the method {way.name!r}; take 'head'")
    return Encoded(part, model)


def pretrain(
    config: Any,
    data: Sequence[Any],
    *,
    domain: str = "pde",
    opening: Mapping[str, Any] | None = None,
    weights: Sequence[float] | None = None,
    validate: bool = True,
    seed: int = 0,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **recipe: Any,
) -> Model:
    """A model with fresh weights, trained on a mixture of datasets; every batch comes from one of them.

    Args:
        config: the domain's configuration, or the dictionary that a checkpoint holds.
        data: datasets, or what the domain's `open` takes; channels that one lacks are masked.
        domain: name of the domain.
        opening: how the domain opens paths, as in `finetune`.
        weights: share of batches of each dataset, by its number of samples if not given.
        validate: choose the best step by the `validation` parts.
        seed: of the weights and of the order of samples.
        output, overwrite, progress, recipe: as in `finetune`.

    Raises:
        ConfigError, RunFolderError, ValueError: as in `finetune`.
    """
    import torch

    schedule = Recipe().replace(**recipe, seed=seed)
    science = domain_called(domain)
    datasets = [opened(domain, source, opening) for source in data]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = science.build(config)
    parts = [dataset.split("train") for dataset in datasets]
    model = science.with_statistics(model, [part.statistics() for part in parts])
    train = Mixture([science.arranged(part, model) for part in parts], weights)
    kept = [part for part in map(held_out, datasets) if part is not None] if validate else []
    validation = Mixture([science.arranged(part, model) for part in kept]) if kept else None
    run = {"domain": domain, "config": to_dict(model.config), **({"opening": dict(opening)} if opening else {})}
    return fit(model, train, validation, schedule, None, output, run=run, overwrite=overwrite, progress=progress)


def load(model: Model | str | Path, revision: str | None = None) -> Model:
    """The model, or the one of that name and revision."""
    if isinstance(model, Model):
        return model
    from .pretrained import from_pretrained

    return from_pretrained(str(model), revision=revision)


def opened(domain: str, data: Any, opening: Mapping[str, Any] | None = None) -> Any:
    """A dataset of this domain, from what its `open` takes, or as it is.

    Raises:
        ValueError: a dataset of another domain.
    """
    if not hasattr(data, "batch"):
        from .opening import open as open_data

        return open_data(data, domain=domain, **(opening or {}))
    home = type(data).__module__.split(".")
    if home[:2] == ["humboldt", "domains"] and home[2] != domain:
        raise ValueError(
            f"a model learns from data of its own domain, got {home[2]} data for a {domain} model; load a model of "
            f"the {home[2]} domain"
        )
    return data


def noted(part: Any, rows: Mapping[str, Any] | None) -> Any:
    """The part with notes for its samples, if there are any."""
    return Featured(part, **rows) if part is not None and rows else part


def held_out(data: Any) -> Any:
    """The validation part, or None where there is none."""
    try:
        return data.split("validation")
    except ValueError as error:
        log.info("no validation: %s", error)
        return None


__all__ = ["RunFolderError", "finetune", "plan_finetune", "pretrain"]
