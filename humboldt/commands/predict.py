"""humboldt predict MODEL STATE --lead-times '[1, 2, 5]' --output forecast.nc, or MODEL MOLECULES --output out.csv"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from ..adapting import load
from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Forecast from the states in a file."""
    parser = make_parser("predict", "Forecast from labelled states; attributes and coordinates are kept.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    parser.add_argument(
        "state", type=str, help="NetCDF file or Zarr store, a variable per channel of the model; or a file of molecules"
    )
    add = parser.add_argument
    option(add, "lead_times", list[float], [1.0], "how far ahead, such as 1,2.5 [time units of the model]")
    option(add, "select", dict[str, int] | None, None, "places along dimensions, such as '{time: 0, sample: 3}'")
    option(
        add,
        "rollout",
        Literal["direct", "autoregressive"] | None,
        None,
        "each lead time at once (the default), or in steps",
    )
    option(add, "step", float | None, None, "length of an autoregressive step; the shortest lead time if not given")
    option(add, "batch_size", int | None, None, "states (molecules) at a time; 16 of fields if not given")
    text = (
        "NetCDF file to write; of molecules a CSV file; of weather, and with --along, also a store that ends in .zarr"
    )
    option(add, "output", str, "forecast.nc", text)
    text = "dimension of independent states: they are read, predicted and written in blocks; the same command goes on"
    option(add, "along", str | None, None, text)
    option(add, "workers", int, 1, "processes, with --along")
    option(add, "dry_run", bool, False, "with --along: print blocks, memory, time and core-hours; write nothing")
    text = "how weather data or molecules are read, such as '{west: -180}' or '{smiles_column: ligand}'"
    option(add, "opening", dict[str, Any] | None, None, text)
    option(add, "climatology", str | None, None, "of the weather: NetCDF, Zarr or the folder of Prithvi WxC's files")
    text = "of molecules: more models of the same properties; their mean is predicted, with the deviation beside it"
    option(add, "ensemble", list[str] | None, None, text)
    text = (
        "of molecules: table with measured values that no model has learned from; gives intervals or calibrated classes"
    )
    option(add, "calibrate", str | None, None, text)
    option(add, "level", float | None, None, "share of the intervals that should hold the value; 0.9 if not given")
    option(add, "plot", str | None, None, "picture to write: a map for each variable and some of the lead times")
    given = parse(parser, words)
    import xarray as xr

    from ..forecasting import predict
    from ..registry import domain

    picture = given.pop("plot")
    output, model = Path(given.pop("output")), load(given.pop("model"))
    along, workers, dry = given.pop("along"), given.pop("workers"), given.pop("dry_run")
    models = [model, *map(load, given.pop("ensemble") or ())]
    if dry and along is None:
        raise UsageError("an estimate is made of blocks, got no dimension to cut along; add --along DIMENSION")
    science, opening = domain(model.domain), given.pop("opening") or {}
    state = science.read(given.pop("state"), given.pop("select") or {})
    given = {name: value for name, value in {**opening, **given}.items() if value is not None}
    if along is not None:
        from ..streaming import plan_blocks, predict_blocks

        times, size = given.pop("lead_times", [1.0]), given.pop("batch_size", 16)
        if dry:
            found = plan_blocks(model, state, times, along=along, at_a_time=size, workers=workers, **given)
            print(json.dumps(found, indent=1))
            return
        print(predict_blocks(model, state, times, output, along=along, at_a_time=size, workers=workers, **given))
        return
    if "output" in signature(science.predict).parameters:  # lead times are written as they are made
        made = predict(model, state, output=output, overwrite=True, **given)
    else:
        made = predict(models if len(models) > 1 else model, state, **given)
        if not isinstance(made, xr.Dataset):
            print(written_table(made, output))
            return
        aside = output.with_name(f".{output.name}.writing")
        made.to_netcdf(aside)
        os.replace(aside, output)
    print(f"{dict(made.sizes)} in {output}")
    if picture is not None:
        from ..plots import prediction_maps, save

        print(save(prediction_maps(made), Path(picture)))


def written_table(table: Any, output: Path) -> str:
    """Write a table of predicted properties; what was written, in words."""
    output = output if output.suffix == ".csv" else output.with_suffix(".csv")
    aside = output.with_name(f".{output.name}.writing")
    table.to_csv(aside, index=False)
    os.replace(aside, output)
    return f"{len(table)} rows in {output}, {int(table.iloc[:, 1].isna().sum())} without a prediction"
