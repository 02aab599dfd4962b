"""What is humboldt/molecules-nano worth for predicting properties, beside its random twin and a forest on fingerprints?

    python benchmarks/molecules/properties.py MOLECULES --output docs/experiments/records/molecules.jsonl [--tuned]

MOLECULES holds a folder per data set with its table and `scaffold_split.json`. Rows of a record that are there already
are not made again. `frozen` is a ridge or logistic regression on mean states of the network, of which nothing is
trained; the twin is the same network with random weights. `tuned` trains all of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import humboldt
from humboldt.domains.graphs import average_precision, open_graphs, roc_auc

SETS = {"delaney": "regression", "freesolv": "regression", "bbbp": "classification", "bace": "classification"}
SEEDS = (0, 1, 2)
MODEL = "humboldt/molecules-nano"


def opened(folder: Path, name: str, variant: str) -> Any:
    """A data set with all of its columns of numbers as targets."""
    import pandas as pd

    table = folder / name / f"{name}.csv"
    targets = [column for column in pd.read_csv(table, nrows=1).columns if column != "smiles"]
    split = {"file": folder / name / "scaffold_split.json", "variant": variant}
    return open_graphs(table, targets=targets, split=split)


def fingerprints(smiles: list[str]) -> np.ndarray:
    """Morgan counts of radius 2 in 2048 bins, and six descriptors."""
    from rdkit import Chem
    from rdkit.Chem import Crippen, Descriptors, rdFingerprintGenerator, rdMolDescriptors

    made = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    six = (
        Descriptors.MolWt, Crippen.MolLogP, rdMolDescriptors.CalcTPSA, rdMolDescriptors.CalcNumHBD,
        rdMolDescriptors.CalcNumHBA, rdMolDescriptors.CalcNumRotatableBonds,
    )  # fmt: skip
    molecules = [Chem.MolFromSmiles(one) for one in smiles]
    counts = np.stack([made.GetCountFingerprintAsNumPy(mol) for mol in molecules])
    return np.hstack([counts, [[f(mol) for f in six] for mol in molecules]]).astype(np.float32)


def fitted(features: np.ndarray, values: np.ndarray, train: np.ndarray, task: str, kind: str, seed: int) -> np.ndarray:
    """Predictions for all rows of a model that is fitted to some."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = task == "regression"
    if kind == "forest":
        model: Any = (RandomForestRegressor if regression else RandomForestClassifier)(200, random_state=seed)
    else:
        last = RidgeCV(np.logspace(-1, 4, 11)) if regression else LogisticRegression(C=0.05, max_iter=500)
        model = make_pipeline(StandardScaler(), last)
    model.fit(features[train], values[train])
    return model.predict(features) if regression else model.predict_proba(features)[:, 1]


def scored(values: np.ndarray, target: np.ndarray, task: str) -> dict[str, float]:
    """RMSE, or the areas under the two curves."""
    if task == "regression":
        return {"rmse": float(np.sqrt(np.mean((values - target) ** 2)))}
    pair = torch.from_numpy(values), torch.from_numpy(target)
    return {"roc_auc": roc_auc(*pair), "pr_auc": average_precision(*pair)}


def predictions(data: Any, folder: Path, name: str, tuned: bool) -> Iterator[tuple[str, int, np.ndarray]]:
    """Method, seed and predictions for all rows of a data set with one target."""
    import pandas as pd

    table = pd.read_csv(folder / name / f"{name}.csv")
    smiles = [table["smiles"][row] for row in data.rows]
    train, values, task = np.array(data.split("train").places), data.values[:, 0], SETS[name]
    prints = fingerprints(smiles)
    states = humboldt.embed(smiles, MODEL)
    yield "frozen", 0, fitted(states, values, train, task, "linear", 0)
    for seed in SEEDS:
        twin = humboldt.from_pretrained(MODEL, random=True, seed=seed)
        yield "frozen twin", seed, fitted(humboldt.embed(smiles, twin), values, train, task, "linear", seed)
        yield "forest", seed, fitted(prints, values, train, task, "forest", seed)
        both = np.hstack([prints, states])
        yield "forest on fingerprints and states", seed, fitted(both, values, train, task, "forest", seed)
        for method in ("tuned", "tuned twin") if tuned else ():
            start = humboldt.from_pretrained(MODEL, random=method == "tuned twin", seed=seed)
            model = humboldt.finetune(start, data, task=task, seed=seed, **TUNING)
            yield method, seed, humboldt.predict(model, smiles)[data.names[0]].values.astype(np.float32)


TUNING = {
    "epochs": 15, "batch_size": 32, "optimiser": "muon", "core_rate": 1e-3, "embedding_rate": 1e-3, "norm_rate": 1e-3,
    "clip": 1.0,
}  # fmt: skip


def report(record: Path) -> str:
    """Mean and spread over seeds, a row per method."""
    import pandas as pd

    rows = pd.DataFrame([json.loads(line) for line in record.read_text().splitlines()])
    rows["score"] = rows["rmse"].fillna(rows["roc_auc"] * 100) if "rmse" in rows else rows["roc_auc"] * 100
    parts = []
    for (variant, name, method), found in rows.groupby(["variant", "data", "method"], sort=False):
        spread = f" +- {found['score'].std(ddof=0):.2f}" if len(found) > 1 else ""
        parts.append((variant, method, name, f"{found['score'].mean():.2f}{spread}"))
    table = pd.DataFrame(parts, columns=["split", "method", "data", "score"])
    return table.pivot(index=["split", "method"], columns="data", values="score").fillna("-").to_string()


def main() -> None:
    """Measure what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="record, a row a line")
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="data sets")
    parser.add_argument("--variant", default="murcko", help="of the scaffold split: murcko or murcko_chiral")
    parser.add_argument("--tuned", action="store_true", help="also tune the whole network, and its twin")
    choice = parser.parse_args()
    there = choice.output.read_text().splitlines() if choice.output.is_file() else []
    known = {(r["data"], r["variant"], r["method"], r["seed"]) for r in map(json.loads, there)}
    for name in choice.sets:
        data = opened(choice.molecules, name, choice.variant)
        test = np.array(data.split("test").places)
        for method, seed, values in predictions(data, choice.molecules, name, choice.tuned):
            if (name, choice.variant, method, seed) in known:
                continue
            scores = scored(values[test], data.values[test, 0], SETS[name])
            row = {"data": name, "variant": choice.variant, "split": data.split_by, "method": method, "seed": seed}
            with choice.output.open("a") as file:
                file.write(json.dumps(row | scores) + "\n")
            print(row | scores, flush=True)
    print(report(choice.output))


if __name__ == "__main__":
    main()
