"""Forecasts of more states than memory holds: block by block, in several processes, resumable."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from humboldt.finetune import weights_hash
from humboldt.foundations import Model

from .forecasting import predict


class StreamError(ValueError):
    """A forecast that cannot be made block by block; the message states rule, value and cure."""


def predict_blocks(
    model: Model,
    state: xr.Dataset,
    lead_times: float | Iterable[float],
    output: str | os.PathLike[str],
    *,
    along: str,
    at_a_time: int = 16,
    workers: int = 1,
    **choices: Any,
) -> Path:
    """Write the forecast of every state along a dimension; memory holds `at_a_time` of them a process.

    Blocks lie in `.NAME.blocks` until all are there. The same call after an interruption makes those that are missing.

    Args:
        model: of the pde domain.
        state: as `predict` takes it, opened lazily.
        lead_times: as of `predict`.
        output: a NetCDF file, or a Zarr store if it ends in `.zarr`.
        along: dimension of the state, not of space.
        at_a_time: states of a block.
        workers: processes.
        choices: of `predict`.

    Returns:
        The file or store.

    Raises:
        StreamError: no such dimension, another domain, or blocks of another forecast.
    """
    require_independent(model, state, along)
    output = Path(output)
    folder = output.with_name(f".{output.name}.blocks")
    times = [float(t) for t in np.atleast_1d(np.asarray(lead_times, dtype=float))]
    folder.mkdir(parents=True, exist_ok=True)
    asked = {
        "along": along,
        "at_a_time": at_a_time,
        "size": state.sizes[along],
        "lead_times": times,
        "model": weights_hash(model),
        "state": _fingerprint(state, along),
        "choices": {key: str(value) for key, value in choices.items()},
    }
    _same_forecast(folder, asked)
    starts = range(0, state.sizes[along], at_a_time)
    missing = [start for start in starts if not _block(folder, start).is_file()]

    def make(part: int) -> None:
        for start in missing[part::workers]:
            made = predict(model, state.isel({along: slice(start, start + at_a_time)}).load(), times, **choices)
            aside = folder / f".{start}"
            made.to_netcdf(aside)
            os.replace(aside, _block(folder, start))

    _in_processes(make, min(workers, len(missing)))
    _put_together([_block(folder, start) for start in starts], along, output)
    shutil.rmtree(folder)
    return output


def plan_blocks(
    model: Model, state: xr.Dataset, lead_times: Iterable[float], *, along: str, at_a_time: int = 16,
    workers: int = 1, **choices: Any,
) -> dict[str, Any]:  # fmt: skip
    """Blocks, memory and time of `predict_blocks`, JSON-ready, from the second of two forecasts of the first block.

    Raises:
        StreamError: no such dimension, or another domain.
    """
    require_independent(model, state, along)
    count, spent = -(-state.sizes[along] // at_a_time), 0.0
    for _ in range(2):
        begin = time.perf_counter()
        predict(model, state.isel({along: slice(0, at_a_time)}).load(), list(lead_times), **choices)
        spent = time.perf_counter() - begin
    seconds = spent * -(-count // workers)
    return {
        "states": state.sizes[along],
        "blocks": count,
        "memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
        "seconds per block": round(spent, 4),
        "seconds": round(seconds, 1),
        "core_hours": round(spent * count / 3600, 4),
    }


def require_independent(model: Model, state: xr.Dataset, along: str) -> None:
    """Refuse what cannot be cut into blocks.

    Raises:
        StreamError: no such dimension, or a model whose states are not independent.
    """
    if model.domain != "pde":
        raise StreamError(f"states of the pde domain are independent, got a model of {model.domain!r}; use predict")
    if along not in state.dims:
        raise StreamError(f"blocks are cut along a dimension of the state, {list(state.dims)}, got {along!r}")


def _fingerprint(state: xr.Dataset, along: str) -> str:
    """SHA-256 over names and values of the first and the last state."""
    digest = hashlib.sha256()
    ends = state.isel({along: [0, -1]}).load()
    for name in sorted(ends.data_vars, key=str):
        digest.update(str(name).encode() + np.ascontiguousarray(ends[name].values).tobytes())
    return digest.hexdigest()


def _in_processes(make: Any, workers: int) -> None:
    if workers <= 1:
        make(0)
        return
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=make, args=(part,)) for part in range(workers)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    if failed := [process.exitcode for process in running if process.exitcode]:
        raise StreamError(f"every process of a forecast ends well, got exit codes {failed}; the same command goes on")


def _put_together(blocks: list[Path], along: str, output: Path) -> None:
    """One file or store, read and written block by block."""
    aside = output.with_name(f".{output.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    options: dict[str, Any] = {"combine": "nested", "concat_dim": along, "data_vars": "minimal", "coords": "minimal"}
    with xr.open_mfdataset(blocks, compat="override", join="override", combine_attrs="override", **options) as whole:
        if output.suffix == ".zarr":
            whole.to_zarr(aside, mode="w", zarr_format=2)  # in which consolidated metadata are standard
        else:
            whole.to_netcdf(aside)
    if output.is_dir():
        shutil.rmtree(output)
    os.replace(aside, output)


def _block(folder: Path, start: int) -> Path:
    return folder / f"{start:09d}.nc"


def _same_forecast(folder: Path, asked: dict[str, Any]) -> None:
    told = folder / "forecast.json"
    if told.is_file() and json.loads(told.read_text()) != asked:
        raise StreamError(f"{folder} holds blocks of another forecast; remove it, or choose another output")
    told.write_text(json.dumps(asked) + "\n")
