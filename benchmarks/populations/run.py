"""Are next counts forecast better by the pretrained network than by a line through the past, the last count, the mean?

    python benchmarks/populations/run.py SKYLARK.csv BIRDS.csv [--model FOLDER]

SKYLARK has the columns site, year, count (empty where nobody counted). From every year with at least three years
behind it, each method forecasts the counts of the following three. BIRDS has a row per site and period and a column of
mean counts per species: the second period, on average six years later, is forecast from the first alone, so that no
line can be drawn through the past, and the last count is the mean. Only sites where the species was ever found before
are scored, as a line of TRIM needs a count above 0. Printed are tables in Markdown: the root mean square error of
ln(1 + count) and the mean absolute error of counts over sites, and the absolute error of the logarithm of the total,
averaged over origins (skylark) or species (birds).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from humboldt.domains.biodiversity import trim
from humboldt.domains.biodiversity.populations import (
    as_population_network,
    build_populations,
    forecast_counts,
    populations_nano,
)
from humboldt.foundations import Model

Method = Callable[[pd.DataFrame, int], pd.Series]
"""Counts up to now, and years ahead, to the mean count of every site then."""
SPECIES_FROM = 10  # first column of species in the table of birds
AHEAD, BEHIND = 3, 3


def last_count(counts: pd.DataFrame, ahead: int) -> pd.Series:
    """What was counted last at the site."""
    return counts.dropna().sort_values("year").groupby("site")["count"].last()


def site_mean(counts: pd.DataFrame, ahead: int) -> pd.Series:
    """The mean of what was counted at the site."""
    return counts.groupby("site")["count"].mean()


def trim_line(counts: pd.DataFrame, ahead: int) -> pd.Series:
    """The line of TRIM's model 2, drawn on: mu = a site's level times exp(slope year)."""
    slope = trim(counts, model=2).coefficients["value"].iloc[0]
    seen = counts.dropna()
    growth = np.exp(slope * seen["year"])
    level = seen.groupby("site")["count"].sum() / growth.groupby(seen["site"]).sum()
    return level * np.exp(slope * (counts["year"].max() + ahead))


def network(model: Model) -> Method:
    """The network, asked for one year."""

    def forecast(counts: pd.DataFrame, ahead: int) -> pd.Series:
        said = forecast_counts(counts, ahead, model=model)
        return said[said["year"] == said["year"].max()].set_index("site")["mean"]

    return forecast


def scores(said: pd.Series, truth: pd.Series) -> dict[str, float]:
    """Of the sites that both have."""
    sites = truth.dropna().index.intersection(said.index)
    p, t = said[sites].to_numpy(float), truth[sites].to_numpy(float)
    logs = np.log1p(p) - np.log1p(t)
    total = abs(np.log(p.sum() / t.sum())) if t.sum() and p.sum() else np.nan
    return {"rmse_log": float(np.sqrt(np.mean(logs**2))), "mae": float(np.abs(p - t).mean()), "total": float(total)}


def of_skylark(path: Path, methods: dict[str, Method]) -> pd.DataFrame:
    """A row per origin, years ahead and method."""
    counts, rows = pd.read_csv(path)[["site", "year", "count"]], []
    years = sorted(counts["year"].unique())
    for origin in years[BEHIND - 1 : -1]:
        past = counts[counts["year"] <= origin]
        total = past.groupby("site")["count"].sum()
        past = past[past["site"].isin(total[total > 0].index)]
        for ahead in range(1, min(AHEAD, years[-1] - origin) + 1):
            truth = counts[counts["year"] == origin + ahead].set_index("site")["count"]
            for name, method in methods.items():
                rows.append({"ahead": ahead, "method": name, **scores(method(past, ahead), truth)})
    return pd.DataFrame(rows)


def of_birds(path: Path, methods: dict[str, Method]) -> pd.DataFrame:
    """A row per species and method; six years ahead."""
    table, rows = pd.read_csv(path), []
    before, after = sorted(table["period"].unique())
    for species in table.columns[SPECIES_FROM:]:
        wide = table.pivot(index="site", columns="period", values=species)
        wide = wide[wide[before] > 0]
        past = pd.DataFrame({"site": wide.index, "year": 0, "count": wide[before].to_numpy()})
        for name, method in methods.items():
            rows.append({"ahead": 6, "method": name, "species": species, **scores(method(past, 6), wide[after])})
    return pd.DataFrame(rows)


def shown(found: pd.DataFrame) -> str:
    """The mean of each score by years ahead and method."""
    means = found.groupby(["ahead", "method"], sort=False)[["rmse_log", "mae", "total"]].mean().round(3)
    sizes = found.groupby(["ahead", "method"], sort=False).size().rename("cases")
    table = pd.concat([sizes, means], axis=1).reset_index()
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("skylark", type=Path)
    parser.add_argument("birds", type=Path)
    parser.add_argument("--model", type=Path, help="folder of a network, the embedded one by default")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks = {
        "nano": network(as_population_network(given.model)),
        "random": network(build_populations(populations_nano()).eval()),
    }
    print(
        "## Skylark\n\n"
        + shown(of_skylark(given.skylark, {"last": last_count, "mean": site_mean, "trim": trim_line, **networks}))
    )
    birds = of_birds(given.birds, {"last": last_count, **networks})
    print("\n## French birds\n\n" + shown(birds))
    wide = birds.pivot(index="species", columns="method", values="rmse_log")
    gap = wide["nano"] - wide["last"]
    print(
        f"\nnano less last by species (rmse_log): {gap.mean():+.3f}, standard error {gap.std() / len(gap) ** 0.5:.3f}, "
        f"better in {(gap < 0).sum()} of {len(gap)}"
    )


if __name__ == "__main__":
    main()
