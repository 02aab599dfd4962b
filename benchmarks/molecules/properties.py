"""What is humboldt/molecules-nano worth for predicting properties, beside its random twin and a forest on fingerprints?

    python benchmarks/molecules/properties.py MOLECULES --output docs/experiments/records/molecules.jsonl [--tuned]

MOLECULES holds a folder per data set with its table and `scaffold_split.json`. Rows of a record that are there already
are not made again. `frozen` is a ridge or logistic regression on mean states of the network, of which nothing is
trained; the twin is the same network with random weights. `tuned` trains all of it. Of several tasks every one has its
own regression or forest, labels that are not known do not count, and the score is the mean over tasks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chemprop_peer import chemprop

import humboldt
from humboldt.domains.graphs import average_precision, open_graphs, roc_auc
from humboldt.domains.graphs.files import COLUMNS

SETS = {
    "freesolv": "regression", "delaney": "regression", "bbbp": "classification", "bace": "classification",
    "clintox": "classification", "tox21": "classification",
}  # fmt: skip
SEEDS = (0, 1, 2)
MODEL = "humboldt/molecules-nano"
PEER_EPOCHS = {"tox21": 20}  # of chemprop, elsewhere its default of 50
Made = Iterator[tuple[str, int, Callable[[], np.ndarray]]]


def opened(folder: Path, name: str, variant: str) -> Any:
    """A data set with all of its columns of numbers as targets."""
    import pandas as pd

    table = folder / name / f"{name}.csv"
    targets = [column for column in pd.read_csv(table, nrows=1).columns if column not in COLUMNS]
    split = {"file": folder / name / "scaffold_split.json", "variant": variant}
    return open_graphs(table, targets=targets, split=split)


def read(folder: Path, name: str, rows: tuple[int, ...]) -> list[str]:
    """The SMILES of these rows."""
    import pandas as pd

    table = pd.read_csv(folder / name / f"{name}.csv")
    column = next(known for known in COLUMNS if known in table.columns)
    return [table[column][row] for row in rows]


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
    """Predictions (rows, tasks) for all rows of models that are fitted to those of `train`, one a task."""
    out = np.full(values.shape, np.nan)
    for column, target in enumerate(values.T):
        known = train[~np.isnan(target[train])]
        model = regressor(task, kind, seed)
        model.fit(features[known], target[known])
        out[:, column] = model.predict(features) if task == "regression" else model.predict_proba(features)[:, 1]
    return out


def regressor(task: str, kind: str, seed: int) -> Any:
    """An unfitted forest, or a linear model on standardised features."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = task == "regression"
    if kind == "forest":
        return (RandomForestRegressor if regression else RandomForestClassifier)(200, random_state=seed)
    last = RidgeCV(np.logspace(-1, 4, 11)) if regression else LogisticRegression(C=0.05, max_iter=500)
    return make_pipeline(StandardScaler(), last)


def scored(values: np.ndarray, targets: np.ndarray, task: str) -> dict[str, float]:
    """RMSE, or the areas under the two curves: means over tasks that have a score."""
    found: dict[str, list[float]] = {}
    for column, target in zip(values.T, targets.T, strict=True):
        known = ~np.isnan(target)
        if task == "regression":
            found.setdefault("rmse", []).append(float(np.sqrt(np.mean((column - target)[known] ** 2))))
        else:
            pair = torch.from_numpy(column[known]), torch.from_numpy(target[known])
            found.setdefault("roc_auc", []).append(roc_auc(*pair))
            found.setdefault("pr_auc", []).append(average_precision(*pair))
    return {name: float(np.nanmean(each)) for name, each in found.items()}


def methods(data: Any, smiles: list[str], name: str, tuned: bool, command: Path | None) -> Made:
    """Method, seed, and what predicts all rows; nothing is computed before it is asked for."""
    train, values, task = np.array(data.split("train").places), data.values, SETS[name]
    kept: dict[str, np.ndarray] = {}

    def features(kind: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        if kind not in kept:
            kept[kind] = make()
        return kept[kind]

    def prints() -> np.ndarray:
        return features("prints", lambda: fingerprints(smiles))

    def states() -> np.ndarray:
        return features("states", lambda: humboldt.embed(smiles, MODEL))

    def linear(seed: int) -> np.ndarray:
        twin = humboldt.from_pretrained(MODEL, random=True, seed=seed)
        return fitted(humboldt.embed(smiles, twin), values, train, task, "linear", seed)

    def tune(seed: int, random: bool) -> np.ndarray:
        start = humboldt.from_pretrained(MODEL, random=random, seed=seed)
        model = humboldt.finetune(start, data, task=task, seed=seed, **TUNING)
        return np.asarray(humboldt.predict(model, smiles)[list(data.names)].to_numpy(), np.float32)

    def forest(seed: int) -> np.ndarray:
        return fitted(prints(), values, train, task, "forest", seed)

    def both(seed: int) -> np.ndarray:
        return fitted(np.hstack([prints(), states()]), values, train, task, "forest", seed)

    def peer(seed: int) -> np.ndarray:
        assert command is not None
        parts = {part: np.array(data.split(part).places) for part in ("train", "validation", "test")}
        return chemprop(command, smiles, values, parts, task, seed, PEER_EPOCHS.get(name, 50))

    yield "frozen", 0, lambda: fitted(states(), values, train, task, "linear", 0)
    for seed in SEEDS:
        yield "frozen twin", seed, lambda seed=seed: linear(seed)
        yield "forest", seed, lambda seed=seed: forest(seed)
        yield "forest on fingerprints and states", seed, lambda seed=seed: both(seed)
        if command:
            yield "chemprop", seed, lambda seed=seed: peer(seed)
        if tuned:
            yield "tuned", seed, lambda seed=seed: tune(seed, False)
            yield "tuned twin", seed, lambda seed=seed: tune(seed, True)


TUNING = {
    "epochs": 15, "batch_size": 32, "optimiser": "muon", "core_rate": 1e-3, "embedding_rate": 1e-3, "norm_rate": 1e-3,
    "clip": 1.0,
}  # fmt: skip


def report(record: Path) -> str:
    """Mean and spread over seeds, a row per method."""
    import pandas as pd

    rows = pd.DataFrame([json.loads(line) for line in record.read_text().splitlines()])
    areas = rows["roc_auc"] * 100 if "roc_auc" in rows else np.nan
    rows["score"] = rows["rmse"].fillna(areas) if "rmse" in rows else areas
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
    parser.add_argument("--chemprop", type=Path, help="its command, in an environment of its own")
    parser.add_argument("--only", nargs="+", help="these methods only, such as frozen")
    choice = parser.parse_args()
    there = choice.output.read_text().splitlines() if choice.output.is_file() else []
    known = {(r["data"], r["variant"], r["method"], r["seed"]) for r in map(json.loads, there)}
    for name in choice.sets:
        data = opened(choice.molecules, name, choice.variant)
        test, smiles = np.array(data.split("test").places), read(choice.molecules, name, data.rows)
        for method, seed, predict in methods(data, smiles, name, choice.tuned, choice.chemprop):
            if (name, choice.variant, method, seed) in known or (choice.only and method not in choice.only):
                continue
            scores = scored(predict()[test], data.values[test], SETS[name])
            row = {"data": name, "variant": choice.variant, "split": data.split_by, "method": method, "seed": seed}
            with choice.output.open("a") as file:
                file.write(json.dumps(row | scores) + "\n")
            print(row | scores, flush=True)
    print(report(choice.output))


if __name__ == "__main__":
    main()
