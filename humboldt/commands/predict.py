"""humboldt predict MODEL STATE --lead-times '[1, 2, 5]' --output forecast.nc, or MODEL MOLECULES --output out.csv"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Predict from what lies in a file."""
    parser = make_parser("predict", "Predict from labelled states, molecules, layers or counts; labels are kept.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    parser.add_argument(
        "state",
        type=str,
        help="NetCDF file or Zarr store with a variable per channel of the model; a file of molecules; layers of the "
        "environment (a file, a folder or a pattern); a table of counts",
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
    option(add, "resolution", int | None, None, "of PDE: points an axis of the grid that fields are resampled to")
    option(add, "batch_size", int | None, None, "states (molecules) at a time; 16 of fields if not given")
    text = (
        "NetCDF file to write; of molecules and counts a CSV file; of maps also a GeoTIFF; of weather, maps, and with "
        "--along, also a store that ends in .zarr"
    )
    option(add, "output", str, "forecast.nc", text)
    text = (
        "dimension of independent parts (sample, time): they are read, predicted and written in blocks; the same "
        "command goes on. Molecules and maps are cut into rows without it"
    )
    option(add, "along", str | None, None, text)
    option(add, "workers", int, 1, "processes that make blocks")
    option(add, "dry_run", bool, False, "of blocks: print their number, memory, time and core-hours; write nothing")
    option(add, "occurrences", str | None, None, "of species: their records, a table with places and names")
    text = "more of the science's own choices, such as '{west: -180}', '{smiles_column: ligand}' or '{site: plot}'"
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
    call(parse(parser, words))


def call(given: dict[str, Any]) -> None:
    """Do what parsed values say: in blocks where the science has them, else at once."""
    from ..adapting import load
    from ..registry import domain
    from ..streaming import Blocks, rows_without

    picture, output, model = given.pop("plot"), Path(given.pop("output")), load(given.pop("model"))
    along, workers, dry = given.pop("along"), given.pop("workers"), given.pop("dry_run")
    models = [model, *map(load, given.pop("ensemble") or ())]
    science, opening = domain(model.domain), given.pop("opening") or {}
    state = science.read(given.pop("state"), given.pop("select") or {})
    given = {name: value for name, value in {**opening, **given}.items() if value is not None}
    blocks = Blocks(models if len(models) > 1 else model, state, given.pop("lead_times"), along, given)
    image = output.suffix in (".tif", ".tiff")  # written row by row as it is made
    if dry and blocks.pieces is None:
        raise UsageError("an estimate is made of blocks, got no dimension to cut along; add --along DIMENSION")
    if picture is not None and blocks.pieces is not None:
        raise UsageError("a picture is of a prediction that is made at once, got one in blocks; leave out --plot")
    if dry:
        print(json.dumps(blocks.plan(workers), indent=1))
    elif blocks.pieces is None or image:
        print(written_at_once(science, model, state, blocks.lead_times, output, picture, given))
    elif blocks.pieces.along is None:
        made = blocks.write(output.with_suffix(".csv"), workers)
        rows, without = rows_without(made)
        print(f"{rows} rows in {made}, {without} without a prediction")
    else:
        print(blocks.write(output, workers))


def written_at_once(
    science: Any,
    model: Any,
    state: Any,
    times: Sequence[float],
    output: Path,
    picture: str | None,
    given: dict[str, Any],
) -> str:
    """Predict and write; what was written, in words."""
    import xarray as xr

    from ..forecasting import predict

    if output.suffix in (".tif", ".tiff"):
        made = predict(model, state, times, output=output, **given)
    elif "output" in signature(science.predict).parameters:  # lead times are written as they are made
        made = predict(model, state, times, output=output, overwrite=True, **given)
    else:
        made = predict(model, state, times, **given)
        if not isinstance(made, xr.Dataset):
            output = output.with_suffix(".csv")
        aside = output.with_name(f".{output.name}.writing")
        made.to_netcdf(aside) if isinstance(made, xr.Dataset) else made.to_csv(aside, index=False)
        os.replace(aside, output)
    said = f"{dict(made.sizes)} in {output}" if isinstance(made, xr.Dataset) else f"{len(made)} rows in {output}"
    if picture is None:
        return said
    from ..plots import prediction_maps, save

    return f"{said}\n{save(prediction_maps(made), Path(picture))}"
