"""What does it cost to adapt? Training steps of every method beside full training, our layers beside peft's own.

    python benchmarks/adaptation.py [--quick] --json FILE

- A training step (forward, backward, AdamW) of every method over one of full training, same model and batch.
- What a step holds: tensors kept for the backward pass, gradients and the two moments, over those of full training.
- A merged model over the plain one: merging costs nothing.
- A head on cached features over the same head behind a frozen trunk that runs every time: of the smallest model here,
  and of the smallest published one.
- A low-rank update as a weight map of ours over peft's on the same linear map, forward and backward; a bottleneck of
  ours over the same written out in plain torch (peft has none).

Times are medians of CPU seconds of interleaved repetitions on one thread: a busy machine slows both sides alike.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import humboldt
from humboldt.domains.pde import FieldBatch, build, poseidon_t
from humboldt.encoding import EncodedBatch
from humboldt.finetune import (
    FeaturedBatch,
    FeatureMap,
    Method,
    Recipe,
    WeightMap,
    known_methods,
    method,
    step_memory,
    write_adapter,
)
from humboldt.finetune.site import Site
from humboldt.foundations import Context


def main() -> None:
    """Print the rows, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--json", help="where to write the rows")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    repeats = 3 if options.quick else 9
    model = humboldt.from_pretrained("humboldt/pde-nano")
    batch, rows = waves(model), []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("head", *sorted(known_methods().keys() - {"full", "head"})):
            rows += step_rows(model, batch, ready(name, model, Path(folder)), repeats)
    rows += [merged_row(model, batch, 4 * repeats), *cached_rows(model, batch, 20 * repeats)]
    rows += [low_rank_row(8 * repeats), bottleneck_row(8 * repeats)]
    for row in rows:
        print(f"{row['case']:44} {row['ours']:9.2f} {row['peer']:9.2f} {row['unit']:7} {row['ratio']:.3f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


def waves(model: Any, samples: int = 4, size: int = 32, periodic: tuple[bool, ...] = (True, True)) -> FieldBatch:
    """Random states of the model's channels."""
    inputs, outputs = len(model.config.inputs), len(model.config.outputs)
    fields = torch.randn(samples, inputs, size, size)
    return FieldBatch(fields=fields, lead_time=torch.ones(samples), target=fields[:, :outputs], periodic=periodic)


def ready(name: str, model: Any, folder: Path) -> Method:
    """A method with its defaults, and with what it cannot do without: a law, or members for a bank."""
    if name == "physics":
        return method(name, residual="humboldt.domains.pde.residuals:divergence")
    if name != "bank":
        return method(name)
    places = [folder / str(number) for number in range(2)]
    for place in places:
        write_adapter(place, method("hydra").prepare(copy.deepcopy(model)), method("hydra"))
    return method(name, members=tuple(map(str, places)))


def noted(way: Any, batch: FieldBatch) -> Any:
    """The batch with what a method reads from it."""
    assert batch.target is not None
    count = len(batch)
    notes: dict[str, dict[str, Tensor]] = {
        "aft": {"features": torch.randn(count, getattr(way, "width", 1))},
        "prior": {"prior": torch.randn_like(batch.target)},
        "pha": {"task": torch.arange(count)},
        "poly": {"task": torch.arange(count)},
        "rna": {"signal": torch.randn(count, 4)},
    }
    return FeaturedBatch(batch, **notes[way.name]) if way.name in notes else batch


def step_rows(model: Any, batch: Any, way: Method, repeats: int) -> list[dict[str, Any]]:
    """Time and memory of one training step of a method over those of one of full training."""
    full, own = method("full"), noted(way, batch)
    ours, peer = interleaved(stepper(model, own, way), stepper(model, batch, full), repeats)
    held, whole = step_memory(way, model, own) / 2**20, step_memory(full, model, batch) / 2**20
    return [
        row(f"training step: {way.name}", 1000 * ours, 1000 * peer, "full training", "CPU ms"),
        row(f"memory of a step: {way.name}", held, whole, "full training", "MB"),
    ]


def stepper(model: Any, batch: Any, way: Method) -> Callable[[], Any]:
    """A function that makes one training step (or one step of a search), as `fit` does."""
    prepared = way.prepare(copy.deepcopy(model).train())
    if not way.gradients:
        return lambda: way.search(prepared, batch, 0, 100)
    optimiser = torch.optim.AdamW(way.parameter_groups(prepared, Recipe()))

    def step() -> None:
        optimiser.zero_grad()
        torch.stack(list(way.loss(prepared, batch).values())).sum().backward()
        way.on_gradients(prepared, 0, 100)
        optimiser.step()
        way.on_step(prepared, 1, 100)

    return step


@torch.no_grad()
def merged_row(model: Any, batch: Any, repeats: int) -> dict[str, Any]:
    """A forward pass of a merged model over one of the plain model."""
    merged = method("hydra").merge(method("hydra").prepare(copy.deepcopy(model))).eval()
    ours, peer = interleaved(lambda: merged(batch), lambda: model(batch), repeats)
    return row("inference: merged", 1000 * ours, 1000 * peer, "plain model", "CPU ms")


def cached_rows(model: Any, batch: Any, repeats: int) -> list[dict[str, Any]]:
    """A step of the head on tokens that were encoded once over one behind the trunk, for a small model and a larger."""
    torch.manual_seed(0)
    larger = build(poseidon_t()).eval()
    cases = [
        ("pde-nano, 4 x 32 x 32", model, batch),
        ("Poseidon-T, 1 x 128 x 128", larger, waves(larger, 1, 128, ())),
    ]
    found = []
    for name, trunk, given in cases:
        with torch.no_grad():
            known = EncodedBatch(given, copy.deepcopy(trunk).eval().encode(given))
        way = method("head")
        ours, peer = interleaved(stepper(trunk, known, way), stepper(trunk, given, way), repeats)
        case = f"head step, cached features: {name}"
        found.append(row(case, 1000 * ours, 1000 * peer, "trunk runs every time", "CPU ms"))
    return found


class Update(WeightMap):
    """W + 2 B A."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.a, self.b = (
            nn.Parameter(torch.randn(rank, layer.in_features)),
            nn.Parameter(torch.zeros(layer.out_features, rank)),
        )

    def weights(self, weights: Any, context: Context) -> dict[str, Tensor]:
        """The weight with its update."""
        return {"weight": weights["weight"] + 2 * (self.b @ self.a)}


def low_rank_row(repeats: int) -> dict[str, Any]:
    """A low-rank update of one map, ours over peft's."""
    from peft import LoraConfig, inject_adapter_in_model

    base, x = nn.Linear(192, 192).requires_grad_(False), torch.randn(4096, 192, requires_grad=True)
    ours = Site(copy.deepcopy(base), "map", Context())
    ours.put("default", Update(base, 8))
    theirs = inject_adapter_in_model(LoraConfig(r=8, lora_alpha=16, target_modules=["0"]), nn.Sequential(base))
    mine, peer = interleaved(
        lambda: ours(x).square().mean().backward(), lambda: theirs(x).square().mean().backward(), repeats
    )
    return row("low-rank update of one map, 4096 x 192", 1000 * mine, 1000 * peer, "peft LoRA", "CPU ms")


class Narrow(FeatureMap):
    """y + U gelu(D x)."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)

    def features(self, x: Tensor, y: Tensor, context: Context) -> Tensor:
        """What the layer makes of x, and the bottleneck beside it."""
        return y + self.up(nn.functional.gelu(self.down(x)))


class Written(nn.Module):
    """The same in plain torch."""

    def __init__(self, base: nn.Module, narrow: Narrow) -> None:
        super().__init__()
        self.base, self.down, self.up = base, narrow.down, narrow.up

    def forward(self, x: Tensor) -> Tensor:
        """y + U gelu(D x)."""
        return self.base(x) + self.up(nn.functional.gelu(self.down(x)))


def bottleneck_row(repeats: int) -> dict[str, Any]:
    """A bottleneck beside one map, ours over plain torch."""
    base, x = nn.Linear(192, 192).requires_grad_(False), torch.randn(4096, 192, requires_grad=True)
    ours, narrow = Site(copy.deepcopy(base), "map", Context()), Narrow(192, 8)
    ours.put("default", narrow)
    theirs = Written(base, copy.deepcopy(narrow))
    mine, peer = interleaved(
        lambda: ours(x).square().mean().backward(), lambda: theirs(x).square().mean().backward(), repeats
    )
    return row("bottleneck beside one map, 4096 x 192", 1000 * mine, 1000 * peer, "plain torch", "CPU ms")


def interleaved(ours: Callable[[], Any], peer: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median CPU seconds of each, after one pass that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 1):
        for function, found in zip((ours, peer), times, strict=True):
            before = time.process_time()
            function()
            if number:
                found.append(time.process_time() - before)
    return statistics.median(times[0]), statistics.median(times[1])


def row(case: str, ours: float, peer: float, name: str, unit: str) -> dict[str, Any]:
    """A row as every benchmark has it."""
    return {"case": case, "ours": ours, "peer": peer, "peer_name": name, "unit": unit, "ratio": ours / peer}


if __name__ == "__main__":
    main()
