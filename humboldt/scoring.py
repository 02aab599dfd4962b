"""Scores of a model on held-out data, beside what needs no model."""

from __future__ import annotations

import json as json_format
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from humboldt.foundations import MissingMatplotlibError, Model, Scores, choose

from .opening import open as open_data
from .pretrained import from_pretrained, random_twin
from .registry import domain


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
    """
    model = from_pretrained(model) if isinstance(model, str | Path) else model
    science = domain(model.domain)
    choose(science.evaluate, choices)
    data = data if hasattr(data, "batch") else open_data(data, domain=model.domain, **(opening or {}))
    part = data if split is None else data.split(split)
    models = {"model": model}
    if twin is not False:
        models["twin"] = random_twin(model, seed) if twin is True else twin
    found = science.evaluate(models, part, **choices)
    found.scores.attrs.update(split=str(split), model=repr(model))
    record = {
        "model": repr(model),
        "provenance": model.provenance,
        "data": dict(part.describe()),
        **{key: value for key, value in found.scores.attrs.items() if key != "model"},
        "rows": found.rows(),
    }
    if output is not None:
        _write(found, record, Path(output))
    print(json_format.dumps(record, indent=1, default=str) if json else found.text())
    return found.scores


def _write(found: Scores, record: Mapping[str, Any], folder: Path) -> None:
    """Every file is written aside and put in place whole."""
    folder.mkdir(parents=True, exist_ok=True)
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
