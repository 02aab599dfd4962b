"""Where will a species turn up next? Sites of the French bird survey, ranked in one period, looked at in the next.

    python benchmarks/species/arrivals.py BIRDS.csv [--model FOLDER]

BIRDS has a row per site and period with x_wgs84, y_wgs84, environment and a column of mean counts per species. Every
species is learned from where it was found and not found in the first period; of the sites without it, those with it in
the second period are to be told. AUC by species of: the suitability alone; the nearness of an occupied site alone;
both, as `detection_ranking` multiplies them (reach 50 km, chosen before looking); and a forest of 500 trees on the same
variables. `--place` adds the coordinates to the network's and the forest's variables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from humboldt.domains.biodiversity import auc_roc
from humboldt.domains.biodiversity.distribution import SpeciesModel

VARIABLES = ["temp", "precip", "cover_agri", "cover_water", "cover_wet", "sdiv_hab"]
SPECIES_FROM, REACH, FEWEST = 10, 50.0, 10


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("birds", type=Path)
    parser.add_argument("--model", help="folder of a network, the embedded one by default")
    parser.add_argument("--place", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.read_csv(given.birds)
    first, second = (table[table["period"] == p].set_index("site") for p in sorted(table["period"].unique()))
    second = second.loc[first.index]
    sites = first[VARIABLES].assign(x=first["x_wgs84"], y=first["y_wgs84"])
    names = list(table.columns[SPECIES_FROM:])
    records = pd.concat([sites.assign(scientificName=n, present=first[n] > 0) for n in names], ignore_index=True)
    model = SpeciesModel(given.model, place=given.place).fit(records, sites)
    logit, _ = model.answer(sites)
    rows = []
    for number, name in enumerate(model.species_):
        occupied = (first[name] > 0).to_numpy()
        arrived = (second[name] > 0).to_numpy()[~occupied]
        if arrived.sum() < FEWEST:
            continue
        suitability = expit(logit[number][~occupied].astype(float))
        near = np.exp(-distances(sites, occupied) / REACH)
        trees = forest(sites[VARIABLES + ["x", "y"] * given.place].to_numpy(), occupied)
        said = {"suitability": suitability, "nearness": near, "both": suitability * near, "forest": trees}
        rows.append({"species": name, "empty": len(arrived), "arrived": int(arrived.sum())} | {
            method: auc_roc(arrived.astype(int), values) for method, values in said.items()
        })  # fmt: skip
    found = pd.DataFrame(rows)
    mean = found.mean(numeric_only=True).to_dict()
    found = pd.concat([found, pd.DataFrame([{"species": "mean", **mean}])]).round(3)
    print("| " + " | ".join(found.columns) + " |\n|" + "---|" * len(found.columns))
    for row in found.itertuples(index=False):
        print("| " + " | ".join(map(str, row)) + " |")


def distances(sites: pd.DataFrame, occupied: np.ndarray) -> np.ndarray:
    """Kilometres from every empty site to the nearest occupied one."""
    from scipy.spatial import cKDTree

    x = 111.195 * sites["x"] * np.cos(np.radians(sites["y"].mean()))
    plane = np.column_stack([x, 111.195 * sites["y"]])
    return np.asarray(cKDTree(plane[occupied]).query(plane[~occupied])[0])


def forest(values: np.ndarray, occupied: np.ndarray) -> np.ndarray:
    """Out-of-bag votes of a forest that learns presence and absence."""
    from sklearn.ensemble import RandomForestClassifier

    trees = RandomForestClassifier(500, oob_score=True, min_samples_leaf=5, random_state=0).fit(values, occupied)
    return np.asarray(trees.oob_decision_function_[~occupied, 1])


if __name__ == "__main__":
    main()
