"""What is pretraining on simulations worth on real analyses?  humboldt/weather-nano beside its random twin.

    python benchmarks/transfer/weather.py --data FOLDER --output docs/experiments/records/weather.jsonl

FOLDER holds `storm1996_usa/storm1996_usa.nc` and `era5_members_3deg/era5-levels-members.grib`. Each run is one line of
the records; runs that are there are not made again. The table is written beside them. Beside the model and its twin
(the same network, channels and statistics, random weights, tuned alike) stand persistence, the mean of the training
period and a ridge regression on the neighbourhood of every point. On the storm two parts of the transfer are left out,
one at a time: corrections in deviations of the state instead of its increments, and no channel taken for one that the
model knows. `averaged` are longer runs whose weights are averaged over steps, the rates of each network chosen on the
validation part; `three together` is the mean of three such forecasts, also with that of the ridge regression.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

import humboldt
from humboldt.domains.weather import WeatherBatch, WeatherDataset, evaluate, fit_to_data
from humboldt.foundations import Model

AVERAGED: dict[str, Any] = {"steps": 160, "batch_size": 4, "average": 0.97}
RATES: dict[str, Any] = {
    "optimiser": "muon",
    "core_rate": 3e-3,
    "embedding_rate": 2e-3,
    "norm_rate": 2e-3,
    "weight_decay": 0.01,
}


@dataclass(frozen=True)
class Case:
    """A data set, its parts, and the budget of training."""

    path: str
    opening: dict[str, Any]
    steps: int
    batch_size: int


CASES = {
    "storm1996_usa": Case(
        "storm1996_usa/storm1996_usa.nc", {"input_steps": [6], "lead_times": [6, 12, 24]}, steps=60, batch_size=8
    ),
    "era5_members_3deg": Case(
        "era5_members_3deg/era5-levels-members.grib",
        {
            "split": {
                "train": ("2017-01-01T00", "2017-01-02T00"),
                "validation": ("2017-01-05", "2017-01-06"),
                "test": ("2017-01-01T12", "2017-01-02T12"),
            }
        },
        steps=30,
        batch_size=2,
    ),
}


@dataclass(frozen=True)
class Ridge:
    """Increment of every channel, linear in both states of all channels within `reach` points; one map a lead time.

    Missing values are 0 after normalisation, as they are for the networks.
    """

    maps: dict[float, torch.Tensor]
    mean: torch.Tensor
    std: torch.Tensor
    reach: int = 1

    def __call__(self, batch: WeatherBatch) -> torch.Tensor:
        """The forecast (b, c, h, w) in physical units."""
        made = []
        for i, lead in enumerate(batch.lead_time.tolist()):
            x = features(batch.samples(slice(i, i + 1)), self.mean, self.std, self.reach)
            made.append((x @ self.maps[lead]).T.unflatten(1, batch.fields.shape[-2:]))
        last = batch.fields[:, -1]
        known = torch.where(last.isnan(), self.mean[:, None, None].to(last), last)
        return known + torch.stack(made).to(last) * self.std[:, None, None].to(last)


def features(batch: WeatherBatch, mean: torch.Tensor, std: torch.Tensor, reach: int) -> torch.Tensor:
    """(points, 1 + channels x times x neighbours) of one sample, in double precision."""
    x = ((batch.fields[0].double() - mean[:, None, None]) / std[:, None, None]).nan_to_num(0.0).flatten(0, 1)[None]
    padded = torch.nn.functional.pad(x, (reach,) * 4, mode="replicate")
    near = torch.nn.functional.unfold(padded, 2 * reach + 1)[0].T
    return torch.cat([torch.ones(len(near), 1, dtype=near.dtype), near], dim=1)


def fitted_ridge(data: WeatherDataset, penalty: float) -> Ridge:
    """Least squares with a penalty on everything but the constant."""
    found = data.statistics()
    mean, std = (torch.from_numpy(found[name]) for name in ("mean", "std"))
    sums: dict[float, list[Any]] = {}
    for i in range(len(data)):
        batch = data.batch([i])
        assert batch.target is not None
        x = features(batch, mean, std, 1)
        change = ((batch.target[0] - batch.fields[0, -1]).double() / std[:, None, None]).flatten(1).T
        known = ~change.isnan().any(1)
        x, change = x[known], change[known]
        products = sums.setdefault(float(batch.lead_time[0]), [0.0, 0.0])
        products[0], products[1] = products[0] + x.T @ x, products[1] + x.T @ change
    maps = {}
    for lead, (square, mixed) in sums.items():
        weight = torch.full((len(square),), penalty * float(square[0, 0]), dtype=square.dtype)
        weight[0] = 0
        maps[lead] = torch.linalg.solve(square + torch.diag(weight), mixed)
    return Ridge(maps, mean, std)


def mean_of_training(data: WeatherDataset) -> Any:
    """The mean state of the training part, as a forecast."""
    frames = sorted({(i, s.member) for s in data.samples for i in s.inputs})
    mean = torch.from_numpy(np.nanmean([data.state(*frame) for frame in frames], axis=0))
    return lambda batch: mean.expand_as(batch.fields[:, -1])


def state_deviations(model: Model, data: WeatherDataset) -> Model:
    """The model fitted to the data, its corrections in deviations of their states."""
    made = fit_to_data(model, data)
    made.head.get_buffer("normaliser.std").copy_(torch.from_numpy(data.statistics()["std"]))
    return made


def fresh_channels(model: Model, data: WeatherDataset) -> Model:
    """The model fitted to the data as if it knew none of their channels: first and last layer begin anew."""
    from humboldt.domains.weather import adapt

    with patch.object(adapt, "kindred", lambda channels, known: {}):
        return fit_to_data(model, data)


ABLATIONS = {"state deviations": state_deviations, "fresh channels": fresh_channels}


def runs(only: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """(case, forecast, seed)."""
    for case in only:
        yield case, "linear", 0
        names = ("weather-nano", "twin", *(ABLATIONS if case == "storm1996_usa" else ()))
        yield from ((case, name, seed) for seed, name in product(range(3), names))
        if case == "storm1996_usa":
            yield from ((case, name, seed) for seed, name in product(range(3), ("averaged", "twin, averaged")))
            yield case, "three together", 0


def scores(case: Case, name: str, seed: int, data: WeatherDataset, model: str) -> tuple[Any, dict[str, Any]]:
    """Scores on the test part, and what is worth recording of the run."""
    train, test = data.split("train"), data.split("test")
    if name == "linear":
        penalty, linear = chosen_ridge(data)
        return evaluate({name: linear, "training mean": mean_of_training(train)}, test), {"penalty": penalty}
    if name == "three together":
        return together([averaged("averaged", n, data, model) for n in range(3)], data), AVERAGED
    if name.endswith("averaged"):
        tuned = averaged(name, seed, data, model)
        return evaluate({name: tuned}, arranged(data, tuned)), AVERAGED
    started = humboldt.from_pretrained(model, random=name == "twin", seed=seed)
    if name in ABLATIONS:
        started = ABLATIONS[name](started, train)
    tuned = humboldt.finetune(
        started, data, steps=case.steps, batch_size=case.batch_size, seed=seed, warmup=5, progress=False,
        validate_every=case.steps // 4, **RATES,
    )  # fmt: skip
    return evaluate({name: tuned}, arranged(data, tuned)), {"steps": case.steps, "batch_size": case.batch_size}


def arranged(data: WeatherDataset, model: Model) -> WeatherDataset:
    """The test part, in the model's order of channels."""
    return data.arranged(model.config.channels, model.config.channels, model.config.static).split("test")


