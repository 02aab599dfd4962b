"""What does the core cost, against a stack of the transformers library's Swin-v2 layers of the same shape?

    python benchmarks/core.py [--quick] [--threads 2] --json FILE

Both are the Poseidon-T configuration on 128x128 points (32x32 tokens): four stages down and four up. Ours includes all
that it does more than the peer: time-conditioned norms, skips with ConvNeXt blocks, stage residuals. Times are the
least of interleaved runs, in CPU seconds of all threads and in wall seconds: other work on the machine only adds to
them, to CPU seconds too, because it empties the caches. Memory is the peak of a process of its own above what it holds
when the model and its input are ready, and the modules are loaded that torch imports at the first checkpoint (61 MB of
Python, which the first step of an optimiser imports as well).
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from humboldt.domains.pde import poseidon_t
from humboldt.foundations import Core, Tokens
from humboldt.foundations.linear import linear

PEER = "transformers Swin-v2 layers"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WIDTH, SIDE, STAGES = 48, 32, 4


class Ours(nn.Module):
    """The core of Poseidon-T, lead time included."""

    def __init__(self) -> None:
        super().__init__()
        self.core = Core(poseidon_t().core)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1024, 48) to the same shape."""
        time = torch.full((len(x), 1), 0.5)
        return self.core(Tokens(x.unflatten(1, (SIDE, SIDE)), time)).x.flatten(1, 2)


class Peer(nn.Module):
    """Swin-v2 stages down with the library's merging, and up with a linear map to the finer grid."""

    def __init__(self) -> None:
        super().__init__()
        from transformers.models.swinv2.configuration_swinv2 import Swinv2Config
        from transformers.models.swinv2.modeling_swinv2 import Swinv2PatchMerging, Swinv2Stage

        config = Swinv2Config(
            image_size=128, patch_size=4, embed_dim=WIDTH, depths=[4] * 4, num_heads=[3, 6, 12, 24], window_size=16
        )

        def stage(i: int, merge: bool) -> nn.Module:
            side, downsample = SIDE // 2**i, Swinv2PatchMerging if merge else None
            return Swinv2Stage(config, WIDTH * 2**i, (side, side), 4, 3 * 2**i, [0.0] * 4, downsample)

        coarse = range(STAGES - 1, -1, -1)
        self.down = nn.ModuleList(stage(i, i < STAGES - 1) for i in range(STAGES))
        self.up = nn.ModuleList(stage(i, False) for i in coarse)
        self.expand = nn.ModuleList(nn.Linear(WIDTH * 2**i, 2 * WIDTH * 2**i) for i in coarse[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1024, 48) to the same shape."""
        kept: list[Tensor] = []
        for i, stage in enumerate(self.down):
            x, before, _ = stage(x, (SIDE // 2**i,) * 2)
            kept.append(before)
        for k, stage in enumerate(self.up):
            side = SIDE // 2 ** (STAGES - 1 - k)
            if k:
                x = self.expand[k - 1](x).view(len(x), side // 2, side // 2, 2, 2, -1)
                x = x.transpose(2, 3).reshape(len(x), side * side, -1) + kept[STAGES - 1 - k]
            x = stage(x, (side, side))[0]
        return x


def work(model: nn.Module, x: Tensor, backward: bool, dtype: torch.dtype) -> Callable[[], None]:
    """One forward pass in evaluation, or one forward and backward pass in training."""

    def run() -> None:
        model.train(backward)
        with torch.set_grad_enabled(backward), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            out = model(x)
        if backward:
            model.zero_grad()
            out.float().square().mean().backward()

    return run


def interleaved(runs: list[Callable[[], Any]], repeats: int) -> list[tuple[float, float]]:
    """Least CPU seconds and wall seconds of each, run in turns after one turn to warm up."""
    times: list[list[tuple[float, float]]] = [[] for _ in runs]
    for turn in range(repeats + 1):
        for run, found in zip(runs, times, strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            if turn:
                found.append((time.process_time() - cpu, time.perf_counter() - wall))
    return [(min(c for c, _ in found), min(w for _, w in found)) for found in times]


def resident() -> int:
    """Bytes of memory that the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def peak_memory(kind: str, batch: int, backward: bool) -> float:
    """MB above the ready model at the peak of a pass, sampled every millisecond in this (fresh) process."""
    model: nn.Module = Peer() if kind == "peer" else Ours()
    if kind == "checkpointing":
        model.core.checkpointing = True  # type: ignore[union-attr]
    work(model, torch.randn(1, SIDE**2, WIDTH), False, torch.float32)()  # loads kernels, fills tables
    checkpoint(torch.sin, torch.zeros(1, requires_grad=True), use_reentrant=False)  # imports of torch
    run = work(model, torch.randn(batch, SIDE**2, WIDTH), backward, torch.float32)
    before, peak, done = resident(), [0], threading.Event()

    def sample() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=sample)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return (peak[0] - before) / 2**20


