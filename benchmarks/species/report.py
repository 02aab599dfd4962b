"""The tables of docs/experiments/biodiversity.md from the records of `run.py`.

    python benchmarks/species/report.py docs/experiments/records/biodiversity.csv [--seeds 3] [--methods forest nano]

Draws of presences are averaged first; a species counts where every method has a record. Methods that have nowhere as
many draws as asked for are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

CLASSICAL = ["maxent", "forest", "boosted", "additive"]
OURS = ["nano", "nano_place", "nano_ensemble"]
ORDER = ["5", "10", "20", "50", "all"]
CASE = ["region", "species", "contrast", "presences"]


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="draws that a method must have, or it is left out")
    parser.add_argument("--methods", nargs="*", help="those to compare, all by default")
    given = parser.parse_args()
    records = pd.read_csv(given.records, dtype={"presences": str})
    drawn = records.groupby([*CASE, "method"])["auc"].agg(["mean", "size"])
    wide = drawn.loc[drawn["size"] >= given.seeds, "mean"].unstack("method")
    methods = [m for m in given.methods or [*CLASSICAL, *OURS, "random"] if m in wide]
    classical = [m for m in CLASSICAL if m in methods]
    wide = wide.dropna(subset=methods)
    for contrast, part in wide.groupby("contrast"):
        print(f"\n### {contrast.replace('_', ' ')}: mean AUC\n")
        rows = [(region, size, group) for (region, size), group in part.groupby(["region", "presences"])]
        rows += [("all", size, group) for size, group in part.groupby("presences")]
        rows.sort(key=lambda row: (row[0] == "all", row[0], ORDER.index(row[1])))
        print("| region | presences | species | " + " | ".join(methods) + " |\n|" + "---|" * (3 + len(methods)))
        for region, size, group in rows:
            means = group[methods].mean()
            best = means[methods].max()
            cells = [f"**{m:.3f}**" if m > best - 5e-4 else f"{m:.3f}" for m in means]
            print(f"| {region} | {size} | {len(group)} | " + " | ".join(cells) + " |")
        print(f"\n### {contrast.replace('_', ' ')}: AUC of ours less the best classical mean, by species\n")
        print("| presences | best classical | ours | mean | standard error | deviation over species | species ahead |")
        print("|---|---|---|---|---|---|---|")
        for size in sorted(part.index.unique("presences"), key=ORDER.index):
            group = part.xs(size, level="presences")
            rival = group[classical].mean().idxmax()
            for ours in [m for m in OURS if m in methods]:
                gap = (group[ours] - group[rival]).groupby("species").mean()
                error = gap.std() / np.sqrt(len(gap))
                print(
                    f"| {size} | {rival} | {ours} | {gap.mean():+.3f} | {error:.3f} | {gap.std():.3f} | "
                    f"{(gap > 0).mean():.0%} |"
                )


if __name__ == "__main__":
    main()
