"""One training step of the published weather model by rows, of its full depth and of a width that fits this machine.

`python benchmarks/batch/large.py --width 640 --processes 2` prints for every process the share of the values that it
holds and its peak memory, beside what a process would need that holds the whole. The model is built without memory,
its values are drawn in place, row by row; nobody ever holds it whole. On Linux, set MALLOC_MMAP_THRESHOLD_=262144
before: the C library otherwise keeps what blocks have given back, and the peak is almost twice as high. `--light` takes
a step without moments in numbers of half the size, for which the published width fits 16 GB.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import resource
import socket
import tempfile
from pathlib import Path

import torch

from humboldt.domains.weather import WeatherBatch, WeatherConfig, build, prithvi_wxc
from humboldt.finetune.sharding import rows_held, sharded
from humboldt.finetune.world import join, world
from humboldt.foundations import CoreConfig, Model

UNIT = (8, 8)  # grid points; parameters do not depend on it


def narrow(width: int) -> WeatherConfig:
    """The published configuration with another width; everything else in proportion, the depth as it is."""
    whole = prithvi_wxc()

    def thin(core: CoreConfig) -> CoreConfig:
        scale = core.scales[0]
        blocks = tuple(dataclasses.replace(b, hidden=b.hidden * width // scale.width) for b in scale.down)
        return dataclasses.replace(core, scales=(dataclasses.replace(scale, width=width, down=blocks),))

    return dataclasses.replace(whole, core=thin(whole.core), decoder=thin(whole.decoder), unit=UNIT, grid=None)


def batch(config: WeatherConfig) -> WeatherBatch:
    """Noise on two by two units."""
    rows, columns = 2 * UNIT[0], 2 * UNIT[1]
    count, draw = len(config.channels), torch.randn
    state = draw(1, config.input_times + 2, count, rows, columns, generator=torch.Generator().manual_seed(0))
    static = torch.zeros(1, len(config.static), rows, columns)
    return WeatherBatch(
        state[:, 2:], static, torch.tensor([6.0]), torch.tensor([6.0]), climate=state[:, 0], target=state[:, 1]
    )


def draw_rows(model: Model) -> None:
    """Values of the usual size, in the rows of this process."""
    for name, tensor in model.state_dict().items():
        rows = tensor.to_local() if hasattr(tensor, "to_local") else tensor
        if "std" in name or ("norm" in name and name.endswith("weight")):
            rows.fill_(1.0)
        elif rows.is_floating_point():
            rows.normal_(std=0.02) if name.endswith("weight") else rows.zero_()


def step(width: int, light: bool, folder: Path) -> None:
    """What one process does."""
    torch.set_num_threads(1)
    before = peak()
    join(world())
    config = narrow(width)
    kind = torch.bfloat16 if light else torch.float32
    model = sharded(lambda: build(config).to(kind), world())
    draw_rows(model)
    model.core.checkpointing = True
    way = torch.optim.SGD if light else torch.optim.AdamW
    optimiser = way(model.train().parameters(), lr=1e-4)
    losses = []
    for _ in range(1 if light else 2):
        optimiser.zero_grad()
        loss = model.loss(batch(config).to("cpu", kind))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    told = {
        "values": sum(p.numel() for p in model.parameters()),
        "held": rows_held(model),
        "peak MB": (peak() - before) / 1e6,
        "losses": losses,
    }
    (folder / f"{world().rank}.json").write_text(json.dumps(told))


def peak() -> int:
    """Most memory of this process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--light", action="store_true", help="one step of gradient descent, all in bfloat16")
    given = parser.parse_args()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    size = given.processes
    context = multiprocessing.get_context("fork")

    def one(rank: int, folder: Path) -> None:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", **{key: str(value) for key, value in told.items()}}
        step(given.width, given.light, folder)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        running = [context.Process(target=one, args=(rank, folder)) for rank in range(size)]
        for process in running:
            process.start()
        for process in running:
            process.join()
        for rank in range(size):
            told = json.loads((folder / f"{rank}.json").read_text())
            print(
                f"width {given.width}, {told['values']:,} parameters, process {rank} of {size}: holds "
                f"{told['held']:.3f} of the values, peak {told['peak MB']:.0f} MB (whole weights "
                f"{4e-6 * told['values']:.0f} MB; with gradients and moments {16e-6 * told['values']:.0f} MB), losses "
                f"{', '.join(f'{loss:.4f}' for loss in told['losses'])}"
            )


if __name__ == "__main__":
    main()
