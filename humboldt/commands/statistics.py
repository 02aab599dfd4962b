"""humboldt statistics DATA --train '{time: [1979, 2015]}'"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Statistics of the training part of data."""
    parser = make_parser(
        "statistics",
        "Mean, deviation, extremes, quantiles and increments of each variable in one pass, kept beside the data. "
        "The same command goes on after an interruption.",
    )
    parser.add_argument(
        "source",
        nargs="+",
        type=str,
        help="Zarr store, file, folder, quoted pattern, several files, or a name of the catalog",
    )
    add = parser.add_argument
    text = "what is trained on, '{time: [1979, 2015]}', '{sample: 16}' or all; the catalog's, or the usual split"
    option(add, "train", dict[str, Any] | str | None, None, text)
    option(add, "leads", list[int], [1], "lead times of the increments [steps]")
    option(add, "per", list[str] | None, None, "dimension with statistics for each place; levels and components")
    option(
        add, "weights", Literal["area", "none"], "area", "cells count by their area, where the grid says it, or alike"
    )
    option(add, "infinite", Literal["error", "missing"], "error", "what infinite values are")
    option(add, "variables", list[str] | None, None, "variables to take, such as u,v; all numeric ones by default")
    option(add, "scheduler", str, "threads", "threads, processes, here, or a dask cluster such as tcp://host:8786")
    option(add, "workers", int, 2, "threads or processes")
    option(add, "block_bytes", int, 2**25, "size of a block in float64, about [bytes]")
    option(add, "json", bool, False, "print everything as JSON")
    given = parse(parser, words)
    from humboldt.data_catalog import compute_statistics

    from ..cataloguing import from_catalog, is_catalog_name, training_range

    if isinstance(given["train"], str) and given["train"] != "all":
        raise UsageError(
            f"a training part is all, or says what of which dimension, got {given['train']!r}; say it as "
            "'{time: [1979, 2015]}' or '{sample: 16}', with a space behind each colon"
        )
    source, as_json = given.pop("source"), given.pop("json")
    source = source[0] if len(source) == 1 else source
    if is_catalog_name(source):
        entry, source = from_catalog(source)
        given["train"] = given["train"] or training_range(entry)
    found = compute_statistics(source, **given)
    print(json.dumps(found, indent=1) if as_json else table(found))


def table(found: dict[str, Any]) -> str:
    """Mean, deviation and extremes, a row a variable and level."""
    columns = ("mean", "std", "min", "max", "missing")
    over = ", ".join(f"{count} of {size} along {dim}" for dim, (count, size) in found["over"].items())
    lines = [
        f"fingerprint {found['fingerprint']}, over {over or 'all'}",
        "".join(f"{c:>14}" for c in ("", *columns)),
    ]
    for name, entry in found["variables"].items():
        places = (
            entry.get(entry.get("per", ""), range(len(entry["mean"]))) if isinstance(entry["mean"], list) else [None]
        )
        for number, place in enumerate(places):
            values = [entry[c] if place is None else entry[c][number] for c in columns]
            label = name if place is None else f"{name} {place}"
            lines.append(f"{label:>14}" + "".join(f"{'-' if v is None else f'{v:.6g}':>14}" for v in values))
    return "\n".join(lines)
