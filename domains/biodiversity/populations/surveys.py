"""Counts of real surveys as data to adapt to: from every year of a population, the counts of the years ahead."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from humboldt.data_catalog import DataError, Split, split_units

from ..count_tables import checked_counts
from ..record_files import ENDINGS, read_records
from .batch import CountBatch
from .virtual import FARTHEST, YEARS

SITES = 24  # of a population, as in pretraining


@dataclass(frozen=True, eq=False)
class CountSurveys:
    """Populations that were counted at sites over years; a sample is a population, a year, and how far ahead.

    A population is a species at a group of sites. No site is in two parts. A sample starts from a year in which it was
    counted, with a count above 0 up to then, and asks for one at most 8 years ahead in which it was counted again; the
    last 16 years are read.

    Attributes:
        counts: individuals [population, site, year], NaN where nothing was counted.
        names: of the populations.
        groups: number of the group of sites of every population.
        first: the first year.
        parts: of the groups.
        source: where the counts are from.
        numbers: the populations of this part; those that nothing can be learned from are in none.
        part: its name.
    """

    counts: np.ndarray
    names: tuple[str, ...]
    groups: tuple[int, ...]
    first: int
    parts: Split
    source: str
    numbers: tuple[int, ...]
    part: str = "all"

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        years = f"{self.first} to {self.first + self.counts.shape[2] - 1}"
        return f"<{self.part} counts: {len(self)} samples of {self.units} populations, {years}>"

    @cached_property
    def samples(self) -> tuple[tuple[int, int, int], ...]:
        """Population, number of the last year that is read, years ahead."""
        counted = np.isfinite(self.counts)
        known = counted.any(1)
        found = np.maximum.accumulate((np.nan_to_num(self.counts) > 0).any(1), axis=1)
        years = range(self.counts.shape[2])
        return tuple(
            (p, now, then - now)
            for p in self.numbers
            for now in years
            if found[p, now] and known[p, now]
            for then in years[now + 1 : now + FARTHEST + 1]
            if known[p, then]
        )

    def batch(self, indices: Sequence[int]) -> CountBatch:
        """These samples; sites and years that a population lacks were not counted.

        Raises:
            IndexError: an index outside of this part.
        """
        chosen = [self.samples[i] for i in indices]
        past = np.full((len(chosen), self.counts.shape[1], YEARS), np.nan)
        for row, (p, now, _) in zip(past, chosen, strict=True):
            seen = self.counts[p, :, max(now - YEARS + 1, 0) : now + 1]
            row[:, YEARS - seen.shape[1] :] = seen
        target = np.stack([self.counts[p, :, now + ahead] for p, now, ahead in chosen])
        known, then = (torch.tensor(x, dtype=torch.float32) for x in (past, target))
        ahead = torch.tensor([float(a) for *_, a in chosen])
        return CountBatch(known.nan_to_num(0.0), known.isfinite(), ahead, then)

    def split(self, name: str) -> CountSurveys:
        """The populations at the sites of `train`, `validation` or `test`.

        Raises:
            DataError: another part, or an empty one.
        """
        kept = set(self.parts.part(name))
        return replace(self, part=name, numbers=tuple(p for p in self.numbers if self.groups[p] in kept))

    @property
    def units(self) -> int:
        """How many populations this part has."""
        return len(self.numbers)

    def choose(self, units: Sequence[int]) -> CountSurveys:
        """These populations of this part, counted from 0."""
        return replace(self, numbers=tuple(self.numbers[u] for u in units))

    def take(self, count: int) -> CountSurveys:
        """The first populations.

        Raises:
            DataError: more than there are.
        """
        if not 1 <= count <= self.units:
            raise DataError(f"this part has {self.units} populations, got {count}; take 1 to {self.units}")
        return replace(self, numbers=self.numbers[:count])

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready: populations, years, samples, parts, fingerprint."""
        digest = hashlib.sha256(repr((self.names, self.first, str(self.parts), self.numbers)).encode())
        digest.update(np.ascontiguousarray(self.counts).tobytes())
        return {
            "source": self.source, "part": self.part, "populations": self.units, "samples": len(self),
            "years": [self.first, self.first + self.counts.shape[2] - 1], "split": str(self.parts),
            "fingerprint": digest.hexdigest()[:16],
        }  # fmt: skip


def is_count_table(source: Any) -> bool:
    """Whether a source is a table, or a file of one."""
    return isinstance(source, pd.DataFrame) or str(source).lower().endswith(ENDINGS)


def open_counts(
    source: pd.DataFrame | str | Path,
    *,
    split: Mapping[str, float | int | Sequence[int]] | None = None,
    sites: int = SITES,
    site: str = "site",
    year: str = "year",
    count: str = "count",
    species: str = "species",
) -> CountSurveys:
    """Counts by site and year as data to adapt to.

    Args:
        source: a row a site and year (and species), as for `trim`, or a file of such rows; a missing row or an empty
            count was not counted.
        split: sizes of the parts in groups of sites (or shares of them), see `split_units`; test are the last ones.
        sites: of a group. Sites are grouped in the order of their first rows.
        site, year, count: names of the columns.
        species: name of the column of species; without it all counts are of one.

    Raises:
        DataError: names what breaks a rule: columns, repeated rows, negative counts, nothing to forecast, parts.
    """
    if sites < 1:
        raise DataError(f"a group has 1 site at least, got sites={sites}; give more")
    table = source if isinstance(source, pd.DataFrame) else read_records(Path(source))
    kinds = [species] if species in table else []
    table = checked_counts(table, [site, year, count, *kinds], year=year, count=count)
    if (twice := table.duplicated([*kinds, site, year])).any():
        row = table[twice].iloc[0]
        raise DataError(
            f"a site is counted once a year{' and species' if kinds else ''}, got two rows of {row[site]} in "
            f"{row[year]}; add them up first, or name the column of species"
        )
    places = {place: number for number, place in enumerate(dict.fromkeys(table[site]))}
    named = list(dict.fromkeys(table[kinds[0]])) if kinds else ["counts"]
    first, last = int(table[year].min()), int(table[year].max())
    groups = -(-len(places) // sites)
    values = np.full((groups, sites, len(named), last - first + 1), np.nan)
    where = table[site].map(places).to_numpy()
    what = table[kinds[0]].map({s: i for i, s in enumerate(named)}).to_numpy() if kinds else np.zeros(len(table), int)
    values[where // sites, where % sites, what, table[year].to_numpy() - first] = table[count].to_numpy(float)
    counts = values.transpose(0, 2, 1, 3).reshape(-1, sites, values.shape[3])
    whole = CountSurveys(
        counts=counts,
        names=tuple(
            f"{s}, sites {g * sites + 1} to {min((g + 1) * sites, len(places))}" for g in range(groups) for s in named
        ),
        groups=tuple(np.repeat(range(groups), len(named)).tolist()),
        first=first,
        parts=split_units(groups, split),
        source="table" if isinstance(source, pd.DataFrame) else Path(source).name,
        numbers=tuple(range(len(counts))),
    )
    found = replace(whole, numbers=tuple(sorted({population for population, *_ in whole.samples})))
    if not len(found):
        raise DataError(
            f"counts to learn forecasting from have a count above 0 and a later one at most {FARTHEST} years on, got "
            f"none in the years {first} to {last}; add years"
        )
    return found
