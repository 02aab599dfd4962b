"""The French Breeding Bird Survey as a table of counts, a row a species, site and year.

    python benchmarks/populations/table.py BIRDS.csv.gz stoc_birds.csv

BIRDS has a row per site and period and a column of mean counts per species; a period stands at its third year.
"""

from __future__ import annotations

import sys

import pandas as pd
from run import SPECIES_FROM


def main(source: str, target: str) -> None:
    """Write the table."""
    wide = pd.read_csv(source)
    species = list(wide.columns[SPECIES_FROM:])
    table = wide.melt(["site", "period"], species, var_name="species", value_name="count")
    table["year"] = table["period"].str[:4].astype(int) + 2
    table[["species", "site", "year", "count"]].to_csv(target, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
