"""How many trajectories does a model need, on each of fifteen families? The experiment of the Poseidon paper, small.

    python benchmarks/pde_suite/run.py --data runs/pde_suite --output docs/experiments/records/pde_suite.jsonl

tunes the pretrained model, its random twin, an FNO and a U-Net on each family over 1, 2, 4, ..., 128 trajectories, and
appends a record per run. A run whose record is there is skipped, so the command can be stopped and given again; with
--part 3/8 it makes every eighth run only, so an array of jobs fills one file of records. All models of a
(family, trajectories, seed) see the same pairs. Errors are the median over the test trajectories of the relative L1 of
normalised fields, mean over the scored groups, from the first frame to the last one that was learned.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from families import FAMILIES, FIRST_TEST, open_family, scored_groups
from neighbours import Examples, Increment, append, fno, read_records, train, unet

import humboldt
import humboldt.domains.pde as pde
from humboldt.domains.pde.problems import problem
from humboldt.foundations import Context, Normaliser

MODELS = ("pde-nano", "scratch", "pde-nano-fine", "scratch-fine", "frozen", "fno", "unet")
WEIGHTS = dict.fromkeys(("pde-nano-fine", "scratch-fine"), "humboldt/pde-nano-fine")  # of the others: --pretrained
RATES = {"fno": 3e-3, "unet": 1e-3}
STEPS = dict.fromkeys(MODELS, 200)
KEY = ("family", "model", "trajectories", "seed", "steps", "pairs", "resolution", "pretrained")
FURTHER = 3  # horizons of the rollout that must stay bounded


def main() -> None:
    """Make the runs that have no record yet."""
    options = arguments().parse_args()
    torch.set_num_threads(options.threads)
    for family, runs in itertools.groupby(list(planned(options)), key=lambda run: run["family"]):
        data = None
        for run in runs:
            if key(run) in {key(record) for record in read_records(options.output)}:
                continue
            data = data or open_family(
                family, options.data, train=max(FIRST_TEST, *options.trajectories), test=options.test,
                resolution=options.resolution, pairs=options.pairs,
            )  # fmt: skip
            append(options.output, [made(run, data, options)])


def planned(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The keys of the runs of this part, family by family, few trajectories first."""
    number, parts = options.part
    every = itertools.product(options.families, options.trajectories, options.seeds, options.models)
    for index, (family, trajectories, seed, model) in enumerate(every):
        if index % parts == number:
            yield {
                "family": family, "model": model, "trajectories": trajectories, "seed": seed,
                "steps": options.steps[model], "pairs": options.pairs, "resolution": options.resolution,
                "pretrained": WEIGHTS.get(model, options.pretrained),
            }  # fmt: skip


def key(record: dict[str, Any]) -> tuple[Any, ...]:
    """What tells one run from another."""
    return tuple(record[name] for name in KEY)


