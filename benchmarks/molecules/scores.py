"""What humboldt/molecules-nano draws: validity, uniqueness and novelty, told goals, and a picture.

    python benchmarks/molecules/scores.py [MODEL] --known runs/molecules-nano/corpus.csv -n 10000 --picture grid.png

`--known` is the corpus that the model was pretrained on, with a column `smiles`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

import humboldt
from humboldt.domains.graphs import Decoded, Drawing, Tally, decode_molecule, draw_molecules, sample_sequences
from humboldt.domains.graphs.pretraining import described
from humboldt.foundations import Model


def drawn(model: Model, count: int, drawing: Drawing, goals: dict[str, float] | None = None) -> list[Decoded]:
    """What became of so many samples."""
    batches = sample_sequences(model, count, drawing, batch_size=min(count, 500), goals=goals)
    return [decode_molecule(one.ids, model.config.vocabulary) for batch in batches for one in batch]


def main() -> None:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="humboldt/molecules-nano")
    parser.add_argument("--known", type=Path, required=True, help="CSV of the molecules that it has seen")
    parser.add_argument("-n", "--count", type=int, default=10_000, help="samples of each kind")
    parser.add_argument("--told", type=int, default=500, help="samples for each goal")
    parser.add_argument("--picture", type=Path, help="PNG of 24 molecules")
    choice = parser.parse_args()
    model = humboldt.from_pretrained(choice.model)
    with choice.known.open() as file:
        known = [row["smiles"] for row in csv.DictReader(file)]
    kinds = {"unconstrained": Drawing(constrained=False), "grammar and valences": Drawing(valences=True)}
    for kind, drawing in kinds.items():
        found = drawn(model, choice.count, drawing)
        shares = Tally.of(found, known).shares
        print(
            f"{kind}, {choice.count} samples:", ", ".join(f"{k} {100 * v:.1f} %" for k, v in shares.items()), flush=True
        )
    smiles = list(dict.fromkeys(one.smiles for one in found if one.smiles))
    if choice.picture:
        few = smiles[:24]
        draw_molecules(few, choice.picture, captions=["logP {:.1f}  QED {:.2f}".format(*described(s)) for s in few])
    for goals in ({"logp": 0.0}, {"logp": 2.0}, {"logp": 4.0}, {"qed": 0.5}, {"qed": 0.9}):
        told = [one.smiles for one in drawn(model, choice.told, Drawing(valences=True), goals) if one.smiles]
        values = np.array([described(s) for s in told])[:, 0 if "logp" in goals else 1]
        print(f"told {goals}: mean {values.mean():.2f}, deviation {values.std():.2f}", flush=True)


if __name__ == "__main__":
    main()
