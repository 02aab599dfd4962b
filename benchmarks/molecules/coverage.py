"""How many values lie in the intervals that held-out molecules calibrate, on a random split and on new scaffolds?

    python benchmarks/molecules/properties.py MOLECULES --output RECORD --sets delaney freesolv --only frozen
        --variant random --predictions PREDICTIONS          (and with --variant murcko)
    python benchmarks/molecules/coverage.py MOLECULES PREDICTIONS --output docs/experiments/records/coverage.jsonl

The ensemble is of the seeds that are there; intervals are calibrated on the validation part and counted on the test
part. For classes: the mean cross-entropy of the probabilities before and after the calibration [nats].
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from properties import SETS, opened

from humboldt.domains.graphs import Calibration


def covered(data: Any, values: np.ndarray, task: str, level: float) -> dict[str, float]:
    """Share of the test values in their intervals, mean width of these, or cross-entropies; means over tasks."""
    held, test = np.array(data.split("validation").places), np.array(data.split("test").places)
    made = Calibration.of(values[:, held], data.values[held], data.names, task, level)  # type: ignore[arg-type]
    truth, new = data.values[test], values[:, test]
    if task == "regression":
        low, high = made.interval(new)
        return {"covered": float(np.mean((truth >= low) & (truth <= high))), "width": float(np.mean(high - low))}
    return {"before": cross_entropy(new.mean(0), truth), "after": cross_entropy(made.probability(new), truth)}


def cross_entropy(p: np.ndarray, labels: np.ndarray) -> float:
    """Mean over known labels."""
    bounded = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.nanmean(labels * np.log(bounded) + (1 - labels) * np.log1p(-bounded)))


def main() -> None:
    """Count, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="record, a row a line, written anew")
    parser.add_argument("--method", default="frozen", help="whose predictions")
    parser.add_argument("--levels", nargs="+", type=float, default=[0.8, 0.9])
    choice = parser.parse_args()
    rows = []
    for name, task in SETS.items():
        for variant in ("random", "murcko"):
            files = sorted(choice.predictions.glob(f"{name}-{variant}-{choice.method}-[0-9].npy"))
            if not files:
                continue
            data, members = opened(choice.molecules, name, variant), np.stack([np.load(file) for file in files])
            for kind, values in (("one", members[:1]), (f"ensemble of {len(files)}", members))[: len(files)]:
                for level in choice.levels if task == "regression" else choice.levels[:1]:
                    row = {
                        "data": name,
                        "split": data.split_by,
                        "method": choice.method,
                        "models": kind,
                        "level": level,
                    }
                    rows.append(row | covered(data, values.astype(float), task, level))
                    print(rows[-1], flush=True)
    choice.output.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
