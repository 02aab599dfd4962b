"""The data set in the layout of the Prithvi WxC loaders: samples, rollout samples and statistics under their names."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humboldt.domains.weather import (
    WeatherBatch,
    WeatherDataset,
    open_wxc_files,
    published_sample,
    read_wxc_statistics,
)

ENCODINGS = ("fourier", "absolute")


def recognises(config: dict[str, Any]) -> bool:
    """Whether `info.json` describes such a data set."""
    return {"surface_vars", "vertical_vars", "levels"} <= config.keys()


def replay(case: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Every sample that `info.json` lists, the first rollout sample, and the statistics."""
    info = json.loads((case / "info.json").read_text())
    found = _statistics(case, info)
    for encoding in (e for e in ENCODINGS if f"samples_{e}" in info):
        listed = [sample for group in info[f"samples_{encoding}"] for sample in group]
        data = read_data(case, info, encoding, listed)
        for time, input_step, lead_time in listed:
            batch = data.batch([published_sample(data, _iso(time), input_step, lead_time)])
            name = f"single.{encoding}.{_stamp(time)}.it{input_step:g}.lt{lead_time:g}"
            found |= {f"{name}.{key}": value for key, value in _tensors(batch).items()}
        if rollouts := [sample for group in info.get(f"rollout_samples_{encoding}", []) for sample in group]:
            found |= {f"rollout.{encoding}.{key}": v for key, v in _rollout(case, info, encoding, rollouts[0]).items()}
    return {name: value.to(dtype).contiguous().clone() for name, value in found.items()}


def read_data(case: Path, info: dict[str, Any], encoding: str, listed: list[Any]) -> WeatherDataset:
    """The files as samples with the listed input steps and lead times."""
    data = open_wxc_files(
        _folder(case, "MERRA2_sfc_*.nc"),
        _folder(case, "musigma_surface.nc"),
        surface=info["surface_vars"],
        vertical=info["vertical_vars"],
        levels=info["levels"],
        static=info["static_surface_vars"],
        position=encoding,
        without_north_pole=False,
        input_steps=sorted({abs(s[1]) for s in listed}),
        lead_times=sorted({s[2] for s in listed}),
    )
    padding = info.get("padding", {})
    kept = {
        axis: slice(max(0, -first), data.data.sizes[axis] + min(0, last))
        for axis, (first, last) in (("latitude", padding.get("lat", (0, 0))), ("longitude", padding.get("lon", (0, 0))))
    }
    return dataclasses.replace(data, data=data.data.isel(kept))


def _rollout(case: Path, info: dict[str, Any], encoding: str, sample: Any) -> dict[str, Tensor]:
    time, input_step, step, count = sample
    data = read_data(case, info, encoding, [(time, input_step, step)])
    index = published_sample(data, _iso(time), input_step, step)
    steps = [_tensors(batch) for batch in data.series(index, count)]
    return {
        "x": steps[0]["x"],
        "input_time": steps[0]["input_time"],
        "ys": torch.stack([s["y"] for s in steps], dim=1),
        "climates": torch.stack([s["climate"] for s in steps], dim=1),
        "statics": torch.stack([s["static"] for s in steps], dim=1),
        "lead_time": torch.stack([s["lead_time"] for s in steps], dim=1),
        "target_time": torch.stack([s["lead_time"] for s in steps]).sum(0),
    }


def _tensors(batch: WeatherBatch) -> dict[str, Tensor]:
    assert batch.target is not None
    assert batch.climate is not None
    return {
        "x": batch.fields,
        "y": batch.target,
        "static": batch.static,
        "climate": batch.climate,
        "input_time": batch.input_time,
        "lead_time": batch.lead_time,
    }


def _statistics(case: Path, info: dict[str, Any]) -> dict[str, Tensor]:
    names = [info[key] for key in ("surface_vars", "vertical_vars", "levels", "static_surface_vars")]
    made = read_wxc_statistics(_folder(case, "musigma_surface.nc"), *names)
    published = {
        "input_mu": made.input_mean,
        "input_sigma": made.input_std,
        "output_variance": made.output_variance,
        "static_mu": made.static_mean,
        "static_sigma": made.static_std,
    }
    return {f"scalers.{key}": torch.from_numpy(value) for key, value in published.items()}


def _folder(case: Path, pattern: str) -> Path:
    """The folder below the case that holds such files."""
    return next(iter(sorted(case.rglob(pattern)))).parent


def _iso(time: str) -> str:
    return datetime.fromisoformat(time).isoformat()


def _stamp(time: str) -> str:
    return f"{datetime.fromisoformat(time):%Y%m%dT%H}"
