"""What several processes cost beside one, and whether saving, resuming and staging keep the disk busy.

`python benchmarks/scaling.py [--quick] --json FILE`
"""

import argparse
import json
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _prediction_memory import peaks
from safetensors.torch import save_file

import humboldt.finetune.training  # noqa: F401 - before forks, so that no process imports it by itself
from humboldt.batch import staged
from humboldt.domains.pde import FieldBatch, build, poseidon_t
from humboldt.embedded.pde import fresh_pde_nano
from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model, content_hash, read_config, read_weights

BATCH = 8


class Fields:
    """Random periodic fields that move by a point."""

    def __init__(self) -> None:
        self.fields = torch.randn(32, 4, 32, 32, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.fields)

    def batch(self, indices: Any) -> Any:
        fields = self.fields[list(indices)]
        times = torch.full((len(fields),), 0.025)
        return FieldBatch(fields=fields, lead_time=times, target=fields.roll(1, -1), periodic=(True, True))

    def describe(self) -> dict[str, Any]:
        return {"fingerprint": "random"}


def train(steps: int, threads: int) -> None:
    torch.set_num_threads(threads)
    fit(fresh_pde_nano(0), Fields(), recipe=Recipe(steps=steps, batch_size=BATCH, log_every=1000), progress=False)  # type: ignore[arg-type]


def cost(size: int, threads: int, steps: int) -> float:
    """CPU seconds per sample of `size` processes, without what they cost before the first step."""
    return (_cpu(size, threads, 1 + steps) - _cpu(size, threads, 1)) / (steps * BATCH)


