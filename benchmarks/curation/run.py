"""Is a curated half of the training data as good as all of it, or better than a random half?

    humboldt generate ns-sines --samples 120 --resolution 32 --snapshots 8 --output ns.zarr
    python benchmarks/curation/run.py ns.zarr --output docs/experiments/records/curation.jsonl

Runs that are in the records are not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import humboldt
from humboldt.curating import curate
from humboldt.manifest import Manifest
from humboldt.measuring import measure
from humboldt.pairing import paired
from humboldt.results import Result, provenance, read_results, write_results
from humboldt.view import Chosen

MODEL = "humboldt/pde-nano"
SPLIT = {"train": 32, "validation": 8, "test": 48}
STEPS, LEADS = 60, [1, 3]


def spoiled(data: xr.Dataset) -> xr.Dataset:
    """Half of the training trajectories as archives hold them: 8 stand still, 4 are copies, 4 are in another unit."""
    order = np.random.default_rng(0).permutation(SPLIT["train"])
    still, copies, large, good = order[:8], order[8:12], order[12:16], order[16:]
    data = data.load().copy(deep=True)
    for name, field in data.data_vars.items():
        if "sample" in field.dims and "time" in field.dims:
            values = field.transpose("sample", "time", ...).values.copy()
            values[still] = values[still][:, :1]
            values[copies] = values[good[:4]]
            values[large] *= 10
            data[name] = (field.transpose("sample", "time", ...).dims, values, field.attrs)
    return data


def arms(kind: str, data: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """What is learned from, by name; the random half is another one for every seed."""
    scored = curate(data)
    if kind == "spoiled":
        half = scored
    else:
        middle = float(np.median(np.array(scored.scores["change"], float)))
        half = scored.select(change=(middle, None))
    yield "curated", half
    yield "random", half.control(seed)
    yield "all", half.select()


def run(kind: str, name: str, kept: Manifest, data: Any, seed: int) -> Result:
    """Train on a list and score on the test part, which is never spoiled."""
    tuned = humboldt.finetune(MODEL, Chosen(data, kept), steps=STEPS, batch_size=8, seed=seed, progress=False)
    found = measure(tuned, data.split("test"), lead_steps=LEADS)
    return Result(
        protocol="curation", model=MODEL, method=name, control=name == "random", data=f"ns-sines, {kind}",
        metric=found.metric, unit=found.unit, value=found.value, samples=len(kept.kept), steps=STEPS,
        scores=found.samples, settings={"lead_steps": LEADS}, **provenance(tuned, data, seed=seed),
    )  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """A row a kind of data and list: mean and range over seeds, and the difference to the random half by sample."""
    lines = ["| data | trained on | trajectories | error, mean [range] of seeds | less random, by seed |"]
    lines += ["|---|---|---:|---:|---|"]
    for data, name in dict.fromkeys((r.data, r.method) for r in results):
        mine = [r for r in results if (r.data, r.method) == (data, name)]
        values = [r.value for r in mine]
        beside = {r.seed: r for r in results if (r.data, r.method) == (data, "random")}
        pairs = [paired(r, beside[r.seed]) for r in mine if name != "random"]
        said = "; ".join(f"{p.difference:+.4f} [{p.low:+.4f}, {p.high:+.4f}]" for p in pairs)
        spread = f"{np.mean(values):.4f} [{min(values):.4f}, {max(values):.4f}]"
        lines.append(f"| {data} | {name} | {mine[0].samples} | {spread} | {said} |")
    return "\n".join(lines)


def main() -> None:
    """Every run that is not in the records, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="the generated trajectories")
    parser.add_argument("--output", type=Path, required=True, help="file of records")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    results = read_results(given.output) if given.output.is_file() else []
    there = {(r.data, r.method, r.seed) for r in results if r.steps == STEPS}
    sources = {"spoiled": spoiled(xr.open_zarr(given.store)), "as generated": xr.open_zarr(given.store)}
    for seed in range(given.seeds):
        for kind, source in sources.items():
            data = humboldt.open(source, split=SPLIT)
            for name, kept in arms(kind, data, seed):
                if (f"ns-sines, {kind}", name, seed) in there:
                    continue
                results.append(run(kind, name, kept, data, seed))
                write_results(given.output, results)
                print(results[-1].data, name, len(kept.kept), seed, round(results[-1].value, 4), flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
