"""Scores of a pretrained model on held-out trajectories of its own families, beside persistence.

    python benchmarks/pretraining/scores.py STORES [--model humboldt/pde-nano]

Prints a Markdown table: median over 160 pairs of the relative L1 (mean over scored groups, normalised fields) at lead
times of 1, 4 and 8 frames, as model / persistence. STORES is the folder that pretraining generated into.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import humboldt
from humboldt.domains.pde import FieldBatch, FieldPrediction
from humboldt.domains.pde.pretraining import FRAME, PretrainingPairs, open_mixture
from humboldt.foundations import Model

LEADS = (1, 4, 8)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", type=Path)
    parser.add_argument("--model", default="humboldt/pde-nano")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = humboldt.from_pretrained(options.model)
    _, held_out = open_mixture(options.stores, pairs=1)
    print("| family | " + " | ".join(f"{n} frames" for n in LEADS) + " |\n|---|" + "---|" * len(LEADS))
    for name, array in held_out.arrays.items():
        found = errors(model, PretrainingPairs({name: array}, 1, 160))
        cells = ["{:.3f} / {:.3f}".format(*np.median(found[n], axis=0)) for n in LEADS]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def errors(model: Model, pairs: PretrainingPairs) -> dict[int, list[tuple[float, float]]]:
    """Errors of the model and of persistence for each of `LEADS`."""
    found: dict[int, list[tuple[float, float]]] = {n: [] for n in LEADS}
    for index in range(len(pairs)):
        batch = pairs.batch([index])
        frames = round(batch.lead_time.item() / FRAME)
        if frames in found:
            with torch.no_grad():
                made = model.head.loss(model(batch), batch).item()
                kept = model.head.loss(FieldPrediction(batch.fields), batch).item()
            share = scored_share(model, batch)
            found[frames].append((made / share, kept / share))
    return found


def scored_share(model: Model, batch: FieldBatch) -> float:
    """Share of the model's groups that this family predicts; the loss counts the others as 0."""
    assert batch.known is not None
    groups = model.config.groups.values()
    return sum(not bool(batch.known[:, list(g)].all()) for g in groups) / len(groups)


if __name__ == "__main__":
    main()
