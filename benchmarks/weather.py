"""What does Prithvi WxC's architecture cost here, against the same layers with torch.nn.MultiheadAttention?

    python benchmarks/weather.py [--quick] --json FILE

The network of the reference figures: 60 x 96 points, 160 channels, width 128, 16 heads, two pairs of layers in encoder
and decoder each, patches of 2, units of 30 x 32 points. The peer has the same layers, norms, perceptrons and patches;
its attention is `torch.nn.MultiheadAttention` asked for its weights, so that they are held in memory (not fused). Times
are the least of interleaved runs, in CPU seconds of all threads. Memory is the peak of a process of its own above what
it holds when the model and its input are ready. The exponent is fitted to the cost of forward passes from 1 to 16 times
the tokens; 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from humboldt.domains.weather import (
    Channel,
    WeatherBatch,
    WeatherConfig,
    build,
    forecast,
    regular,
    unit_core,
    write_forecast,
)
from humboldt.foundations import Units

PEER = "torch.nn.MultiheadAttention layers"
CHANNELS, WIDTH, HEADS, PAIRS, PATCH, UNIT, GRID = 160, 128, 16, 2, 2, (30, 32), (60, 96)


def config() -> WeatherConfig:
    """The network of the reference figures, correcting the last state."""
    core = unit_core(width=WIDTH, pairs=PAIRS, heads=HEADS, hidden=4 * WIDTH)
    names = ("latitude", "longitude", "sin_latitude", "cos_latitude")
    return WeatherConfig(
        channels=tuple(Channel(variable=f"x{i}") for i in range(CHANNELS)),
        static=tuple(Channel(variable=name) for name in names),
        core=core,
        decoder=core,
        patch=PATCH,
        unit=UNIT,
        residual="temporal",
    )


def batch(grid: tuple[int, int] = GRID) -> WeatherBatch:
    """One sample of noise, with a target."""
    noise = torch.randn(3, CHANNELS, *grid, generator=torch.Generator().manual_seed(0))
    return WeatherBatch(
        fields=noise[None, :2],
        target=noise[None, 2],
        static=torch.zeros(1, 4, *grid),
        lead_time=torch.tensor([6.0]),
        input_time=torch.tensor([6.0]),
        grid=regular(*grid),
    )


class Layer(nn.Module):
    """A pre-norm layer of the peer, along the slots of a unit or across units."""

    def __init__(self, across: bool) -> None:
        super().__init__()
        self.across = across
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, bias=False, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(unit, slot, d) to the same."""
        y = self.first(x.transpose(0, 1) if self.across else x)
        y = self.attention(y, y, y, need_weights=True)[0]
        x = x + (y.transpose(0, 1) if self.across else y)
        return x + self.perceptron(self.second(x))