def memory_in_own_process(kind: str, batch: int, backward: bool, threads: int) -> float:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--memory", kind, str(batch), str(int(backward)), "--threads", str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def row(case: str, ours: float, peer: float, unit: str) -> dict[str, Any]:
    """A line of the result; below 1 is better."""
    print(f"{case:58s} {ours:9.3f} {peer:9.3f} {unit:6s} {ours / peer:.2f}", flush=True)
    return {"case": case, "ours": ours, "peer": peer, "peer_name": PEER, "unit": unit, "ratio": ours / peer}


Case = tuple[int, str, bool]  # batch, number type, with a backward pass
ALL: tuple[Case, ...] = tuple((b, name, backward) for b in (1, 4) for name in DTYPES for backward in (False, True))
FEW: tuple[Case, ...] = ((1, "float32", False), (4, "float32", False), (4, "float32", True), (4, "bfloat16", True))


def time_rows(pair: list[nn.Module], mode: str, cases: tuple[Case, ...], repeats: int) -> list[dict[str, Any]]:
    """CPU and wall seconds of each case."""
    rows = []
    for batch, name, backward in cases:
        x = torch.randn(batch, SIDE**2, WIDTH)
        case = f"{'forward+backward' if backward else 'forward'}, batch {batch}, {name}, {mode}"
        runs = [work(model, x, backward, DTYPES[name]) for model in pair]
        (cpu, wall), (peer_cpu, peer_wall) = interleaved(runs, repeats)
        rows += [row(case, cpu, peer_cpu, "CPU s"), row(case, wall, peer_wall, "s")]
    return rows


def memory_rows(threads: int) -> list[dict[str, Any]]:
    """Batch 4 in float32; the last row with activation checkpointing on our side only."""
    rows = []
    for backward in (False, True):
        case = f"memory, {'forward+backward' if backward else 'forward'}, batch 4, float32"
        peer = memory_in_own_process("peer", 4, backward, threads)
        rows.append(row(case, memory_in_own_process("ours", 4, backward, threads), peer, "MB"))
    ours = memory_in_own_process("checkpointing", 4, True, threads)
    return [*rows, row(f"{case}, checkpointing", ours, peer, "MB")]


def print_share(model: nn.Module) -> None:
    """How much of the machine's matrix-product rate the forward and the backward pass reach."""
    from torch.utils.flop_counter import FlopCounterMode

    a, b, x = torch.randn(1024, 1024), torch.randn(1024, 1024), torch.randn(4, SIDE**2, WIDTH)
    passes = [work(model, x, backward, torch.float32) for backward in (False, True)]
    products = [lambda: torch.mm(a, b), lambda: linear(a, b, None)]  # the two libraries that torch brings along
    (one, _), (other, _), (forward, _), (both, _) = interleaved([*products, *passes], 2)
    exact = copy.deepcopy(model).double()  # in double precision linear maps are made by operations that are counted
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        exact(x.double())
    rate, count = 2 * 1024**3 / min(one, other), counter.get_total_flops()
    print(f"matrix products of 1024x1024 in float32: {rate / 1e9:.0f} GFLOP per CPU s")
    print(f"products of a forward pass, batch 4: {count / 1e9:.1f} GFLOP, {count / forward / rate:.0%} of that rate")
    print(f"forward and backward, counted three times as much: {3 * count / both / rate:.0%}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="eager only, few cases and repeats")
    parser.add_argument("--json", type=Path, help="where the rows are written")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    parser.add_argument(
        "--memory", nargs=3, metavar=("KIND", "BATCH", "BACKWARD"), help="print one peak in MB and stop"
    )
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    if choice.memory:
        return print(peak_memory(choice.memory[0], int(choice.memory[1]), choice.memory[2] == "1"))
    torch.manual_seed(0)
    eager: list[nn.Module] = [Ours(), Peer()]
    repeats = 2 if choice.quick else 7
    rows = time_rows(eager, "eager", FEW if choice.quick else ALL, repeats)
    if not choice.quick:
        rows += time_rows([torch.compile(m) for m in eager], "compiled", ALL, repeats)  # type: ignore[misc]
    rows += memory_rows(choice.threads)
    print_share(eager[0])
    if choice.json:
        choice.json.write_text(json.dumps(rows, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
