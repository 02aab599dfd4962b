"""What humboldt/molecules-nano draws: validity, uniqueness and novelty, likeness to held-out molecules, told goals.

    python benchmarks/molecules/scores.py [MODEL] --known runs/molecules-nano/corpus.csv -n 10000
        --like moses/test.smi.gz --picture grid.png --record docs/experiments/records/molecules_drawn.json

`--known` is the corpus that the model was pretrained on, with a column `smiles`; `--like` are molecules that it has not
seen, one a line. Likeness is measured on the first 500 different molecules of each side.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

import humboldt
from humboldt.domains.graphs import Decoded, Drawing, Tally, decode_molecule, draw_molecules, sample_sequences
from humboldt.domains.graphs.files import read_source
from humboldt.domains.graphs.likeness import (
    fragment_similarity,
    frechet_distance,
    internal_diversity,
    nearest_similarity,
    property_distances,
    scaffold_similarity,
    without_alerts,
)
from humboldt.domains.graphs.molecules import canonical
from humboldt.domains.graphs.pretraining import described
from humboldt.foundations import Model

TOLD = ({"logp": 0.0}, {"logp": 2.0}, {"logp": 4.0}, {"qed": 0.5}, {"qed": 0.9})
COMPARED = 500


def drawn(model: Model, count: int, drawing: Drawing, goals: dict[str, float] | None = None) -> list[Decoded]:
    """What became of so many samples."""
    batches = sample_sequences(model, count, drawing, batch_size=1000, places=500, goals=goals)
    return [decode_molecule(one.ids, model.config.vocabulary) for batch in batches for one in batch]


def different(found: list[Decoded]) -> list[str]:
    """Molecules, each once."""
    return list(dict.fromkeys(one.smiles for one in found if one.smiles))


def likeness(generated: list[str], reference: list[str]) -> dict[str, float]:
    """Scores of one set of molecules against another."""
    return {
        "frechet distance of descriptors": frechet_distance(generated, reference),
        "similarity to the nearest": nearest_similarity(generated, reference),
        "fragments": fragment_similarity(generated, reference),
        "scaffolds": scaffold_similarity(generated, reference),
        "internal diversity": internal_diversity(generated),
        **{f"distance in {name}": value for name, value in property_distances(generated, reference).items()},
    }


def main() -> None:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="humboldt/molecules-nano")
    parser.add_argument("--known", type=Path, required=True, help="CSV of the molecules that it has seen")
    parser.add_argument("--like", type=Path, help="molecules that what is drawn should be like")
    parser.add_argument("-n", "--count", type=int, default=10_000, help="samples of each kind")
    parser.add_argument("--told", type=int, default=500, help="samples for each goal")
    parser.add_argument("--picture", type=Path, help="PNG of 24 molecules")
    parser.add_argument("--record", type=Path, help="JSON of all scores")
    choice = parser.parse_args()
    model = humboldt.from_pretrained(choice.model)
    with choice.known.open() as file:
        known = [row["smiles"] for row in csv.DictReader(file)]
    reference = [canonical(one) for one in read_source(choice.like).items[:COMPARED]] if choice.like else []
    record: dict[str, Any] = {"samples": choice.count}
    kinds = {"unconstrained": Drawing(constrained=False), "grammar and valences": Drawing(valences=True)}
    for kind, drawing in kinds.items():
        found = drawn(model, choice.count, drawing)
        shares = Tally.of(found, known).shares
        print(
            f"{kind}, {choice.count} samples:", ", ".join(f"{k} {100 * v:.1f} %" for k, v in shares.items()), flush=True
        )
        record[kind] = shares
        if reference:
            few = different(found)[:COMPARED]
            alike = likeness(few, reference) | {"without alert": without_alerts(few)}
            record[kind] = shares | alike
            print("  ", ", ".join(f"{k} {v:.3f}" for k, v in alike.items()), flush=True)
    if reference:
        alike = likeness(known[:COMPARED], reference) | {"without alert": without_alerts(known[:COMPARED])}
        record["training molecules"] = alike
        print("training molecules:", ", ".join(f"{k} {v:.3f}" for k, v in alike.items()))
    if choice.picture:
        few = different(found)[:24]
        draw_molecules(few, choice.picture, captions=["logP {:.1f}  QED {:.2f}".format(*described(s)) for s in few])
    for goals in TOLD:
        told = [one.smiles for one in drawn(model, choice.told, Drawing(valences=True), goals) if one.smiles]
        values = np.array([described(s) for s in told])[:, 0 if "logp" in goals else 1]
        record[f"told {goals}"] = {"mean": values.mean(), "deviation": values.std()}
        print(f"told {goals}: mean {values.mean():.2f}, deviation {values.std():.2f}", flush=True)
    if choice.record:
        choice.record.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
