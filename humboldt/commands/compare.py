"""humboldt compare MODEL DATA --methods lora,hydra --output FOLDER"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cli import make_parser, option, parse
from ..comparing import compare
from ..comparison_page import write_page
from ..comparison_table import table
from .finetune import recipe_options, said

METHODS = [
    "full", "head", "norms", "lora", "dora", "hydra", "nlt", "bottleneck", "conv", "f_adapter", "taps", "lae",
    "aft",
]  # fmt: skip


def run(words: Sequence[str]) -> None:
    """Adapt in every way, print the table, write it and the plot."""
    parser = make_parser("compare", "Adapt a model in many ways, with the random control, and score every result.")
    add = parser.add_argument
    add("model", type=str, help="name, folder or hub repository of a model")
    add("data", type=str, help="file or store; it has parts to train on, to validate and to test")
    option(add, "methods", list[str], METHODS, "names of methods, with options as hydra:rank=4")
    option(add, "samples", list[int], [4, 16], "numbers of trajectories (sites, molecules) to train on")
    option(add, "seeds", list[int], [0, 1, 2], "seeds of every run")
    option(add, "strengths", list[float], [1.0, 4.0], "factors of all learning rates; validation chooses")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    option(add, "lead_steps", list[int] | None, None, "frames ahead that are scored (PDEs); all if not given")
    option(add, "task", str, "forecast", "what the tuned models do")
    option(add, "limit", float | None, None, "begin no new run after so many CPU seconds; no limit if not given")
    option(add, "output", str, "runs/comparison", "folder of records, table, plot and page; the same command goes on")
    recipe_options(parser)
    given = said(parse(parser, words), words)
    given.pop("seed", None)
    folder = Path(given["output"])
    found = compare(given.pop("model"), given.pop("data"), **given)
    print(table(found))
    from humboldt.foundations import MissingMatplotlibError

    from ..plots import save_comparison

    lines = [json.dumps({**r, "data": {"source": r["result"]["data"]}}) for r in found]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    write_page(folder / "records.jsonl", folder / "which_method.md")
    try:
        save_comparison(found, folder / "records")
    except MissingMatplotlibError as error:
        print(error)
