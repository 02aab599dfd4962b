"""What is humboldt/molecules-nano worth for predicting properties, beside its random twin and a forest on fingerprints?

    python benchmarks/molecules/properties.py MOLECULES --output docs/experiments/records/molecules.jsonl [--tuned]

MOLECULES holds a folder per data set with its table and `scaffold_split.json`. Rows of a record that are there already
are not made again. `frozen` is a ridge or logistic regression on mean states of all layers of the network, of which
nothing is trained; the twin is the same network with random weights. `tuned` trains all of it. Of several tasks every
one has its own regression or forest, labels that are not known do not count, and the score is the mean over tasks.
With `--part validation` other readings of the frozen network are compared, and no test part is looked at.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chemprop_peer import chemprop

import humboldt
from humboldt.domains.graphs import average_precision, for_task, open_graphs, roc_auc
from humboldt.domains.graphs.files import COLUMNS
from humboldt.domains.graphs.reading import batches, sayable

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
    if variant == "random":
        return open_graphs(table, targets=targets, split_by="random")
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


class Methods:
    """What predicts all rows of a data set; nothing is computed before it is asked for.

    Args:
        data: with its split.
        smiles: of all rows.
        name: of the set.
        command: of chemprop.
    """

    def __init__(self, data: Any, smiles: list[str], name: str, command: Path | None) -> None:
        self.data, self.smiles, self.name, self.command = data, smiles, name, command
        self.train, self.values, self.task = np.array(data.split("train").places), data.values, SETS[name]
        self.prints = cache(lambda: fingerprints(smiles))

    def all(self, part: str, tuned: bool, seeds: list[int]) -> Made:
        """Method, seed, and what predicts."""
        for way, (layers, random) in READINGS.items():
            if part == "test" and layers != "all":
                continue
            for seed in seeds if random else seeds[:1]:
                yield way, seed, partial(self.frozen, seed, random, layers)
        if part != "test":
            for pooling in ("last", "mean", "layers") if tuned else ():
                for way, random in (("tuned", False), ("tuned twin", True)):
                    yield f"{way}, {pooling}", seeds[0], partial(self.tune, seeds[0], random, pooling=pooling)
            return
        for seed in seeds:
            yield "forest", seed, lambda seed=seed: self.fit(self.prints(), "forest", seed)
            yield "forest on fingerprints and states", seed, partial(self.both, seed)
            if self.command:
                yield "chemprop", seed, partial(self.peer, seed)
            if tuned:
                yield "tuned", seed, partial(self.tune, seed, False)
                yield "tuned twin", seed, partial(self.tune, seed, True)

    def fit(self, features: np.ndarray, kind: str, seed: int) -> np.ndarray:
        """A forest or linear models on features."""
        return fitted(features, self.values, self.train, self.task, kind, seed)

    def states(self, seed: int, random: bool, layers: str) -> np.ndarray:
        """Embeddings of the network, or of its twin."""
        model = humboldt.from_pretrained(MODEL, random=random, seed=seed)
        if layers == "last token":
            return last_tokens(self.smiles, model)
        return np.asarray(humboldt.embed(self.smiles, model, layers=layers))

    def frozen(self, seed: int, random: bool, layers: str) -> np.ndarray:
        """Linear models on embeddings."""
        return self.fit(self.states(seed, random, layers), "linear", seed)

    def both(self, seed: int) -> np.ndarray:
        """A forest on fingerprints, descriptors and states."""
        return self.fit(np.hstack([self.prints(), self.states(0, False, "all")]), "forest", seed)

    def peer(self, seed: int) -> np.ndarray:
        """Chemprop."""
        assert self.command is not None
        parts = {part: np.array(self.data.split(part).places) for part in ("train", "validation", "test")}
        epochs = PEER_EPOCHS.get(self.name, 50)
        return chemprop(self.command, self.smiles, self.values, parts, self.task, seed, epochs)

    def tune(self, seed: int, random: bool, **readout: Any) -> np.ndarray:
        """The whole network, trained."""
        start = humboldt.from_pretrained(MODEL, random=random, seed=seed)
        start = for_task(start, self.data.split("train"), self.task, seed=seed, **readout)
        model = humboldt.finetune(start, self.data, seed=seed, progress=False, **TUNING)
        return np.asarray(humboldt.predict(model, self.smiles)[list(self.data.names)].to_numpy(), np.float32)


def last_tokens(smiles: list[str], model: Any) -> np.ndarray:
    """State of the last token after the last layer, as the published models are read."""
    graphs = [sayable(graph, model.config) for graph in open_graphs(smiles).graphs]
    out = np.empty((len(graphs), model.config.core.scales[0].width), np.float32)
    with torch.inference_mode():
        for places, batch in batches(graphs, model.config, 64):
            out[places] = model.encode(batch).x[torch.arange(len(batch)), batch.last].numpy()
    return out


READINGS = {
    "frozen": ("all", False),
    "frozen twin": ("all", True),
    "frozen, last layer": ("last", False),
    "frozen twin, last layer": ("last", True),
    "frozen, last token": ("last token", False),
    "frozen twin, last token": ("last token", True),
}
"""What is read of the frozen network, and whether its weights are random."""
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
    parser.add_argument("--variant", default="murcko", help="split: murcko or murcko_chiral (scaffolds), or random")
    parser.add_argument("--tuned", action="store_true", help="also tune the whole network, and its twin")
    parser.add_argument("--chemprop", type=Path, help="its command, in an environment of its own")
    parser.add_argument("--only", nargs="+", help="these methods only, such as frozen")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="of weights and forests")
    parser.add_argument("--predictions", type=Path, help="folder that keeps what was predicted, for coverage.py")
    parser.add_argument("--part", default="test", choices=["test", "validation"], help="part that is scored")
    choice = parser.parse_args()
    there = choice.output.read_text().splitlines() if choice.output.is_file() else []
    known = {(r["data"], r["variant"], r["method"], r["seed"]) for r in map(json.loads, there)}
    for name in choice.sets:
        data = opened(choice.molecules, name, choice.variant)
        scored_on, smiles = np.array(data.split(choice.part).places), read(choice.molecules, name, data.rows)
        made = Methods(data, smiles, name, choice.chemprop)
        for method, seed, predict in made.all(choice.part, choice.tuned, choice.seeds):
            if (name, choice.variant, method, seed) in known or (choice.only and method not in choice.only):
                continue
            begun = sum(os.times()[:4])
            guess = predict()
            scores = scored(guess[scored_on], data.values[scored_on], SETS[name])
            if choice.predictions:
                choice.predictions.mkdir(parents=True, exist_ok=True)
                np.save(choice.predictions / f"{name}-{choice.variant}-{method}-{seed}.npy", guess)
            row = {"data": name, "variant": choice.variant, "split": data.split_by, "part": choice.part}
            row |= {"method": method, "seed": seed, "cpu_seconds": round(sum(os.times()[:4]) - begun, 1)} | scores
            with choice.output.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    print(report(choice.output))


if __name__ == "__main__":
    main()