def chosen_ridge(data: WeatherDataset) -> tuple[float, Ridge]:
    """The penalty that is best on the validation part (if there is one), and its regression."""
    train = data.split("train")
    try:
        chosen = data.split("validation")
    except ValueError:
        chosen = train
    tried = {p: fitted_ridge(train, p) for p in (1e-4, 1e-3, 1e-2, 1e-1)}
    errors = {p: float(relative(evaluate({"x": r}, chosen), "x").mean()) for p, r in tried.items()}
    best = min(errors, key=lambda p: errors[p])
    return best, tried[best]


def averaged(name: str, seed: int, data: WeatherDataset, model: str) -> Model:
    """A network tuned longer, its weights averaged; pretrained at the rates of `Recipe`, random at `RATES`."""
    is_random = name.startswith("twin")
    started = humboldt.from_pretrained(model, random=is_random, seed=seed)
    return humboldt.finetune(started, data, seed=seed, progress=False, **AVERAGED, **(RATES if is_random else {}))


def together(models: Sequence[Model], data: WeatherDataset) -> Any:
    """Scores of the mean of several forecasts, and of the mean of that with a linear one."""
    known, linear = arranged(data, models[0]), chosen_ridge(data)[1]
    order = [c.name for c in models[0].config.channels]
    assert order == [c.name for c in data.channels], "the ridge regression has the data's order"

    def mean(batch: WeatherBatch) -> torch.Tensor:
        with torch.no_grad():
            return torch.stack([model.eval()(batch).fields for model in models]).mean(0)

    both = {"three together": mean, "with linear": lambda batch: (mean(batch) + linear(batch)) / 2}
    return evaluate(both, known)


