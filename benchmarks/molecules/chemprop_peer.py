"""Chemprop's directed message passing network on the same rows, run by its own command from an environment of its own.

    python -m venv chemprop_env && chemprop_env/bin/pip install torch==2.13.0 chemprop==2.3.1

Chemprop pins another RDKit than ours, so it stands beside, and only tables of numbers pass between the two.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def chemprop(
    command: Path,
    smiles: list[str],
    values: np.ndarray,
    parts: dict[str, np.ndarray],
    task: str,
    seed: int,
    epochs: int,
) -> np.ndarray:
    """Predictions (rows, tasks) of the test part, NaN elsewhere; the weights are those of the best validation loss.

    Args:
        command: `chemprop` of its environment.
        smiles: of all rows.
        values: (rows, tasks), NaN where not known.
        parts: rows of `train`, `validation` and `test`.
        task: `regression` or `classification`.
        seed: of the weights.
        epochs: passes over the training part; the rest of chemprop's settings are its defaults.

    Raises:
        RuntimeError: the command failed, with the end of what it said.
    """
    import pandas as pd

    names = [f"task{number}" for number in range(values.shape[1])]
    table = pd.DataFrame(values, columns=names).assign(smiles=smiles)[["smiles", *names]]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{part}.csv" for part in ("train", "validation", "test")]
        for file in files:
            table.iloc[parts[file.stem]].to_csv(file, index=False)
        said = subprocess.run(
            [str(command), "train", "--data-path", *map(str, files), "--smiles-columns", "smiles", "--task-type", task,
             "--target-columns", *names, "--epochs", str(epochs), "--pytorch-seed", str(seed), "--num-workers", "0",
             "--accelerator", "cpu", "--output-dir", folder, "--remove-checkpoints"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if said.returncode:
            raise RuntimeError(f"chemprop trains on a table of SMILES and numbers, but it said: {said.stderr[-800:]}")
        out: Any = pd.read_csv(next(Path(folder).glob("**/test_predictions.csv")))
    found = np.full(values.shape, np.nan)
    found[parts["test"]] = out[names].to_numpy()
    return found
