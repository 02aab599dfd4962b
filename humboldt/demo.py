"""The main job in one go: fine-tune a pretrained model on data that it has never seen, and see whether it helped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import xarray as xr

from .adapting import finetune
from .forecasting import predict
from .opening import open
from .pretrained import from_pretrained
from .scoring import evaluate


def demo(output: str | Path = "runs/demo", *, steps: int = 150, seed: int = 0) -> xr.Dataset:
    """Fine-tune `humboldt/pde-nano` on 4 trajectories of the Burgers equation, train a random twin as long, score both.

    The data were made by a solver that is not ours, from an equation that pretraining did not see. Written to `output`:
    `finetuned/` and `twin/` (which `from_pretrained` loads), `forecast.nc`, `scores.json`, `scores.nc` and plots.

    Args:
        output: folder of everything written; a demo that was interrupted goes on from there.
        steps: optimiser steps of each of the two models, batches of 8.
        seed: of the twin's weights and of the order of samples.

    Returns:
        The scores, dims (method, lead_time, group, sample).
    """
    from humboldt.data_catalog import example

    logging.getLogger("humboldt").setLevel(logging.WARNING)
    output = Path(output)
    split = {"train": 4, "validation": 0, "test": 6}
    data = open(example("burgers2d"), domain="pde", split=split, augment=True)
    recipe: dict[str, Any] = {"steps": steps, "seed": seed, "warmup": steps // 20}
    fresh = from_pretrained("humboldt/pde-nano", random=True, seed=seed)
    print(f"fine-tuning humboldt/pde-nano on {data.split('train')}")
    tuned = finetune("humboldt/pde-nano", data, output=output / "finetuned", **recipe)
    print("training its random-initialised twin for as long")
    twin = finetune(fresh, data, output=output / "twin", **recipe)
    scores = evaluate(tuned, data, lead_steps=range(1, 11), twin=twin, output=output)
    write_forecast(output, data)
    print(f"written to {output}: forecast.nc, scores.json, errors.png, maps_velocity_x.png, finetuned/")
    return scores


RANDOM_RATES: dict[str, Any] = {
    "optimiser": "muon",
    "core_rate": 3e-3,
    "embedding_rate": 2e-3,
    "norm_rate": 2e-3,
    "weight_decay": 0.01,
}
"""Of a weather network from random weights; a pretrained one takes those of `Recipe` (docs/experiments/weather.md)."""


def weather_demo(output: str | Path = "runs/demo-weather", *, steps: int = 160, seed: int = 0) -> xr.Dataset:
    """Fine-tune `humboldt/weather-nano` on eleven days of real analyses, train a random twin as long, score both.

    The model has seen nothing but simulations of a dry atmosphere; the analyses are those of January 1996 over North
    America. Written to `output`: `finetuned/`, `twin/`, `forecast.nc` (CF), `scores.json`, `scores.nc`, `errors.png`,
    `scorecard.png`, `maps.png` and `tracks.png`.

    Args:
        output: folder of everything written; a demo that was interrupted goes on from there.
        steps: optimiser steps of each of the two models, batches of 4; the weights are averaged over them.
        seed: of the twin's weights and of the order of samples.

    Returns:
        The scores, dims (forecast, lead_time, channel).
    """
    from humboldt.data_catalog import example
    from humboldt.domains.weather import open_analyses, track

    logging.getLogger("humboldt").setLevel(logging.WARNING)
    output, source = Path(output), example("storm1996_usa")
    data = open(source, domain="weather", input_steps=[6], lead_times=[6, 12, 24])
    recipe: dict[str, Any] = {"steps": steps, "batch_size": 4, "average": 0.97, "warmup": 5, "seed": seed}
    print(f"fine-tuning humboldt/weather-nano on {data.split('train')}")
    tuned = finetune("humboldt/weather-nano", data, output=output / "finetuned", **recipe)
    print("training its random-initialised twin for as long, at the rates that suit it best")
    fresh = from_pretrained("humboldt/weather-nano", random=True, seed=seed)
    twin = finetune(fresh, data, output=output / "twin", **recipe, **RANDOM_RATES)
    scores = evaluate(tuned, data, twin=twin, output=output)
    start = xr.open_dataset(source).sel(time=slice(None, "1996-01-07T00")).load()
    made = predict(tuned, start, [6, 12, 18, 24, 36, 48], output=output / "forecast.nc", overwrite=True)
    seen = open_analyses(source).notnull().any("time")  # where nothing was ever observed a forecast means nothing
    draw_weather(made.where(seen), {"analyses": track(source), "forecast": track(made)}, output)
    print(f"written to {output}: forecast.nc, scores.json, errors.png, scorecard.png, maps.png, tracks.png, finetuned/")
    return scores


def draw_weather(forecast: xr.Dataset, storms: dict[str, Any], folder: Path) -> None:
    """`maps.png` and `tracks.png` of the two days that are forecast, where matplotlib is installed."""
    from humboldt.domains.weather import forecast_maps, storm_tracks
    from humboldt.foundations import MissingMatplotlibError

    first, last = (forecast["valid_time"].values.ravel()[i] for i in (0, -1))
    here = {name: table[(table["time"] >= first) & (table["time"] <= last)] for name, table in storms.items()}
    try:
        from .plots import save

        save(forecast_maps(forecast), folder / "maps.png")
        save(storm_tracks(here), folder / "tracks.png")
    except MissingMatplotlibError as error:
        print(error)


def write_forecast(output: Path, data: Any) -> Path:
    """Forecasts of the first test states by the saved model, as NetCDF."""
    state = data.split("test").to_xarray().isel(time=0).load()
    model = from_pretrained(output / "finetuned")
    made = predict(model, state, [0.02, 0.05, 0.1, 0.2])
    made.to_netcdf(output / "forecast.nc")
    return output / "forecast.nc"
