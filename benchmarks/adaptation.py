"""What does it cost to adapt? Training steps of every method beside full training, our layers beside peft's own.

    python benchmarks/adaptation.py [--quick] --json FILE

- A training step (forward, backward, AdamW) of every method over one of full training, same model and batch.
- What a step holds: tensors kept for the backward pass, gradients and the two moments, over those of full training.
- A merged model over the plain one: merging costs nothing.
- A head on cached features over the same head behind a frozen trunk that runs every time.
- A low-rank update as a weight map of ours over peft's on the same linear map, forward and backward; a bottleneck of
  ours over the same written out in plain torch (peft has none).

Times are medians of CPU seconds of interleaved repetitions on one thread: a busy machine slows both sides alike.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import humboldt
from humboldt.domains.pde import FieldBatch
from humboldt.encoding import EncodedBatch
from humboldt.finetune import Recipe, method, step_memory
from humboldt.finetune.features import FeaturedBatch
from humboldt.finetune.hook import FeatureMap, WeightMap
from humboldt.finetune.method import known_methods
from humboldt.finetune.site import Site
from humboldt.foundations import ConfigError, Context

QUICK = ("lora", "dora", "hydra", "nlt", "bottleneck", "conv", "f_adapter", "taps", "lae", "moelora")


def main() -> None:
    """Print the rows, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="ten methods and few repetitions")
    parser.add_argument("--json", help="where to write the rows")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    repeats = 3 if options.quick else 5
    model = humboldt.from_pretrained("humboldt/pde-nano")
    batch, known = waves(model), known_methods()
    names = QUICK if options.quick else sorted(name for name in known if known[name].gradients and name != "full")
    rows = []
    for name in dict.fromkeys(("head", *names)):
        try:
            rows += step_rows(model, batch, name, repeats)
        except ConfigError as error:
            print(f"left out: {name}: {error}")
    rows += [merged_row(model, batch, 4 * repeats), cached_row(model, batch, 8 * repeats)]
    rows += [low_rank_row(8 * repeats), bottleneck_row(8 * repeats)]
    for row in rows:
        print(f"{row['case']:44} {row['ours']:9.2f} {row['peer']:9.2f} {row['unit']:7} {row['ratio']:.3f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


def waves(model: Any) -> FieldBatch:
    """Four random states of the model's channels on 32 x 32 points."""
    inputs, outputs = len(model.config.inputs), len(model.config.outputs)
    fields = torch.randn(4, inputs, 32, 32)
    return FieldBatch(fields=fields, lead_time=torch.ones(4), target=fields[:, :outputs], periodic=(True, True))


def step_rows(model: Any, batch: Any, name: str, repeats: int) -> list[dict[str, Any]]:
    """Time and memory of one training step of a method over those of one of full training."""
    if name == "aft":
        batch = FeaturedBatch(batch, torch.randn(len(batch), method(name).width))  # type: ignore[attr-defined]
    times = interleaved(stepper(model, batch, name), stepper(model, batch, "full"), repeats)
    held = [step_memory(way, model, plain(way, batch)) / 2**20 for way in (method(name), method("full"))]
    return [
        row(f"training step: {name}", *(1000 * t for t in times), "full training", "CPU ms"),
        row(f"memory of a step: {name}", *held, "full training", "MB"),
    ]


def stepper(model: Any, batch: Any, name: str) -> Callable[[], Any]:
    """A function that makes one training step."""
    way: Any = method(name)
    prepared = way.prepare(copy.deepcopy(model).train())
    optimiser = torch.optim.AdamW(way.parameter_groups(prepared, Recipe()), fused=True)

    def step() -> None:
        optimiser.zero_grad()
        torch.stack(list(way.loss(prepared, plain(way, batch)).values())).sum().backward()
        way.on_gradients(prepared, 0, 100)
        optimiser.step()
        way.on_step(prepared, 1, 100)

    return step


def plain(way: Any, batch: Any) -> Any:
    """Full training has no use for the features of a teacher."""
    return batch.batch if isinstance(batch, FeaturedBatch) and way.name != "aft" else batch


@torch.no_grad()
def merged_row(model: Any, batch: Any, repeats: int) -> dict[str, Any]:
    """A forward pass of a merged model over one of the plain model."""
    merged = method("hydra").merge(method("hydra").prepare(copy.deepcopy(model))).eval()
    ours, peer = interleaved(lambda: merged(batch), lambda: model(batch), repeats)
    return row("inference: merged", 1000 * ours, 1000 * peer, "plain model", "CPU ms")


def cached_row(model: Any, batch: Any, repeats: int) -> dict[str, Any]:
    """A step of the head on tokens that were encoded once over one behind the trunk."""
    with torch.no_grad():
        known = EncodedBatch(batch, copy.deepcopy(model).eval().encode(batch))
    ours, peer = interleaved(stepper(model, known, "head"), stepper(model, batch, "head"), repeats)
    return row("head step: cached features", 1000 * ours, 1000 * peer, "trunk runs every time", "CPU ms")


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
    passes = [lambda layer=layer: layer(x).square().mean().backward() for layer in (ours, theirs)]
    mine, peer = interleaved(*passes, repeats)
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
    passes = [lambda layer=layer: layer(x).square().mean().backward() for layer in (ours, theirs)]
    mine, peer = interleaved(*passes, repeats)
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
