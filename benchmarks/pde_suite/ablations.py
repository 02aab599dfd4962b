"""What each choice is worth: python benchmarks/pde_suite/ablations.py RECORDS.jsonl ABLATIONS.jsonl

Writes a Markdown table (.txt) beside the ablations, and prints it: a row for each variant of model, pairs and weights,
a column for each family of the ablations, and the geometric mean of the errors over those of the random twin. A variant
that was not tuned on all of these families is left out. Records are those of `run.py`; of the first file only what
equals the ablations in everything else is shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from neighbours import read_records
from report import markdown

SAME = ("trajectories", "seed", "steps", "resolution")
RELEASED = ("humboldt/pde-nano", "humboldt/pde-nano-fine")


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("ablations", type=Path)
    options = parser.parse_args()
    text = table(*(pd.DataFrame(read_records(path)) for path in (options.records, options.ablations)))
    options.ablations.with_suffix(".txt").write_text(text + "\n")
    print(text)


def table(records: pd.DataFrame, ablations: pd.DataFrame) -> str:
    """Errors of every variant, and their geometric mean over that of the random twin."""
    budgets = ablations[list(SAME)].drop_duplicates()
    if len(budgets) != 1:
        raise ValueError(f"ablations are compared at one budget, got {budgets.to_dict('records')}; keep one")
    rows = pd.concat([records.merge(budgets, on=list(SAME)), ablations], ignore_index=True)
    rows["variant"] = rows.apply(variant, axis=1)
    errors = rows.pivot_table(index="variant", columns="family", values="error", sort=False)
    errors = errors[list(dict.fromkeys(ablations["family"]))].dropna()
    ratio = np.exp(np.log(errors / errors.loc["scratch"]).mean(axis=1))
    head = ["variant", *errors.columns, "over the random twin"]
    cells = [[name, *(f"{e:.3f}" for e in found), f"{ratio[name]:.2f}"] for name, found in errors.iterrows()]
    budget = ", ".join(f"{name} {value}" for name, value in budgets.iloc[0].items())
    return f"### Ablations ({budget})\n\n" + markdown(head, cells)


def variant(record: pd.Series) -> str:
    """What tells a row from the others."""
    weights, pairs = str(record["pretrained"]), record["pairs"]
    named = "" if weights in RELEASED else f", weights of {Path(weights).name}"
    return f"{record['model']}{named}" + ("" if pairs == "all2all" else f", {pairs} pairs")


if __name__ == "__main__":
    main()
