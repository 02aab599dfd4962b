"""One index for many species, after the Living Planet Index (Collen et al. 2009; McRae et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError

from .count_tables import checked_counts

SMOOTHED_FROM = 6  # counts of a population
LARGEST = 1.0  # log10 of the change of a year that counts


def living_planet_index(
    counts: pd.DataFrame,
    *,
    species: str = "species",
    population: str = "population",
    year: str = "year",
    count: str = "count",
    group: str | None = None,
    weights: Mapping[Any, float] | None = None,
    smooth: bool = True,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """I_t = I_{t-1} 10^{d_t} with I = 1 in the first year; d_t is the mean over species of the mean over populations of
    log10(N_t / N_{t-1}), which counts up to 1 in size.

    A population with six counts or more follows a smoothing spline of log10 N (cubic, its smoothness by generalised
    cross-validation), another one straight lines between its counts; before the first and after the last it says
    nothing. Where a series holds zeros, 1 % of its mean is added to all of it; one of zeros alone is left out.

    Args:
        group: a column (taxon, realm); groups are averaged with `weights`, alike by default.
        smooth: False for straight lines in every population.
        draws, level, seed: intervals are percentiles over bootstrap samples of the species within their group.

    Returns:
        By year: `index`, `lower`, `upper`, and `species` that say something. Bounds are NaN where a group has one
        species, of which no bootstrap can tell anything.

    Raises:
        DataError: a missing column, negative counts, a year twice in a population, or nothing that can be indexed.
    """
    names = [species, population, year, count, *([group] if group else [])]
    counts = checked_counts(counts, names, year=year, count=count)
    _once(counts, species, population, year)
    years = np.arange(int(counts[year].min()), int(counts[year].max()) + 1)
    per_species: dict[tuple[object, object], list[np.ndarray]] = {}
    for (kind, _), series in counts.dropna(subset=[count]).groupby([species, population], observed=True):
        changes = _changes(series[year].to_numpy(), series[count].to_numpy(float), years, smooth)
        if changes is not None:
            per_species.setdefault((series[group].iloc[0] if group else "", kind), []).append(changes)
    if not per_species:
        raise DataError("an index takes populations with two counts in different years, got none")
    groups: dict[object, np.ndarray] = {}
    for name in dict.fromkeys(name for name, _ in per_species):
        rows = [_mean(np.stack(found), 0) for (own, _), found in per_species.items() if own == name]
        groups[name] = np.stack(rows)
    share = _shares(list(groups), weights)
    samples = _bootstrap(groups, share, draws, np.random.default_rng(seed))
    tail = (1 - level) / 2
    lower, upper = np.quantile(samples, [tail, 1 - tail], axis=0) if len(samples) else np.full((2, len(years)), np.nan)
    said = sum((~np.isnan(rows)).sum(0) for rows in groups.values())
    table = {"index": _index(groups, share), "lower": lower, "upper": upper, "species": np.r_[said[:1], said]}
    return pd.DataFrame(table, index=pd.Index(years, name=year))


def _once(counts: pd.DataFrame, species: str, population: str, year: str) -> None:
    twice = counts.duplicated([species, population, year])
    if twice.any():
        row = counts[twice].iloc[0]
        raise DataError(
            f"a population has one count a year, got two of {row[population]!r} in {row[year]}; average them"
        )


def _changes(when: np.ndarray, number: np.ndarray, years: np.ndarray, smooth: bool) -> np.ndarray | None:
    """log10 of the change from each year to the next, NaN outside of the series; None for one that says nothing."""
    if len(when) < 2 or not number.any():
        return None
    order = np.argsort(when)
    when, number = when[order].astype(float), number[order]
    level = np.log10(number + (0.01 * number.mean() if (number == 0).any() else 0.0))
    if smooth and len(when) >= SMOOTHED_FROM:
        from scipy.interpolate import make_smoothing_spline

        values = make_smoothing_spline(when, level)(years)
        values = np.where((years < when[0]) | (years > when[-1]), np.nan, values)
    else:
        values = np.interp(years, when, level, left=np.nan, right=np.nan)
    return np.clip(np.diff(values), -LARGEST, LARGEST)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis) / np.where(known.any(axis), known.sum(axis), np.nan)


def _shares(names: list[object], weights: Mapping[Any, float] | None) -> np.ndarray:
    if weights is None:
        return np.full(len(names), 1 / len(names))
    missing = [name for name in names if name not in weights]
    if missing:
        raise DataError(f"every group has a weight, got none for {missing[0]!r}; add it")
    share = np.asarray([weights[name] for name in names], float)
    return share / share.sum()


def _index(groups: Mapping[object, np.ndarray], share: np.ndarray) -> np.ndarray:
    """From changes of species, by group, to the index; a year in which no species of a group says anything is level."""
    means = np.stack([_mean(rows, 0) for rows in groups.values()])
    weight = np.where(np.isnan(means), 0.0, share[:, None])
    change = (np.nan_to_num(means) * weight).sum(0) / np.where(weight.sum(0) > 0, weight.sum(0), 1)
    return 10 ** np.r_[0.0, np.cumsum(change)]


def _bootstrap(
    groups: Mapping[object, np.ndarray], share: np.ndarray, draws: int, random: np.random.Generator
) -> np.ndarray:
    if any(len(rows) < 2 for rows in groups.values()):
        return np.empty((0, 0))
    samples = []
    for _ in range(draws):
        drawn = {name: rows[random.integers(len(rows), size=len(rows))] for name, rows in groups.items()}
        samples.append(_index(drawn, share))
    return np.asarray(samples)