def relative(table: Any, name: str) -> Any:
    """RMSE over that of persistence, mean over channels, by lead time."""
    return (table["rmse"].sel(forecast=name) / table["rmse"].sel(forecast="persistence")).mean("channel")


def record(case: str, name: str, seed: int, table: Any, more: dict[str, Any]) -> list[dict[str, Any]]:
    """One line for every forecast of the table."""
    lines = []
    for forecast in table["forecast"].values.tolist():
        if forecast == "persistence" and name != "linear":
            continue
        leads, channels = table["lead_time"].values.tolist(), table["channel"].values.tolist()
        errors = table["rmse"].sel(forecast=forecast).values.round(5).tolist()
        rmse = {f"{lead:g}": dict(zip(channels, row, strict=True)) for lead, row in zip(leads, errors, strict=True)}
        shares = relative(table, forecast).values.round(5).tolist()
        share = {f"{lead:g}": x for lead, x in zip(leads, shares, strict=True)}
        lines.append({"case": case, "forecast": forecast, "seed": seed, "relative": share, "rmse": rmse, **more})
    return lines


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Mean and spread over seeds, of the RMSE over that of persistence."""
    rows = [
        {"case": x["case"], "forecast": x["forecast"], "lead": float(lead), "value": value}
        for x in lines
        for lead, value in x["relative"].items()
    ]
    found = pd.DataFrame(rows).groupby(["case", "forecast", "lead"])["value"].agg(["mean", "std", "count"])
    text = ["| data | forecast | hours | RMSE / persistence | seeds |", "|---|---|---:|---:|---:|"]
    for (case, forecast, lead), row in found.iterrows():  # type: ignore[misc]
        spread = "" if np.isnan(row["std"]) else f" ± {row['std']:.3f}"
        text.append(f"| {case} | {forecast} | {lead:g} | {row['mean']:.3f}{spread} | {row['count']:.0f} |")
    return "\n".join(text) + "\n"


def main() -> None:
    """Make the runs that are missing, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True, help="records, .jsonl")
    parser.add_argument("--model", default="humboldt/weather-nano")
    parser.add_argument("--only", nargs="+", choices=[*CASES], default=[*CASES])
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = [json.loads(x) for x in given.output.read_text().splitlines()] if given.output.exists() else []
    done = {(x["case"], x["forecast"], x["seed"]) for x in lines}
    for name, forecast, seed in runs(given.only):
        if (name, forecast, seed) in done:
            continue
        case, begun = CASES[name], time.process_time()
        data = humboldt.open(given.data / case.path, domain="weather", **case.opening)
        data = dataclasses.replace(data, data=data.data.load())
        made = record(name, forecast, seed, *scores(case, forecast, seed, data, given.model))
        lines += [x | {"cpu_seconds": round(time.process_time() - begun, 1)} for x in made]
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text("".join(json.dumps(x) + "\n" for x in lines))
        print(name, forecast, seed, made[-1]["relative"], f"{time.process_time() - begun:.0f} s", flush=True)
    given.output.with_suffix(".txt").write_text(report(lines))
    print(report(lines))


if __name__ == "__main__":
    main()
