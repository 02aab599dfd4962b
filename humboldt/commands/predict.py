"""humboldt predict MODEL STATE --lead-times '[1, 2, 5]' --output forecast.nc, or MODEL MOLECULES --output out.csv"""

from __future__ import annotations

import json
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from ..cli import UsageError, make_parser, option, parse

FIELDS, IMAGES, TABLES = (".nc", ".nc4", ".zarr"), (".tif", ".tiff"), (".csv",)
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


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
    text = "how far ahead, such as 1,2.5; 1 of a forecast if not given [time units of the model]"
    option(add, "lead_times", list[float] | None, None, text)
    option(add, "select", dict[str, int] | None, None, "places along dimensions, such as '{time: 0, sample: 3}'")
    option(
        add,
        "rollout",
        Literal["direct", "autoregressive"] | None,
        None,
        "each lead time at once (the default), or in steps",
    )
    text = "length of an autoregressive step; the shortest lead time if not given [time units of the model]"
    option(add, "step", float | None, None, text)
    option(add, "resolution", int | None, None, "of PDE: grid that fields are resampled to [points an axis]")
    option(add, "batch_size", int | None, None, "at a time; 16 of fields if not given [states, molecules]")
    text = (
        "NetCDF file (.nc) or Zarr store (.zarr) to write, of maps of species also a GeoTIFF (.tif), of molecules and "
        "counts a table (.csv); forecast.nc or forecast.csv if not given"
    )
    option(add, "output", str | None, None, text)
    text = (
        "dimension of independent parts (sample, time): they are read, predicted and written in blocks; the same "
        "command goes on. Molecules and maps are cut into rows without it"
    )
    option(add, "along", str | None, None, text)
    option(add, "workers", int, 1, "processes that make blocks [processes]")
    option(add, "dry_run", bool, False, "print variables, sizes, blocks, memory and time; write nothing")
    option(add, "occurrences", str | None, None, "of species: their records, a table with places and names")
    text = (
        "more of the science's own choices, such as '{west: -180}', '{details: ground.nc}' or '{smiles_column: ligand}'"
    )
    option(add, "opening", dict[str, Any] | None, None, text)
    option(add, "climatology", str | None, None, "of the weather: NetCDF, Zarr or the folder of Prithvi WxC's files")
    text = "of molecules: more models of the same properties; their mean is predicted, with the deviation beside it"
    option(add, "ensemble", list[str] | None, None, text)
    text = (
        "of molecules: table with measured values that no model has learned from; gives intervals or calibrated classes"
    )
    option(add, "calibrate", str | None, None, text)
    option(add, "level", float | None, None, "intervals that should hold the value; 0.9 if not given [share]")
    option(add, "plot", str | None, None, "picture to write: a map for each variable and some of the lead times")
    call(parse(parser, words))


def call(given: dict[str, Any]) -> None:
    """Do what parsed values say: in blocks where the science has them, else at once."""
    from ..adapting import load
    from ..registry import domain
    from ..streaming import Blocks, rows_without

    picture, asked, model = given.pop("plot"), given.pop("output"), load(given.pop("model"))
    along, workers, dry = given.pop("along"), given.pop("workers"), given.pop("dry_run")
    models = [model, *map(load, given.pop("ensemble") or ())]
    science, opening = domain(model.domain), given.pop("opening") or {}
    state = science.read(given.pop("state"), given.pop("select") or {})
    given = {name: value for name, value in {**opening, **given}.items() if value is not None}
    ahead = given.pop("lead_times", None) or ([] if of_the_same_time(science, model) else [1.0])
    blocks = Blocks(models if len(models) > 1 else model, state, ahead, along, given)
    output = output_of(asked, endings(science, blocks, given))
    if picture is not None and blocks.pieces is not None:
        raise UsageError("a picture is of a prediction that is made at once, got one in blocks; leave out --plot")
    if dry:
        print(json.dumps(blocks.plan(workers), indent=1))
    elif blocks.pieces is None or output.suffix in IMAGES:  # an image is written row by row as it is made
        print(written_at_once(science, model, state, blocks.lead_times, asked, output, picture, given))
    elif blocks.pieces.along is None:
        rows, without = rows_without(made := blocks.write(output, workers))
        print(f"{rows} rows in {made}, {without} without a prediction")
    else:
        print(blocks.write(output, workers))


def endings(science: Any, blocks: Any, given: dict[str, Any]) -> Sequence[str]:
    """Endings of the files that a prediction may be written to, the usual one first."""
    if blocks.pieces is not None and blocks.pieces.along is None:
        return TABLES
    images = IMAGES if "occurrences" in given else ()
    perhaps = TABLES if blocks.pieces is None and not writes(science) else ()  # of counts, which are a table
    return (*FIELDS, *images, *perhaps)


def of_the_same_time(science: Any, model: Any) -> bool:
    """Whether a model answers at the times of what it is given, such as one of downscaling."""
    return bool(getattr(science, "of_the_same_time", lambda model: False)(model))


def writes(science: Any) -> bool:
    """Whether the science writes a forecast itself, lead time by lead time."""
    return "output" in signature(science.predict).parameters


def output_of(asked: str | None, endings: Sequence[str]) -> Path:
    """Where a prediction is written that can have these endings.

    Raises:
        UsageError: another ending.
    """
    output = Path(f"forecast{endings[0]}" if asked is None else asked)
    if output.suffix not in endings:
        cure = (
            "a picture is drawn with --plot" if output.suffix in PICTURES else f"take {output.with_suffix(endings[0])}"
        )
        raise UsageError(
            f"this prediction is written under a name that ends in {', '.join(endings)}, got {asked}; {cure}"
        )
    return output


def written_at_once(
    science: Any,
    model: Any,
    state: Any,
    times: Sequence[float],
    asked: str | None,
    output: Path,
    picture: str | None,
    given: dict[str, Any],
) -> str:
    """Predict and write; what was written, in words."""
    import pandas as pd
    import xarray as xr

    from ..forecasting import predict
    from ..writing import made_folder, write

    made_folder(output.parent)
    if output.suffix in IMAGES:
        made = predict(model, state, times, output=output, **given)
    elif writes(science):
        made = predict(model, state, times, output=output, overwrite=True, **given)
    else:
        made = predict(model, state, times, **given)
        output = output_of(asked, TABLES if isinstance(made, pd.DataFrame) else FIELDS)
        write(made, output)
    said = f"{dict(made.sizes)} in {output}" if isinstance(made, xr.Dataset) else f"{len(made)} rows in {output}"
    if picture is None:
        return said
    from ..plots import prediction_maps, save

    return f"{said}\n{save(prediction_maps(made), Path(picture))}"
