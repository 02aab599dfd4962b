"""How many trajectories does a model need? Pretrained, from scratch, FNO and U-Net on data that none has seen.

    python benchmarks/transfer/run.py --data burgers.nc --periodic --output records.jsonl

appends to the records a line per (model, trajectories, seed, lead step). A run whose lines are there is skipped, so
the command can be stopped and given again. Every model sees the same examples (all2all pairs up to the full horizon,
under the same random symmetries with --augment) in the same number; those called 4x see four times as many. Errors are
the median relative L1 in physical units from frame 0 over the test trajectories, mean over channel groups.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import baselines
import torch
from training import Examples, train

import humboldt.domains.pde as pde
from humboldt.domains.pde.data import open_trajectories
from humboldt.foundations import Context

KINDS = ("pde-nano", "scratch", "pde-nano-fine", "scratch-fine", "fno", "unet")
MODELS = tuple(kind + budget for kind in KINDS for budget in ("", "4x"))
RATES = {"fno": 3e-3, "unet": 1e-3}


def main() -> None:
    """Run what is not in the records yet."""
    options = arguments().parse_args()
    torch.set_num_threads(options.threads)
    data = open_trajectories(options.data, periodic=True if options.periodic else None, split=options.split)
    done = {run_key(record) for record in read_records(options.output)}
    for trajectories in options.trajectories:
        for seed in options.seeds:
            for name in options.models:
                steps = options.steps * (4 if name.endswith("4x") else 1)
                key = (name, trajectories, seed, steps, options.augment)
                if key not in done:
                    append(options.output, run(options, data, *key))


def run(
    options: argparse.Namespace, data: Any, name: str, trajectories: int, seed: int, steps: int, augmented: bool
) -> list[dict[str, Any]]:
    """Train one model and score it: a record per lead step."""
    part = data.split("train").take(trajectories)
    examples = Examples(part, steps * options.batch, seed, augmented)
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = trained(name, part, examples, seed, options)
    seconds = time.perf_counter() - began
    medians = scored(model, data.split("test"), options.lead_steps)
    print(f"{name} {trajectories} trajectories, seed {seed}: " + " ".join(f"{e:.3f}" for e in medians), flush=True)
    about = {"model": name, "trajectories": trajectories, "seed": seed, "steps": steps, "augmented": augmented}
    count = sum(p.numel() for p in model.parameters()) if isinstance(model, torch.nn.Module) else 0
    measured = {"seconds": round(seconds, 1), "parameters": count, "rate": options.rates.get(name.removesuffix("4x"))}
    return [
        {**about, "lead_step": step, "error": error, **measured}
        for step, error in zip(options.lead_steps, medians, strict=True)
    ]


def trained(name: str, part: Any, examples: Examples, seed: int, options: argparse.Namespace) -> Any:
    """A model of this name after its examples."""
    if name == "persistence":
        return Persistence(part.channels)
    kind = name.removesuffix("4x")
    if kind in ("fno", "unet"):
        periodic = all(part.periodic)
        count = len(part.channels)
        network = baselines.fno(count) if kind == "fno" else baselines.unet(count, periodic=periodic)
        horizon = float(part.times[-1])
        model: Any = baselines.Increment(network, part.channels, part.statistics(), horizon)
        return train(model, examples, batch=options.batch, rate=options.rates[kind], seed=seed)
    from ours import tuned

    return tuned(name, examples, seed, options)


class Persistence:
    """The state stays."""

    def __init__(self, channels: Any) -> None:
        self.config, self.context = baselines.described(channels, 1.0), Context()

    def __call__(self, batch: pde.FieldBatch) -> pde.FieldPrediction:
        """The state itself."""
        return pde.persistence(batch, self.config.inputs, self.config.outputs)

    def parameters(self) -> Any:
        """None that are trained."""
        return iter([torch.zeros(())])

    training = False

    def eval(self) -> None:
        """Nothing to switch."""

    def train(self, mode: bool = True) -> None:
        """Nothing to switch."""


def scored(model: Any, data: Any, lead_steps: list[int]) -> list[float]:
    """Median relative L1 per lead step, mean over groups."""
    found = pde.evaluate({"model": pde.model_forecaster(model)}, data, model.config, lead_steps=lead_steps)
    errors = found.scores["relative_l1"].sel(forecast="model")
    return [float(e) for e in errors.median("sample").mean("group")]


def read_records(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of records; a line that was cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines if line.endswith("}")]


def run_key(record: dict[str, Any]) -> tuple[Any, ...]:
    """What tells one run from another."""
    return tuple(record[k] for k in ("model", "trajectories", "seed", "steps", "augmented"))


def append(path: Path, records: list[dict[str, Any]]) -> None:
    """All lines of a run at once, behind a line that may have been cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
        file.write("".join(json.dumps(r) + "\n" for r in records).encode())
        file.flush()
        os.fsync(file.fileno())


def arguments() -> argparse.ArgumentParser:
    """The options, each with its default."""

    def numbers(text: str) -> list[int]:
        return [int(t) for t in text.split(",")]

    def names(text: str) -> list[str]:
        found = text.split(",")
        unknown = [n for n in found if n not in (*MODELS, "persistence")]
        if unknown:
            raise argparse.ArgumentTypeError(f"models are {', '.join((*MODELS, 'persistence'))}, got {unknown}")
        return found

    def rates(text: str) -> dict[str, float]:
        return {**RATES, **{k: float(v) for k, v in (pair.split("=") for pair in text.split(","))}}

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", required=True, help="trajectories (NetCDF or Zarr)")
    add("--periodic", action="store_true", help="all space axes are periodic, where the file does not say it")
    add("--split", type=json.loads, default=None, help='JSON such as {"train": 16, "validation": 0, "test": 8}')
    add("--models", type=names, default=list(MODELS), help="comma-separated (%(default)s)")
    add("--trajectories", type=numbers, default=[1, 2, 4, 8, 16], help="comma-separated (%(default)s)")
    add("--seeds", type=numbers, default=[0, 1, 2], help="comma-separated (%(default)s)")
    add("--steps", type=int, default=100, help="optimiser steps (%(default)s)")
    add("--batch", type=int, default=8, help="examples a step (%(default)s)")
    add("--lead-steps", type=numbers, default=[2, 5, 10], help="frames ahead that are scored (%(default)s)")
    add("--rates", type=rates, default=RATES, help="highest learning rates, such as fno=1e-3 (%(default)s)")
    add("--optimiser", default="muon", help="of pde-nano and scratch: adamw or muon (%(default)s)")
    add("--precision", default="32-true", help="of pde-nano and scratch (%(default)s)")
    add("--pretrained", default="humboldt/pde-nano", help="what pde-nano is: a name or folder (%(default)s)")
    add("--augment", action="store_true", help="random symmetries of the square and periodic translations")
    add("--threads", type=int, default=1, help="threads (%(default)s)")
    add("--output", type=Path, required=True, help="records, a JSON line each")
    return parser


if __name__ == "__main__":
    main()
