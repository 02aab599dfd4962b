"""What does it cost to adapt? Training steps of every method beside full training, our layers beside peft's own.

    python benchmarks/adaptation.py [--quick] --json FILE

- A training step (forward, backward, AdamW) of every method over one of full training, same model and batch.
- A merged model over the plain one: merging costs nothing.
- A head on cached features over the same head behind a frozen trunk that runs every time.
- A low-rank update as a weight map of ours over peft's on the same linear map, forward and backward.

Times are medians of interleaved repetitions, so that a busy machine slows both sides alike.
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
from torch import nn

import humboldt
from humboldt.domains.pde import FieldBatch
from humboldt.finetune import METHODS, Recipe, method
from humboldt.finetune.hook import WeightMap
from humboldt.finetune.site import Site
from humboldt.foundations import Context

QUICK = ("lora", "dora", "hydra", "nlt", "bottleneck", "conv", "f_adapter", "taps", "lae", "moelora")


def main() -> None:
    """Print the rows, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="ten methods and few repetitions")
    parser.add_argument("--json", help="where to write the rows")
    options = parser.parse_args()
    torch.manual_seed(0)
    repeats = 3 if options.quick else 9
    model = humboldt.from_pretrained("humboldt/pde-nano")
    batch = waves(model)
    names = [n for n in QUICK if n in METHODS] if options.quick else sorted(METHODS.keys() - {"full", "head"})
    rows = [step_row(model, batch, name, repeats) for name in ("head", *names)]
    rows += [merged_row(model, batch, repeats), cached_row(model, batch, repeats), layer_row(4 * repeats)]
    for row in rows:
        print(f"{row['case']:44} {row['ours']:9.2f} {row['peer']:9.2f} ms  {row['ratio']:.3f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


def waves(model: Any) -> FieldBatch:
    """Four random states of the model's channels on 32 x 32 points."""
    inputs, outputs = len(model.config.inputs), len(model.config.outputs)
    fields = torch.randn(4, inputs, 32, 32)
    return FieldBatch(fields=fields, lead_time=torch.ones(4), target=fields[:, :outputs], periodic=(True, True))


def step_row(model: Any, batch: Any, name: str, repeats: int) -> dict[str, Any]:
    """One training step of a method over one of full training."""
    ours, peer = interleaved(stepper(model, batch, name), stepper(model, batch, "full"), repeats)
    return row(f"training step: {name}", ours, peer, "full training")


def stepper(model: Any, batch: Any, name: str) -> Callable[[], Any]:
    """A function that makes one training step."""
    way: Any = method(name)
    prepared = way.prepare(copy.deepcopy(model).train())
    optimiser = torch.optim.AdamW(way.parameter_groups(prepared, Recipe()))

    def step() -> None:
        optimiser.zero_grad()
        torch.stack(list(way.loss(prepared, batch).values())).sum().backward()
        way.on_gradients(prepared, 0, 100)
        optimiser.step()

    return step


@torch.no_grad()
def merged_row(model: Any, batch: Any, repeats: int) -> dict[str, Any]:
    """A forward pass of a merged model over one of the plain model."""
    merged = method("hydra").merge(method("hydra").prepare(copy.deepcopy(model))).eval()
    ours, peer = interleaved(lambda: merged(batch), lambda: model(batch), 3 * repeats)
    return row("inference: merged", ours, peer, "plain model")


def cached_row(model: Any, batch: Any, repeats: int) -> dict[str, Any]:
    """A step of the head on tokens that were encoded once over one behind the trunk."""
    way = method("head")
    prepared = way.prepare(copy.deepcopy(model).eval())
    with torch.no_grad():
        tokens = prepared.encode(batch)

    def cached() -> None:
        prepared.zero_grad()
        prepared.head.loss(prepared.head(tokens, batch), batch).backward()

    def whole() -> None:
        prepared.zero_grad()
        prepared.loss(batch).backward()

    ours, peer = interleaved(cached, whole, repeats)
    return row("head step: cached features", ours, peer, "trunk runs every time")


class Update(WeightMap):
    """W + 2 B A."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.a, self.b = (
            nn.Parameter(torch.randn(rank, layer.in_features)),
            nn.Parameter(torch.zeros(layer.out_features, rank)),
        )

    def weights(self, weights: Any, context: Context) -> dict[str, torch.Tensor]:
        """The weight with its update."""
        return {"weight": weights["weight"] + 2 * (self.b @ self.a)}


def layer_row(repeats: int) -> dict[str, Any]:
    """A low-rank update of one map, ours over peft's."""
    from peft import LoraConfig, inject_adapter_in_model

    base, x = nn.Linear(192, 192).requires_grad_(False), torch.randn(4096, 192, requires_grad=True)
    ours = Site(copy.deepcopy(base), "map", Context())
    ours.put("default", Update(base, 8))
    theirs = inject_adapter_in_model(LoraConfig(r=8, lora_alpha=16, target_modules=["0"]), nn.Sequential(base))
    passes = [lambda layer=layer: layer(x).square().mean().backward() for layer in (ours, theirs)]
    mine, peer = interleaved(*passes, repeats)
    return row("low-rank update of one map, 4096 x 192", mine, peer, "peft LoRA")


def interleaved(ours: Callable[[], Any], peer: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median seconds of each, after one pass that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 1):
        for function, found in zip((ours, peer), times, strict=True):
            before = time.perf_counter()
            function()
            if number:
                found.append(time.perf_counter() - before)
    return statistics.median(times[0]), statistics.median(times[1])


def row(case: str, ours: float, peer: float, name: str) -> dict[str, Any]:
    """A row as every benchmark has it; times in milliseconds."""
    return {
        "case": case, "ours": 1000 * ours, "peer": 1000 * peer, "peer_name": name, "unit": "ms", "ratio": ours / peer,
    }  # fmt: skip


if __name__ == "__main__":
    main()
