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


def write_forecast(output: Path, data: Any) -> Path:
    """Forecasts of the first test states by the saved model, as NetCDF."""
    state = data.split("test").to_xarray().isel(time=0).load()
    model = from_pretrained(output / "finetuned")
    made = predict(model, state, [0.02, 0.05, 0.1, 0.2])
    made.to_netcdf(output / "forecast.nc")
    return output / "forecast.nc"
