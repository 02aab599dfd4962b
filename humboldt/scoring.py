"""Scores of a model on held-out data, beside what needs no model."""

from __future__ import annotations

import json as json_format
import os
import tempfile
import time
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import xarray as xr

from humboldt.finetune import peak_megabytes
from humboldt.foundations import MissingMatplotlibError, Model, Scores, choose

from .opening import open as open_data
from .pretrained import from_pretrained, random_twin
from .registry import domain
from .writing import made_folder, room


def evaluate(
    model: Model | str | Path,
    data: Any,
    *,
    split: str | None = "test",
    opening: Mapping[str, Any] | None = None,
    twin: bool | Model = False,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    json: bool = False,
    **choices: Any,
) -> xr.Dataset:
    """Score a model on data that it has not seen, beside what needs no model (persistence); print what counts most.

    Args:
        model: what to score, or its name or folder.
        data: a dataset of the model's domain, or what its `open` takes.
        split: the part to score on; None for all that is there.
        opening: how the domain opens a path, such as {"periodic": True}.
        twin: also score the same network with random weights from `seed`, or another model given here (the twin after
            the same training).
        output: a folder for `scores.json`, `scores.nc` and, of fields and where matplotlib is there, spectra and plots.
        json: print a row a score as JSON instead of a table.
        choices: of the domain's `evaluate`: `lead_steps`, `rollout`, `step`, `physical`, `batch_size`, ...

    Returns:
        The scores, with a dimension `forecast`: persistence, model, twin, ...

    Raises:
        ValueError: data that do not fit the model, a choice that the domain does not have.
        WriteError: a folder that cannot be written, or has no room.
    """
    models, part = _asked(model, data, choices, split=split, opening=opening, twin=twin, seed=seed)
    model = models["model"]
    folder = None if output is None else made_folder(Path(output), "an evaluation")
    found = domain(model.domain).evaluate(models, part, **choices)
    found.scores.attrs.update(split=str(split), model=repr(model))
    record = {
        "model": repr(model),
        "provenance": model.provenance,
        "data": dict(part.describe()),
        **{key: value for key, value in found.scores.attrs.items() if key != "model"},
        "rows": found.rows(),
    }
    if folder is not None:
        with room(folder, "an evaluation"):
            _write(found, record, folder)
    print(json_format.dumps(record, indent=1, default=str) if json else found.text())
    return found.scores


def plan_evaluate(model: Model | str | Path, data: Any, **words: Any) -> dict[str, Any]:
    """What `evaluate` would do with the same words: data, models, memory and time, from scoring a few trajectories
    (states, molecules) twice; nothing is written.

    Raises:
        ValueError: as of `evaluate`.
    """
    asked = {name: words.pop(name) for name in ("split", "opening", "twin", "seed") if name in words}
    choices = {name: value for name, value in words.items() if name not in ("output", "json")}
    models, part = _asked(model, data, choices, **asked)
    science = domain(models["model"].domain)
    usual = signature(science.evaluate).parameters["batch_size"].default
    few = part.take(min(choices.get("batch_size", usual), getattr(part, "units", len(part))))
    for _ in range(2):
        start = time.perf_counter()
        science.evaluate(models, few, **choices)
        spent = time.perf_counter() - start
    return {
        "data": dict(part.describe()),
        "models": {name: repr(one) for name, one in models.items()},
        "seconds": round(spent * len(part) / len(few), 1),
        "memory_megabytes": peak_megabytes(),
    }


def _asked(
    model: Model | str | Path,
    data: Any,
    choices: Mapping[str, Any],
    *,
    split: str | None = "test",
    opening: Mapping[str, Any] | None = None,
    twin: bool | Model = False,
    seed: int = 0,
) -> tuple[dict[str, Model], Any]:
    """The models to score and the part of the data."""
    model = from_pretrained(model) if isinstance(model, str | Path) else model
    choose(domain(model.domain).evaluate, choices)
    data = data if hasattr(data, "batch") else open_data(data, domain=model.domain, **(opening or {}))
    part = data if split is None else data.split(split)
    models = {"model": model}
    if twin is not False:
        models["twin"] = random_twin(model, seed) if twin is True else twin
    return models, part


def _write(found: Scores, record: Mapping[str, Any], folder: Path) -> None:
    """Every file is written aside and put in place whole."""
    with tempfile.TemporaryDirectory(prefix=".scoring-", dir=folder) as scratch:
        aside = Path(scratch)
        (aside / "scores.json").write_text(json_format.dumps(record, indent=1, default=str) + "\n")
        for name, dataset in found.datasets().items():
            dataset.to_netcdf(aside / f"{name}.nc")
        try:
            from . import plots

            plots.save_scores(found, aside)
        except MissingMatplotlibError as error:
            print(error)
        for path in sorted(aside.iterdir()):
            os.replace(path, folder / path.name)
