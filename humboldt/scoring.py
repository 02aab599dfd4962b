"""Scores of a model on held-out data, beside what needs no model."""

from __future__ import annotations

import json as json_format
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.domains.pde import Evaluation, median_table
from humboldt.foundations import Model

from .adapting import arranged
from .opening import open as open_data
from .registry import domain


def evaluate(
    model: Model,
    data: Any,
    *,
    split: str | None = "test",
    opening: Mapping[str, Any] | None = None,
    lead_steps: Sequence[int] | None = None,
    rollout: str = "direct",
    step: float | None = None,
    twin: bool | Model = False,
    physical: bool = False,
    batch_size: int = 8,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    json: bool = False,
) -> xr.Dataset:
    """Score forecasts from the first frame of every trajectory, with persistence beside them; print the medians.

    Args:
        model: what to score.
        data: a dataset of the model's domain, or what its `open` takes.
        split: the part to score on; None for all that is there.
        opening: how the domain opens a path, such as {"periodic": True}.
        lead_steps: how many frames ahead to look; all by default.
        rollout: `direct` predicts each lead time at once, `autoregressive` goes in steps.
        step: length of an autoregressive step in the model's time units; the spacing of the frames by default.
        twin: also score the same network with random weights from `seed`, or another model given here (the twin after
            the same training).
        physical: errors of fields in physical units instead of normalised ones (the published convention).
        batch_size: trajectories at a time.
        output: a folder for `scores.json`, `scores.nc`, `spectra.nc` and, where matplotlib is there, plots.
        json: print the medians as JSON instead of a table.

    Returns:
        `relative_l1`, `relative_l2` and `spectral_error`, dims (forecast, lead_time, group, sample).

    Raises:
        ValueError: data that do not fit the model, lead steps beyond the data, an unknown rollout.
    """
    science = domain(model.domain)
    data = data if hasattr(data, "batch") else open_data(data, domain=model.domain, **(opening or {}))
    part = data if split is None else data.split(split)
    models = {"model": model}
    if twin is not False:
        models["twin"] = _twin(model, seed) if twin is True else twin
    if model.domain == "graphs":
        return _by_property(science.evaluate(models, part), model, part, output, json)
    if model.domain != "pde":
        part = arranged(part, model)
        return _by_channel(science.evaluate(models, part, batch_size=batch_size), model, part, output, json)
    evaluation = science.evaluate(
        models, part, rollout=rollout, step=step, physical=physical, lead_steps=lead_steps, batch_size=batch_size
    )
    choices = {"split": split, "rollout": rollout, "step": step, "physical": physical}
    evaluation.scores.attrs.update({k: str(v) for k, v in choices.items()}, model=repr(model))
    record = _record(evaluation.scores, model, part, choices)
    if output is not None:
        _write(evaluation, record, Path(output))
    print(json_format.dumps(record, indent=1) if json else table(evaluation.scores))
    return evaluation.scores


def table(scores: xr.Dataset, score: str = "relative_l1") -> str:
    """Median over samples as plain text, a row per forecast and group."""
    medians = median_table(scores, score)
    unit = scores["lead_time"].attrs.get("units", "1")
    per = "" if unit == "1" else f" / {unit}"
    head = f"median {score} of {scores.sizes['sample']} samples; columns: lead time{per}\n"
    return head + medians.to_string(float_format=lambda x: f"{x:.3f}" if np.isfinite(x) else "-")


def _by_channel(scores: xr.Dataset, model: Model, data: Any, output: Any, json: bool) -> xr.Dataset:
    """Scores by forecast, lead time and channel: printed, and written where that is asked for."""
    scores.attrs["model"] = repr(model)
    tidy = scores.to_dataframe().reset_index()
    rows = [{k: None if v != v else v for k, v in row.items()} for row in tidy.to_dict("records")]
    record = {"model": repr(model), "provenance": model.provenance, "data": dict(data.describe()), "rows": rows}
    if output is not None:
        Path(output).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".scoring-", dir=output) as scratch:
            (Path(scratch) / "scores.json").write_text(json_format.dumps(record, indent=1) + "\n")
            scores.to_netcdf(Path(scratch) / "scores.nc")
            for path in sorted(Path(scratch).iterdir()):
                os.replace(path, Path(output) / path.name)
    if json:
        print(json_format.dumps(record, indent=1))
    else:
        named = scores["rmse"].drop_vars(["units", "samples"]).to_series().unstack("lead_time")
        print("rmse; columns: lead time / hours\n" + named.to_string(float_format=lambda x: f"{x:.4g}"))
    return scores


def _by_property(scores: xr.Dataset, model: Model, data: Any, output: Any, json: bool) -> xr.Dataset:
    """Scores by forecast and property: printed with the split and its hash, and written where that is asked for."""
    tidy = scores.to_dataframe().reset_index()
    rows = [{k: None if v != v else v for k, v in row.items()} for row in tidy.to_dict("records")]
    record = {"model": repr(model), "provenance": model.provenance, "data": dict(data.describe()), "rows": rows}
    if output is not None:
        Path(output).mkdir(parents=True, exist_ok=True)
        aside = Path(output) / ".scores.json.writing"
        aside.write_text(json_format.dumps(record, indent=1) + "\n")
        os.replace(aside, Path(output) / "scores.json")
    if json:
        print(json_format.dumps(record, indent=1))
    else:
        print(f"{scores.attrs['part']} part, split: {scores.attrs['split_by']}, {scores.attrs['graphs']} graphs")
        print(tidy.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    return scores


def _twin(model: Model, seed: int) -> Model:
    """The same network with random weights and the same normalisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        twin = domain(model.domain).build(model.config)
    if model.domain == "graphs":
        twin.head.load_state_dict(model.head.state_dict())
        return twin.to(next(model.parameters()))
    for part, own in ((twin.embed, model.embed), (twin.head, model.head)):
        part.get_submodule("normaliser").load_state_dict(own.get_submodule("normaliser").state_dict())
    return twin.to(next(model.parameters()))


def _record(scores: xr.Dataset, model: Model, data: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    medians = scores.median("sample")
    rows = [
        {
            "forecast": str(m),
            "group": str(g),
            "lead_time": float(t),
            "lead_step": int(scores["lead_step"].sel(lead_time=t)),
            **{name: _finite(medians[name].sel(forecast=m, group=g, lead_time=t)) for name in medians.data_vars},
        }
        for m in scores["forecast"].values
        for g in scores["group"].values
        for t in scores["lead_time"].values
    ]
    return {
        "model": repr(model),
        "provenance": model.provenance,
        "data": dict(data.describe()),
        **choices,
        "samples": scores.sizes["sample"],
        "lead_time_units": scores["lead_time"].attrs["units"],
        "statistic": "median over samples",
        "rows": rows,
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _write(evaluation: Evaluation, record: Mapping[str, Any], folder: Path) -> None:
    """Every file is written aside and put in place whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".scoring-", dir=folder) as scratch:
        aside = Path(scratch)
        (aside / "scores.json").write_text(json_format.dumps(record, indent=1) + "\n")
        evaluation.scores.to_netcdf(aside / "scores.nc")
        evaluation.spectra.to_netcdf(aside / "spectra.nc")
        try:
            from . import plots

            plots.save_evaluation(evaluation, aside)
        except plots.MissingMatplotlibError as error:
            print(error)
        for path in sorted(aside.iterdir()):
            os.replace(path, folder / path.name)
