"""What of the pretraining matters? Short pretrainings that differ in one thing, for `run.py --pretrained`.

    python benchmarks/pde_suite/pretraining.py --data runs/mixture --output runs/ablations
    python benchmarks/pde_suite/run.py --pretrained runs/ablations/vortices --models pde-nano ...

Each is `humboldt/pde-nano`'s recipe with fewer steps, from the same seed, changed as its name says; finished ones are
skipped and an interrupted one goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from humboldt.domains.pde import open_mixture
from humboldt.domains.pde.pretraining import PretrainingPairs
from humboldt.embedded.pde import ADVICE, PDE_NANO, fresh_pde_nano
from humboldt.finetune import fit

FAMILIES = {
    "vortices": ("ns-sines", "ns-gauss"),
    "gases": ("ce-rp", "ce-crp", "ce-kh", "ce-gauss"),
    "published": ("ns-sines", "ns-gauss", "ce-rp", "ce-crp", "ce-kh", "ce-gauss"),
}
WIDTHS = {"narrow": 24, "wide": 96}
KINDS = ("mixture", "published", "vortices", "gases", "vanilla", *WIDTHS)


class FromTheFirstFrame(PretrainingPairs):
    """Pairs of the first frame of a trajectory with one of those that follow it."""

    def pair(self, trajectories: int, frames: int, random: np.random.Generator) -> tuple[int, int, int]:
        trajectory, _, step = super().pair(trajectories, frames, random)
        return trajectory, 0, step


def changed(pairs: PretrainingPairs, kind: str) -> PretrainingPairs:
    """The pairs that this kind of pretraining sees."""
    arrays = {name: pairs.arrays[name] for name in FAMILIES.get(kind, tuple(pairs.arrays))}
    drawn = FromTheFirstFrame if kind == "vanilla" else PretrainingPairs
    return drawn(arrays, pairs.seed, pairs.length, pairs.resolution)


def main() -> None:
    """Make the weights that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the generated mixture (4 GB)")
    add("--output", type=Path, required=True, help="a folder of weights for each kind")
    add("--kinds", default=",".join(KINDS), help="comma-separated (%(default)s)")
    add("--steps", type=int, default=1000, help="optimiser steps of 16 pairs (%(default)s)")
    add("--threads", type=int, default=1, help="(%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = replace(PDE_NANO, steps=options.steps, warmup=options.steps // 10, validate_every=options.steps)
    train, validation = open_mixture(options.data, pairs=recipe.steps * recipe.batch_size)
    for kind in options.kinds.split(","):
        folder = options.output / kind
        if (folder / "model.safetensors").exists():
            continue
        start = fresh_pde_nano(recipe.seed, WIDTHS.get(kind, 48))
        parts = changed(train, kind), changed(validation, kind)
        model = fit(start, *parts, recipe, None, folder, run={"model": f"pde-nano, {kind}"})
        model.provenance["advice"] = ADVICE
        model.save(folder)


if __name__ == "__main__":
    main()