def made(run: dict[str, Any], data: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Train, score: the record of a run."""
    part = data.split("train").take(run["trajectories"])
    examples = Examples(part, run["steps"] * options.batch, run["seed"], augmented=False)
    torch.manual_seed(run["seed"])
    began = time.process_time()
    model = trained(run, part, examples, options)
    seconds = time.process_time() - began
    record = {**run, **scores(model, data, FAMILIES[run["family"]]), "cpu_seconds": round(seconds, 1)}
    print(f"{run['family']}: {run['model']} {run['trajectories']} trajectories: {record['error']:.4f}", flush=True)
    return {**record, "parameters": sum(p.numel() for p in model.parameters()), "batch": options.batch}


def trained(run: dict[str, Any], part: Any, examples: Any, options: argparse.Namespace) -> Any:
    """The model of a run; the pretrained one and its twin by the same call as users, at the rates they advise."""
    name, seed = run["model"], run["seed"]
    if name in RATES:
        count = len(part.channels)
        network = fno(count) if name == "fno" else unet(count, periodic=all(part.periodic))
        horizon = float(max(part.lead_times()))
        model = Increment(network, part.channels, part.statistics(), horizon)
        model.context = Context()  # where a rollout notes its step
        return train(model, examples, batch=options.batch, rate=RATES[name], seed=seed)
    start = humboldt.from_pretrained(run["pretrained"], random=name.startswith("scratch"), seed=seed)
    return humboldt.finetune(
        start, examples, method="head" if name == "frozen" else "full", steps=run["steps"], batch_size=options.batch,
        warmup=run["steps"] // 20, seed=seed, progress=False,
    )  # fmt: skip


def scores(model: Any, data: Any, family: Any) -> dict[str, float | None]:
    """Errors at the horizon and beyond, of the model and of persistence, and how far a long rollout grows."""
    test = data.split("test")
    stride = float(data.times[family.stride] - data.times[0])
    step = stride if problem(data.layout.attributes["problem"]).rollout == "autoregressive" else None
    leads = [family.horizon, *([family.longer] if family.longer else [])]
    found = pde.evaluate(
        {"model": pde.model_forecaster(model, step)}, test, model.config,
        normaliser=normaliser(model, data), lead_steps=leads,
    )  # fmt: skip
    errors = found.scores["relative_l1"].sel(group=scored_groups(family, data)).median("sample").mean("group")
    rows = {name: errors.sel(forecast=name).values.tolist() for name in ("model", "persistence")}
    return {
        "error": rows["model"][0],
        "persistence": rows["persistence"][0],
        "longer": rows["model"][1] if family.longer else None,
        "growth": None if family.steps == 1 else growth(model, data, stride, FURTHER * family.steps),
    }


def normaliser(model: Any, data: Any) -> Normaliser:
    """Mean and (shared) deviation of the first training trajectories, in the order of the model's outputs.

    They are the same ones however many are learned from, so that all errors are taken of the same fields.
    """
    train = data.split("train")
    known = train.take(min(FIRST_TEST, train.trajectories)).statistics(shared=True)
    means, deviations = zip(*(known.get(c.name, (0.0, 1.0)) for c in model.config.outputs), strict=True)
    return Normaliser(means, deviations)


def growth(model: Any, data: Any, stride: float, steps: int) -> float:
    """Largest size of a normalised state on a rollout over that of the first state, the worst of up to four samples."""
    config, test, sizes = model.config, data.split("test"), normaliser(model, data)
    starts = test.take(min(4, test.trajectories)).arranged(config.inputs, config.outputs).frames(0, ahead=(1,))
    first = starts.batch(range(len(starts)))
    *_, last = pde.model_forecaster(model, stride)(first, [stride * n for n in range(1, steps + 1)])
    kept = pde.persistence(first, config.inputs, config.outputs).fields
    present = ~kept.isnan()
    after, before = (
        torch.where(present, sizes(x), 0).square().flatten(1).mean(1).sqrt() for x in (last.fields, kept)
    )  # fmt: skip
    return float(torch.nan_to_num(after / before, nan=torch.inf).max())


def arguments() -> argparse.ArgumentParser:
    """The options, each with its default."""

    def numbers(text: str) -> list[int]:
        return [int(t) for t in text.split(",")]

    def part(text: str) -> tuple[int, int]:
        number, parts = (int(t) for t in text.split("/"))
        if not 0 <= number < parts:
            raise argparse.ArgumentTypeError(f"a part is N/M with 0 <= N < M, got {text}")
        return number, parts

    def steps(text: str) -> dict[str, int]:
        if text.isdigit():
            return {name: int(text) for name in MODELS}
        return {**STEPS, **{k: int(v) for k, v in (pair.split("=") for pair in text.split(","))}}

    def among(known: Any) -> Any:
        def names(text: str) -> list[str]:
            unknown = [n for n in text.split(",") if n not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"known are {', '.join(known)}, got {unknown}")
            return text.split(",")

        return names

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the generated stores")
    add("--output", type=Path, required=True, help="records, a JSON line each")
    add("--families", type=among(FAMILIES), default=list(FAMILIES), help="comma-separated; all by default")
    add("--models", type=among(MODELS), default=[m for m in MODELS if m != "frozen"], help="comma-separated")
    add("--trajectories", type=numbers, default=[1, 2, 4, 8, 16, 32, 64, 128], help="to learn from (%(default)s)")
    add("--test", type=int, default=32, help="test trajectories (%(default)s)")
    add("--seeds", type=numbers, default=[0, 1, 2], help="comma-separated (%(default)s)")
    add("--steps", type=steps, default=STEPS, help="optimiser steps: 200, or fno=400,unet=400 (%(default)s)")
    add("--batch", type=int, default=8, help="pairs a step (%(default)s)")
    add("--pairs", choices=("all2all", "vanilla"), default="all2all", help="(%(default)s)")
    add("--resolution", type=int, default=64, help="points along an axis (%(default)s)")
    add("--pretrained", default="humboldt/pde-nano", help="weights of pde-nano, scratch and frozen (%(default)s)")
    add("--part", type=part, default=(0, 1), help="N/M: only every M-th run, from the N-th on")
    add("--threads", type=int, default=1, help="(%(default)s)")
    return parser


if __name__ == "__main__":
    main()
