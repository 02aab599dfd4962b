"""Is a species placed better from few presences by the pretrained network than by models fitted to it alone?

    python benchmarks/species/run.py REGIONS --records FILE.csv [--model FOLDER ...] [--species 10] [--seeds 1]

REGIONS is a folder of surveyed regions (see `read_regions`): species are learned from presences alone and scored by AUC
on sites where people looked for them. Every method gets the same presences, drawn at random, and the same points of
contrast: 2000 random background points, or at most 2000 sites where the species' group was recorded. AUC is that of at
most 1000 sites with the species and 1000 without. Rows are appended as they are made; called again, it does what is
missing.

A model given as NAME=FOLDER is scored as NAME, as NAME_place with the coordinates as two more variables, and, unless
`--alone` is given, as NAME_ensemble, the mean of the ranks that it, with the coordinates, and the down-sampled forest
give to the sites.
`{region}` in FOLDER is replaced by the region that is scored, so that a network that never saw it can be named; the one
before training is called `random`.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import PEERS
from scipy.stats import rankdata
from tqdm import tqdm

from humboldt.domains.biodiversity import auc_roc
from humboldt.domains.biodiversity.distribution import (
    BACKGROUND,
    ENVIRONMENT,
    PLACE,
    TARGET_GROUP,
    SurveyedRegion,
    biodiversity_nano,
    build_species,
    read_regions,
    tables_to_batch,
)
from humboldt.foundations import Model

SIZES: tuple[int | None, ...] = (5, 10, 20, 50, None)
CONTRASTS = ("background", "target_group")
POINTS, SITES = 2000, 1000
COLUMNS = ("region", "species", "contrast", "presences", "seed", "method", "auc", "seconds")


def main() -> None:
    """Score every method on every species, size, contrast and seed that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regions", type=Path)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--model", nargs="*", default=["nano=humboldt/biodiversity-nano", "random=random"])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--species", type=int, default=10, help="of each region, drawn at random; 0 for all")
    parser.add_argument("--contrasts", nargs="*", default=list(CONTRASTS), choices=CONTRASTS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="no ensembles with the forest, which take the longest")
    given = parser.parse_args()
    torch.set_num_threads(1)
    done = _done(given.records)
    regions = read_regions(given.regions)
    cases = [
        (region, chosen(region, given.species)[number], contrast, size, seed)
        for number in range(max(len(chosen(region, given.species)) for region in regions))
        for region in regions
        if number < len(chosen(region, given.species))
        for seed in range(given.seeds)
        for size in SIZES
        for contrast in given.contrasts
    ]
    models = {}
    for region, species, contrast, size, seed in tqdm(cases):
        case = (region.name, species, contrast, str(size or "all"), str(seed))
        lacking = [p for p in given.peers if (*case, p) not in done]
        named = dict(m.split("=", 1) for m in given.model)
        new = {n: f.format(region=region.name) for n, f in named.items() if (*case, n) not in done}
        for folder in set(new.values()) - set(models):
            models[folder] = load(folder)
        these = {n: models[f] for n, f in new.items()}
        rows = score(region, species, contrast, size, seed, lacking, these, not given.alone)
        _append(given.records, [(*case, *row) for row in rows])


def chosen(region: SurveyedRegion, number: int) -> list[str]:
    """Species of a region in an order drawn once, so that more of them go on from fewer."""
    return np.random.default_rng(0).permutation(region.species).tolist()[: number or None]


def load(folder: str) -> Model:
    """A network, or the one before training."""
    if folder == "random":
        torch.manual_seed(0)
        return build_species(biodiversity_nano()).eval()
    from humboldt import from_pretrained

    return from_pretrained(folder)


def score(
    region: SurveyedRegion,
    species: str,
    contrast: str,
    size: int | None,
    seed: int,
    peers: list[str],
    models: dict[str, Model],
    ensemble: bool,
) -> list[tuple[str, float, float]]:
    """(method, AUC, seconds) of each."""
    if not peers and not models:
        return []
    random = np.random.default_rng([seed, *species.encode()])
    presences = region.presence[region.presence["spid"] == species]
    presences = presences.iloc[random.permutation(len(presences))[:size]]
    table = region.background if contrast == "background" else region.target_group(region.group(species))
    points = table.iloc[random.permutation(len(table))[:POINTS]]
    around = points if contrast == "background" else region.background.iloc[:POINTS]
    sites, truth = region.test(species)
    order = np.random.default_rng(0).permutation(len(sites))
    kept = np.concatenate([order[truth[order] == c][:SITES] for c in (0, 1)])
    sites, truth = sites.iloc[kept], truth[kept]
    rows, suitability = [], {}
    arrays = [t[region.variables].to_numpy(float) for t in (presences, points, sites)]
    for name in {*peers, *(["forest"] if models and ensemble else [])}:
        start = time.process_time()
        suitability[name] = PEERS[name](*arrays, seed)
        if name in peers:
            rows.append((name, auc_roc(truth, suitability[name]), time.process_time() - start))
    for name, model in models.items():
        for place in (False,) if name == "random" else (False, True):
            start = time.process_time()
            columns = region.variables + ["x", "y"] * place
            kinds = [ENVIRONMENT] * len(region.variables) + [PLACE] * (2 * place)
            kind = BACKGROUND if contrast == "background" else TARGET_GROUP
            batch = tables_to_batch(columns, kinds, around, [presences], points, kind, sites)
            with torch.inference_mode():
                logit = model(batch).logit[0, 0].double().numpy()
            called = f"{name}_place" if place else name
            rows.append((called, auc_roc(truth, logit), time.process_time() - start))
        if name != "random" and ensemble:
            together = rankdata(logit) + rankdata(suitability["forest"])
            rows.append((f"{name}_ensemble", auc_roc(truth, together), float("nan")))
    return rows


def _done(records: Path) -> set[tuple[str, ...]]:
    if not records.is_file():
        return set()
    with records.open(newline="") as file:
        return {tuple(row[c] for c in COLUMNS[:6]) for row in csv.DictReader(file)}


def _append(records: Path, rows: list[Any]) -> None:
    if not rows:
        return
    begins = not records.is_file()
    with records.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if begins:
            writer.writerow(COLUMNS)
        writer.writerows([(*row[:6], f"{row[6]:.4f}", f"{row[7]:.3f}") for row in rows])


if __name__ == "__main__":
    main()
