"""Trained on one grid, tested on finer ones: python benchmarks/pde_suite/resolution.py --data runs/pde_suite [...]

Tunes the pretrained model and its random twin on some trajectories of a family at --resolution, and scores both on the
same test trajectories solved and shown on each grid of --finer, as they are and resampled to the grid that was learned
(`at_resolution`). Prints a Markdown table of errors (as in `run.py`) and writes it to --output.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from families import FAMILIES, open_family
from run import scores

import humboldt
from humboldt.domains.pde import at_resolution

MODELS = ("pde-nano", "scratch")


def main() -> None:
    """Tune, score, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the generated stores")
    add("--output", type=Path, default=None, help="the table, as Markdown")
    add("--families", type=lambda text: text.split(","), default=["ns-pwc", "ce-rpui"], help="comma-separated")
    add("--resolution", type=int, default=64, help="to learn on (%(default)s)")
    add("--finer", type=lambda text: [int(t) for t in text.split(",")], default=[128, 256], help="to test on as well")
    add("--train", type=int, default=16, help="trajectories to learn from (%(default)s)")
    add("--test", type=int, default=8, help="test trajectories (%(default)s)")
    add("--steps", type=int, default=200, help="of 8 pairs (%(default)s)")
    add("--pretrained", default="humboldt/pde-nano", help="a name or folder (%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    grids = [options.resolution, *options.finer]
    lines = ["| family | model | " + " | ".join(map(str, grids)) + " |", "|---|---|" + "---:|" * len(grids)]
    for family in options.families:
        for model, errors in table(family, grids, options).items():
            lines.append(f"| {family} | {model} | " + " | ".join(f"{e:.4f}" for e in errors) + " |")
            print(lines[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


def table(family: str, grids: list[int], options: argparse.Namespace) -> dict[str, list[float]]:
    """Errors of both models and of persistence on every grid."""
    choices: dict[str, Any] = {"train": options.train, "test": options.test}
    stores = {grid: open_family(family, options.data, resolution=grid, **choices) for grid in grids}
    found: dict[str, list[float]] = {}
    for name in MODELS:
        start = humboldt.from_pretrained(options.pretrained, random=name == "scratch", seed=0)
        data = stores[options.resolution].split("train")
        model = humboldt.finetune(start, data, steps=options.steps, warmup=options.steps // 20, progress=False)
        ways = {name: model, f"{name}, resampled": at_resolution(model, options.resolution)}
        for way, asked in ways.items():
            rows = [scores(asked, stores[grid], FAMILIES[family]) for grid in grids]
            found[way] = [float(row["error"] or 0.0) for row in rows]
            found["persistence"] = [float(row["persistence"] or 0.0) for row in rows]
    return found


if __name__ == "__main__":
    main()
