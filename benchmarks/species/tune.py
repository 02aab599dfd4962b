"""Tune the network on the records of all regions but one, so that it can be scored on the one it never saw.

    python benchmarks/species/tune.py REGIONS --without SWI --output FOLDER [--steps 60] [--model FOLDER]
    python benchmarks/species/run.py REGIONS --records FILE.csv --model tuned=FOLDER

Half of the batches are virtual species, half are tasks of `RecordedSpecies`: presences alone, never the surveys on
which networks are scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from humboldt.domains.biodiversity.distribution import RecordedSpecies, VirtualSpecies, read_regions
from humboldt.domains.biodiversity.distribution.estimator import as_network
from humboldt.finetune import Mixture, Recipe, fit


def main() -> None:
    """Tune and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regions", type=Path)
    parser.add_argument("--without", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--model", help="folder of a network, the embedded one by default")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(
        steps=given.steps, batch_size=4, optimiser="muon", core_rate=1e-3, embedding_rate=5e-4, norm_rate=5e-4,
        weight_decay=0.01, warmup=5, save_every=20, seed=0,
    )  # fmt: skip
    regions = read_regions(given.regions, without=given.without)
    tasks = [VirtualSpecies(1_000_000, seed=2), RecordedSpecies(regions, 100_000)]
    run = {"model": "humboldt/biodiversity-nano", "without": given.without}
    fit(as_network(given.model), Mixture(tasks, [1.0, 1.0]), None, recipe, None, given.output, run=run)


if __name__ == "__main__":
    main()
