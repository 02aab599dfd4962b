"""Is a map that was aligned without labels worth more than a random one, where atoms are numbers instead of labels?

    python benchmarks/molecules/soft_tokens.py MOLECULES --output docs/experiments/records/soft_tokens.jsonl

Atoms are told by mass, Gasteiger charge, hydrogens, neighbours and whether they are in a ring; bonds by where they are.
The network is humboldt/molecules-nano, frozen. Aligned on molecules of MOSES and QM8, without labels; then a head
learns ESOL or FreeSolv (scaffold split `murcko`, RMSE on the test part) from the training part in tokens (`through`:
the map is not trained on labels at all), from 50 molecules with vectors, or from all of them. Rows of a record that are
there already are not made again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from properties import MODEL, opened, read

import humboldt
from humboldt.domains.graphs import NodeReader, VectorGraph, graph_from_smiles
from humboldt.domains.graphs.vocabulary import Chemistry

FILES = {"moses/train.smi.gz": 2000, "qm8/qm8.csv.gz": 1000}
SETS = ("delaney", "freesolv")
STEPS = 400  # of an alignment
FEW = 50


def vectors(smiles: str) -> VectorGraph | None:
    """Atoms as numbers; None for a molecule without charges."""
    from rdkit import Chem
    from rdkit.Chem import rdPartialCharges

    mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms():
        return None
    rdPartialCharges.ComputeGasteigerCharges(mol)
    rows = [
        (a.GetMass(), a.GetDoubleProp("_GasteigerCharge"), a.GetTotalNumHs(), a.GetDegree(), a.IsInRing())
        for a in mol.GetAtoms()
    ]
    found = np.array(rows, np.float32)
    if not np.isfinite(found).all():
        return None
    return VectorGraph(found, tuple((b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()))


def unlabelled(folder: Path) -> tuple[list[VectorGraph], list[Any]]:
    """Molecules in both forms."""
    both, said = [], []
    for name, count in FILES.items():
        with gzip.open(folder / name, "rt") as file:
            lines = [line.split(",")[0].split()[0] for line in file if line.strip()]
        for smiles in random.Random(0).sample(lines, count):
            if (graph := vectors(smiles)) is not None:
                both.append(graph), said.append(graph_from_smiles(smiles, Chemistry()))
    return both, said


def measured(reader: NodeReader, folder: Path, name: str, seed: int) -> dict[str, float]:
    """RMSE on the test part for each way to learn stage 2."""
    import copy

    data = opened(folder, name, "murcko")
    smiles, values = read(folder, name, data.rows), data.values[:, 0]
    graphs = [vectors(one) for one in smiles]
    parts = {part: [i for i in data.split(part).places if graphs[i] is not None] for part in ("train", "test")}
    train, test = parts["train"], parts["test"]
    few = random.Random(seed).sample(train, FEW)
    ways: dict[str, tuple[list[Any], list[int]]] = {
        "through": ([data.graphs[i] for i in train], train),
        f"{FEW} labels": ([graphs[i] for i in few], few),
        "all labels": ([graphs[i] for i in train], train),
    }
    found = {}
    for way, (given, places) in ways.items():
        made = copy.deepcopy(reader)
        made.learn(given, values[places], steps=300, decay=0.1, seed=seed)
        guess = made.predict([graphs[i] for i in test])  # type: ignore[misc]
        found[way] = float(np.sqrt(np.mean((guess - values[test]) ** 2)))
    return found


def main() -> None:
    """Measure what is missing, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="record, a row a line")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    choice = parser.parse_args()
    there = choice.output.read_text().splitlines() if choice.output.is_file() else []
    known = {(r["map"], r["seed"]) for r in map(json.loads, there)}
    both, said = unlabelled(choice.molecules)
    for seed in choice.seeds:
        for kind in ("aligned", "random"):
            if (kind, seed) in known:
                continue
            reader = NodeReader(humboldt.from_pretrained(MODEL), 5, seed=seed)
            losses = reader.align(both, said, steps=STEPS if kind == "aligned" else 0, seed=seed)
            row: dict[str, Any] = {"map": kind, "seed": seed, "loss": float(np.mean(losses[-20:])) if losses else None}
            row |= {name: measured(reader, choice.molecules, name, seed) for name in SETS}
            with choice.output.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)


if __name__ == "__main__":
    main()
