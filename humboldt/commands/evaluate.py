"""humboldt evaluate MODEL DATA"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Score a model."""
    parser = make_parser("evaluate", "Score a model on held-out data: median relative errors, beside persistence.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    parser.add_argument("data", type=str, help="file or store with the trajectories")
    add = parser.add_argument
    option(add, "split", Literal["train", "validation", "test", "all"], "test", "part of the data")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    option(add, "climatology", str | None, None, "of the weather: NetCDF, Zarr or the folder of Prithvi WxC's files")
    option(add, "lead_steps", list[int] | None, None, "frames to look ahead, such as 2,5,10; all if not given [frames]")
    option(
        add,
        "rollout",
        Literal["direct", "autoregressive"] | None,
        None,
        "each lead time at once (the default), or in steps",
    )
    option(
        add,
        "step",
        float | None,
        None,
        "autoregressive step; if not given one frame, of weather the shortest lead time [time units of the model]",
    )
    option(add, "twin", bool, False, "also score the same network with random weights")
    option(add, "physical", bool | None, None, "errors in physical units instead of normalised fields")
    option(add, "resolution", int | None, None, "of PDE: grid that fields are resampled to [points an axis]")
    option(add, "batch_size", int | None, None, "at a time; 8 of fields if not given [trajectories, states, molecules]")
    option(add, "seed", int, 0, "seed of the twin [integer]")
    option(add, "output", str | None, None, "folder for scores.json, scores.nc and plots; none if not given")
    option(add, "json", bool, False, "print JSON instead of a table")
    option(add, "dry_run", bool, False, "print data, models, memory and time; score a few only and write nothing")
    given = parse(parser, words)
    from ..adapting import load
    from ..scoring import evaluate, plan_evaluate

    dry = given.pop("dry_run")
    split, model, data = given.pop("split"), load(given.pop("model")), given.pop("data")
    given = {name: value for name, value in given.items() if value is not None}
    if (climatology := given.pop("climatology", None)) is not None:
        given["opening"] = {**given.get("opening", {}), "climatology": climatology}
    given["split"] = None if split == "all" else split
    if dry:
        print(json.dumps(plan_evaluate(model, data, **given), indent=1, default=str))
    else:
        evaluate(model, data, **given)