class Peer(nn.Module):
    """The same network around the peer's layers."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(2 * CHANNELS, WIDTH, PATCH, PATCH)
        self.layers = nn.Sequential(*(Layer(bool(i % 2)) for _ in range(2) for i in range(2 * PAIRS + 1)))
        self.unembed = nn.Linear(WIDTH, CHANNELS * PATCH**2)

    def forward(self, given: WeatherBatch) -> Tensor:
        """The state (1, c, h, w)."""
        rows, columns = given.fields.shape[-2:]
        sizes = (UNIT[0] // PATCH, UNIT[1] // PATCH)
        units = Units((rows // UNIT[0], columns // UNIT[1]), sizes)
        x = units.cut(self.patches(given.fields.flatten(1, 2)).permute(0, 2, 3, 1))
        x = units.lay(self.unembed(self.layers(x[0])[None]))
        return nn.functional.pixel_shuffle(x.permute(0, 3, 1, 2), PATCH) + given.fields[:, -1]


def networks() -> dict[str, Callable[[WeatherBatch], Tensor]]:
    """Ours and the peer, as functions of a batch to a state."""
    torch.manual_seed(0)
    ours, peer = build(config()), Peer()
    return {"ours": lambda given: ours(given).fields, "peer": peer}


def step(network: Callable[[WeatherBatch], Tensor], given: WeatherBatch, backward: bool) -> None:
    """A forward pass, or a forward and a backward pass."""
    with torch.set_grad_enabled(backward):
        made = network(given)
        if backward:
            assert given.target is not None
            (made - given.target).square().mean().backward()


def seconds(given: WeatherBatch, backward: bool, repeats: int) -> dict[str, float]:
    """Least CPU seconds of each network, their runs interleaved."""
    found: dict[str, list[float]] = {}
    pair = networks()
    for _ in range(repeats + 1):
        for name, network in pair.items():
            begun = time.process_time()
            step(network, given, backward)
            found.setdefault(name, []).append(time.process_time() - begun)
    return {name: min(times[1:]) for name, times in found.items()}


def memory(name: str, backward: bool) -> float:
    """Peak MiB of a fresh process above what it held before its step."""
    command = [sys.executable, __file__, "--measure", name, *(["--backward"] if backward else [])]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(name: str, backward: bool) -> float:
    """The same, inside that process; `rollout-N` rolls out N steps."""
    given = batch()
    pair = networks()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    if name.startswith("rollout-"):
        stream(int(name.split("-")[1]))
    else:
        step(pair[name], given, backward)
    return resident("VmHWM") - before


def stream(steps: int) -> None:
    """A rollout of so many steps of 6 hours, each written to a NetCDF file when it is made."""
    grid, noise = regular(*GRID), batch().fields[0]
    coords = {"time": np.datetime64("2001-01-01", "ns") + np.arange(2) * np.timedelta64(6, "h"),
              "latitude": list(grid.latitude), "longitude": list(grid.longitude)}  # fmt: skip
    dims = ("time", "latitude", "longitude")
    states = xr.Dataset({f"x{i}": (dims, noise[:, i].numpy()) for i in range(CHANNELS)}, coords)
    made = forecast(build(config()), states, 6 * np.arange(1, steps + 1), step=6)
    with TemporaryDirectory() as folder:
        write_forecast(made, Path(folder) / "forecast.nc")


def resident(name: str) -> float:
    """MiB of this process (Linux): `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def exponent(repeats: int) -> float:
    """Of the cost of our forward pass in the number of tokens, from 1 to 16 times."""
    ours, costs, sizes = networks()["ours"], [], [(1, 1), (2, 2), (4, 4)]
    for rows, columns in sizes:
        given, found = batch((GRID[0] * rows, GRID[1] * columns)), []
        for _ in range(repeats + 1):
            begun = time.process_time()
            step(ours, given, backward=False)
            found.append(time.process_time() - begun)
        costs.append(min(found[1:]))
    return float(np.polyfit(np.log([r * c for r, c in sizes]), np.log(costs), 1)[0])


def row(case: str, ours: float, peer: float, unit: str, name: str = PEER) -> dict[str, Any]:
    """One comparison."""
    return {"case": case, "ours": ours, "peer": peer, "peer_name": name, "unit": unit, "ratio": ours / peer}


def main() -> None:
    """Ask all questions, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--backward", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.measure:
        print(measure(options.measure, options.backward))
        return
    repeats, rows = 3 if options.quick else 9, []
    for backward in (False, True):
        case = "forward and backward" if backward else "forward"
        found = seconds(batch(), backward, repeats)
        rows.append(row(case, found["ours"], found["peer"], "CPU s"))
        rows.append(row(case, memory("ours", backward), memory("peer", backward), "MiB"))
    rows.append(row("exponent of cost in tokens, 1 to 16 times", exponent(max(1, repeats // 3)), 1.0, "1", "linear"))
    long, short = (memory(f"rollout-{n}", False) for n in (40, 4))
    rows.append(row("rollout of 40 steps, written to disk", long, short, "MiB", "rollout of 4 steps"))
    for found_row in rows:
        print(found_row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