def _cpu(size: int, threads: int, steps: int) -> float:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    def one(rank: int) -> None:
        if size > 1:
            told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", **{key: str(value) for key, value in told.items()}}
        train(steps, threads)
        os._exit(0)

    before = os.times()
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=one, args=(rank,)) for rank in range(size)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert all(process.exitcode == 0 for process in running)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def seconds(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The fastest turn of each of some works, which take turns so that what else the machine does hits all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            found[name].append(time.perf_counter() - begin)
    return {name: min(times) for name, times in found.items()}


def row(case: str, ours: float, peer: float, peer_name: str, unit: str) -> dict[str, Any]:
    return {"case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ours / peer}


def processes(steps: int) -> list[dict[str, Any]]:
    """What a sample costs two and four processes, beside one with as many threads and beside one with one thread: what
    is more than the latter goes to other processes. Four take turns where there are fewer cores."""
    alone, rows = cost(1, 1, steps), []
    for n in (2, 4):
        ours, unit = cost(n, 1, steps), "CPU s / sample"
        rows.append(row(f"{n} processes", ours, cost(1, n, steps), f"one process with {n} threads", unit))
        rows.append(row(f"{n} processes, and one thread", ours, alone, "one process with one thread", unit))
    return rows


def disk(folder: Path, repeats: int) -> list[dict[str, Any]]:
    """A checkpoint of 83 MB and a file of as much that is staged, against what the disk does with the same bytes.

    The disk is asked to have them all (fsync) where its speed is the measure; a plain copy only reaches the memory of
    the system.
    """
    model = poseidon()
    model.save(folder / "model")
    weights = folder / "model" / "model.safetensors"
    content, state = weights.read_bytes(), model.state_dict()
    disk, place = folder / "disk", folder / "library"

    def put(path: Path, content: bytes | None = None) -> None:
        with path.open("r+b" if content is None else "wb") as file:
            file.write(content or b"")
            file.flush()
            os.fsync(file.fileno())

    def library(state: dict[str, torch.Tensor], place: Path) -> None:
        save_file(state, place)
        put(place)
        content_hash(place)

    def stage(sync: bool) -> None:
        shutil.rmtree(disk, ignore_errors=True)
        copy = staged(weights, disk)
        if sync:
            put(copy)

    def check() -> None:
        read_weights(folder / "model", read_config(folder / "model")["sha256"])

    found = seconds(
        {
            "raw": lambda: put(folder / "raw", content),
            "save": lambda: model.save(folder / "again"),
            "library": lambda: library(state, place),
            "hash": lambda: content_hash(weights),
            "check": check,
            "stage": lambda: stage(False),
            "stage and fsync": lambda: stage(True),
            "copy": lambda: shutil.copyfile(weights, folder / "copy"),
        },
        repeats,
    )
    raw, save = (found["raw"], "raw write and fsync"), (found["save"], "the whole save")
    return [
        row("save with SHA-256", found["save"], *raw, "s"),
        row("save by the library, fsync, SHA-256 of the file", found["library"], *raw, "s"),
        row("SHA-256 of the file alone", found["hash"], *save, "s"),
        row("read and check SHA-256", found["check"], *raw, "s"),
        row("stage, compare and fsync", found["stage and fsync"], *raw, "s"),
        row("stage and compare", found["stage"], found["copy"], "copy, without fsync", "s"),
    ]


def memory(folder: Path) -> list[dict[str, Any]]:
    """Peak memory of `humboldt predict` where there is eight times as much to predict."""
    return [row(f"predict {name}, 8 x", large, small, "the eighth of it", "MB") for name, (small, large) in
            peaks(folder).items()]  # fmt: skip


def poseidon() -> Model:
    """The smallest published model of fields, with fresh weights."""
    return build(poseidon_t())


PARTS = {
    "torch": ("torch", "torchgen", "sympy", "mpmath"),
    "lightning": ("lightning", "torchmetrics", "scipy", "matplotlib", "transformers", "huggingface_hub", "pyparsing"),
    "data": ("xarray", "pandas", "zarr", "numcodecs", "dask", "netCDF4", "h5netcdf", "h5py", "cftime"),
    "humboldt": ("humboldt",),
}
"""Whose imports the start of a run waits for; what lightning pulls in is counted with it."""


def start(folder: Path) -> list[dict[str, Any]]:
    """Processor seconds from the command to the end of its first step, and what they go to.

    The peer imports what it needs. Parts are shares of a second start that times its imports.
    """
    data = Path(__file__).parents[1] / "data_catalog" / "examples" / "burgers2d.nc"
    words = ["-m", "humboldt", "finetune", "humboldt/pde-nano", str(data), "--steps", "1", "--batch-size", "2"]
    words += ["--validation-samples", "1", "--samples", "1", "--output"]
    whole, imports = spent([*words, str(folder / "run")])[0], spent(["-c", "import torch, lightning"])[0]
    rows = [row("command to first step", whole, imports, "import of torch and lightning", "CPU s")]
    timed, wall, told = spent(["-X", "importtime", *words, str(folder / "timed")])
    found = dict.fromkeys([*PARTS, "other imports"], 0.0)
    for line in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)", told):
        top = line[1].split(".")[0]
        part = next((name for name, tops in PARTS.items() if top in tops), "other imports")
        found[part] += 1e-6 * int(line[0]) * timed / wall
    found["model, data, first step, saving"] = timed - sum(found.values())
    return rows + [row(f"of it: {name}", part, timed, "the whole start", "CPU s") for name, part in found.items()]


def spent(words: list[str]) -> tuple[float, float, str]:
    """Processor seconds and seconds of a Python process, and what it said on standard error."""
    before = os.times()
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, after.elapsed - before.elapsed, done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    rows = processes(4 if given.quick else 20)  # first: a process that has used threads forks into ones that hang
    with tempfile.TemporaryDirectory() as folder:
        rows += disk(Path(folder), 40) + start(Path(folder)) + memory(Path(folder))
    Path(given.json).write_text(json.dumps(rows, indent=1) + "\n")
    for one in rows:
        print(f"{one['case']:34} {one['ours']:.3g} / {one['peer']:.3g} {one['unit']} = {one['ratio']:.2f}")


if __name__ == "__main__":
    main()
