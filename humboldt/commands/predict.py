"""humboldt predict MODEL STATE --lead-times '[1, 2, 5]' --output forecast.nc, or MODEL MOLECULES --output out.csv"""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    option(add, "lead_times", list[float], [1.0], "how far ahead, such as '[1, 2.5]' [time units of the model]")
    option(add, "select", dict[str, int] | None, None, "places along dimensions, such as '{time: 0, sample: 3}'")
    option(add, "rollout", Literal["direct", "autoregressive"], "direct", "each lead time at once, or in steps")
    option(add, "step", float | None, None, "length of an autoregressive step; the shortest lead time if not given")
    option(add, "batch_size", int, 16, "states at a time [states]")
    text = "NetCDF file to write; of molecules a CSV file; with --along also a store that ends in .zarr"
    option(add, "output", str, "forecast.nc", text)
    text = "dimension of independent states: they are read, predicted and written in blocks; the same command goes on"
    option(add, "along", str | None, None, text)
    option(add, "workers", int, 1, "processes, with --along")
    option(add, "plot", str | None, None, "picture to write: a map for each variable and some of the lead times")
    given = parse(parser, words)
    from ..forecasting import predict

    picture = given.pop("plot")
    output, model = Path(given.pop("output")), load(given.pop("model"))
    if model.domain == "graphs":
        print(properties(model, given["state"], output))
        return
    state = opened(given.pop("state"), given.pop("select") or {})
    along, workers = given.pop("along"), given.pop("workers")
    if along is not None:
        from ..streaming import predict_blocks

        times, size = given.pop("lead_times"), given["batch_size"]
        print(predict_blocks(model, state, times, output, along=along, at_a_time=size, workers=workers, **given))
        return
    forecast = predict(model, state, **given)
    aside = output.with_name(f".{output.name}.writing")
    forecast.to_netcdf(aside)
    os.replace(aside, output)
    print(f"{dict(forecast.sizes)} in {output}")
    if picture is not None:
        from ..plots import prediction_maps, save

        print(save(prediction_maps(forecast), Path(picture)))


def properties(model: Any, source: str, output: Path) -> str:
    """Write a table of predicted properties; what was written, in words."""
    from ..forecasting import predict

    output = output if output.suffix == ".csv" else output.with_suffix(".csv")
    table = predict(model, source)
    aside = output.with_name(f".{output.name}.writing")
    table.to_csv(aside, index=False)
    os.replace(aside, output)
    return f"{len(table)} rows in {output}, {int((table['problem'] != '').sum())} without a prediction"


def opened(path: str, select: dict[str, int]) -> Any:
    """The states of a file, at the chosen places.

    Raises:
        UsageError: a dimension that is not there.
    """
    import xarray as xr

    data = xr.open_zarr(path) if Path(path).is_dir() else xr.open_dataset(path)
    unknown = [name for name in select if name not in data.dims]
    if unknown:
        raise UsageError(f"--select takes dimensions of the file, {list(data.dims)}, got {unknown[0]!r}")
    return data.isel(select)
