"""What several processes cost beside one, and whether saving, resuming and staging keep the disk busy.

`python benchmarks/scaling.py [--quick] --json FILE`
"""

import argparse
import json
import multiprocessing
import os
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

from humboldt.batch import staged
from humboldt.embedded import fresh_pde_nano
from humboldt.finetune import Recipe, fit
from humboldt.foundations import read_config, read_weights

BATCH = 8


class Fields:
    """Random periodic fields that move by a point."""

    def __init__(self) -> None:
        self.fields = torch.randn(32, 4, 32, 32, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.fields)

    def batch(self, indices: Any) -> Any:
        from humboldt.domains.pde import FieldBatch

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


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """The fastest of some repeats."""
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def row(case: str, ours: float, peer: float, peer_name: str, unit: str) -> dict[str, Any]:
    return {"case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ours / peer}


def processes(steps: int) -> list[dict[str, Any]]:
    counts = [n for n in (2, 4) if n <= max(2, os.cpu_count() or 1)]
    alone = {n: cost(1, n, steps) for n in counts}
    return [
        row(f"{n} processes", cost(n, 1, steps), alone[n], f"one process with {n} threads", "CPU s / sample")
        for n in counts
    ]


def disk(folder: Path, repeats: int) -> list[dict[str, Any]]:
    model = fresh_pde_nano(0)
    model.save(folder / "model")
    weights = folder / "model" / "model.safetensors"
    content = weights.read_bytes() * 10
    large = folder / "large.bin"
    large.write_bytes(content)

    def raw_write() -> None:
        with (folder / "raw").open("wb") as file:
            file.write(content[: weights.stat().st_size])
            file.flush()
            os.fsync(file.fileno())

    def stage() -> None:
        shutil.rmtree(folder / "disk", ignore_errors=True)
        staged(large, folder / "disk")

    def resume() -> None:
        read_weights(folder / "model", read_config(folder / "model")["sha256"])

    save, write = seconds(lambda: model.save(folder / "again"), repeats), seconds(raw_write, repeats)
    read, raw_read = seconds(resume, repeats), seconds(weights.read_bytes, repeats)
    copied, copy = seconds(stage, repeats), seconds(lambda: shutil.copyfile(large, folder / "copy"), repeats)
    return [
        row("save with SHA-256", save, write, "raw write and fsync", "s"),
        row("read and check SHA-256", read, raw_read, "raw read", "s"),
        row("stage and compare", copied, copy, "copy", "s"),
    ]


def start(folder: Path) -> list[dict[str, Any]]:
    """Seconds from the command to the end of its first step; the peer imports what it needs."""
    data = Path(__file__).parents[1] / "data_catalog" / "examples" / "burgers2d.nc"
    words = ["-m", "humboldt", "finetune", "humboldt/pde-nano", str(data), "--steps", "1", "--batch-size", "2"]
    words += ["--validation-samples", "1", "--samples", "1", "--output", str(folder / "run")]

    def timed(words: list[str]) -> float:
        return seconds(lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True), 1)

    return [
        row(
            "command to first step",
            timed(words),
            timed(["-c", "import torch, lightning"]),
            "import of torch and lightning",
            "s",
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = disk(Path(folder), 3 if given.quick else 10) + start(Path(folder))
    rows += processes(4 if given.quick else 20)
    Path(given.json).write_text(json.dumps(rows, indent=1) + "\n")
    for one in rows:
        print(f"{one['case']:24} {one['ours']:.3g} / {one['peer']:.3g} {one['unit']} = {one['ratio']:.2f}")


if __name__ == "__main__":
    main()
