"""Population trends from counts by site and year (TRIM: Pannekoek and van Strien 2005).

    ln mu[i, j] = alpha[i] + B[j] beta,      cov(f[i]) = s2 sqrt(mu) R sqrt(mu),      R[j, k] = rho^|j - k|

with a free effect a year (model 3) or lines that bend at change points (model 2), fitted by generalised estimating
equations to the counts that there are; years that were not counted are imputed with mu. Standard errors are
those of the delta method, of the model and of the observed counts together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy

from humboldt.data_catalog import DataError

from .count_tables import checked_counts
from .trim_model import Counts, basis, design, fit, of_every_year, totals, wald

TO_REMOVE, TO_ENTER = 0.2, 0.15  # p values of Wald tests between which a change point stays as it is


@dataclass(frozen=True, kw_only=True, eq=False)
class Trend:
    """What the counts say.

    Attributes:
        indices: by year: `model` and `imputed` index (base year 1) with their standard errors `*_error`.
        totals: the same for totals over sites.
        slopes: overall slope of the `model` and `imputed` totals: `additive` (of the logarithm) and `multiplicative`.
        coefficients: of the model, with standard errors, on the scale of the logarithm.
        imputed: sites by years: what was counted, and the model where nothing was.
        overdispersion, serial_correlation: as estimated, None where not asked for.
        chi_square, likelihood_ratio, aic, degrees: of the fit.
        changepoints: the years in which the slope changes (model 2).
    """

    indices: pd.DataFrame
    totals: pd.DataFrame
    slopes: pd.DataFrame
    coefficients: pd.DataFrame
    imputed: pd.DataFrame
    overdispersion: float | None
    serial_correlation: float | None
    chi_square: float
    likelihood_ratio: float
    aic: float
    degrees: int
    changepoints: tuple[int, ...] = ()


def trim(
    counts: pd.DataFrame,
    *,
    model: int = 3,
    changepoints: Sequence[int] = (),
    stepwise: bool = False,
    covariates: Sequence[str] = (),
    weight: str | None = None,
    overdispersion: bool = True,
    serial_correlation: bool = True,
    base: int | None = None,
    site: str = "site",
    year: str = "year",
    count: str = "count",
) -> Trend:
    """Indices, totals and slopes of a population that is counted at sites in years, some of them missing.

    Args:
        counts: a row per site and year; a missing row or an empty count was not counted.
        model: 3 has a free effect a year, 2 a line.
        changepoints: years after which the slope of model 2 may change.
        stepwise: drop change points whose Wald test has p > 0.2, and take those back with p < 0.15.
        covariates: names of columns with categories, each with effects or slopes of its own.
        weight: name of a column with one weight a site, which totals are sums with; the fit does not depend on it.
        overdispersion, serial_correlation: estimate them, or take 1 and 0.
        base: the year whose index is 1, the first by default.
        site, year, count: names of the columns.

    Raises:
        DataError: names what breaks a rule: columns, repeated rows, negative counts, empty sites, years without a count
            above 0 (model 3), change points, or too few counts for what is to be estimated.
    """
    names = [site, year, count, *covariates, *([weight] if weight else [])]
    table = _table(counts, names)
    observed, years = _grid(table, site, year, count)
    if len(years) < 2:
        raise DataError(f"a trend takes at least two years, got {years}")
    categories = [_grid(table, site, year, name)[0] for name in covariates]
    weights = np.ones(len(observed)) if weight is None else _of_sites(table, site, weight)
    bends = _bends(changepoints, years, model)
    if model == 3:
        _require_effects(observed, {name: known.to_numpy() for name, known in zip(covariates, categories, strict=True)})

    def fitted(bends: tuple[int, ...]) -> Counts:
        columns = design(basis(len(years), bends, model), [c.to_numpy() for c in categories])
        work = Counts(observed.to_numpy(), weights, columns)
        return fit(work, overdispersion, serial_correlation)

    if stepwise:
        bends = _stepwise(bends, fitted)
    work = fitted(bends)
    labels = [f"slope from {years[b]}" for b in bends] if model == 2 else [f"effect of {y}" for y in years[1:]]
    return _summary(
        work,
        sites=list(observed.index),
        years=years,
        base=_index_of(base, years),
        labels=labels,
        bends=bends,
        estimated=(overdispersion, serial_correlation),
    )


def count_grid(counts: pd.DataFrame, site: str, year: str, count: str) -> tuple[pd.DataFrame, list[int]]:
    """Counts as sites by years without gaps, NaN where nothing was counted; and the years.

    Raises:
        DataError: a column that is not there, a site twice in a year, or a negative count.
    """
    return _grid(_checked(counts, [site, year, count]), site, year, count)


def _checked(counts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    site, year, count = names[:3]
    counts = checked_counts(counts, names, year=year, count=count)
    twice = counts.duplicated([site, year])
    if twice.any():
        row = counts[twice].iloc[0]
        raise DataError(f"a site is counted once a year, got two rows of {row[site]} in {row[year]}; add them up first")
    return counts


def _table(counts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    counts, (site, _, count) = _checked(counts, names), names[:3]
    total = counts.groupby(site)[count].sum(min_count=1)
    empty = total[~(total > 0)]
    if len(empty):
        raise DataError(
            f"every site has at least one count above 0, else it has no level: got none at {list(empty.index[:3])}"
            f"{' and others' if len(empty) > 3 else ''}; drop these sites"
        )
    return counts


def _grid(table: pd.DataFrame, site: str, year: str, value: str) -> tuple[pd.DataFrame, list[int]]:
    """Sites by years without gaps."""
    wide = table.pivot(index=site, columns=year, values=value)
    years = list(range(int(wide.columns.min()), int(wide.columns.max()) + 1))
    return wide.reindex(columns=years), years


def _require_effects(observed: pd.DataFrame, categories: Mapping[str, np.ndarray]) -> None:
    """Refuse a year whose effect would be minus infinity, or could be anything."""
    every = {"": np.zeros(observed.shape)} | {name: of_every_year(values) for name, values in categories.items()}
    for name, known in every.items():
        for level in dict.fromkeys(known.ravel()):
            total = observed.where(known == level).sum()
            if (total == 0).any():
                raise DataError(
                    "every year (and every category in it) has a count above 0 to tell its effect from, got none in "
                    f"{total.idxmin()}{f' where {name} is {level!r}' if name else ''}; use model=2, or fewer covariates"
                )


def _of_sites(table: pd.DataFrame, site: str, weight: str) -> np.ndarray:
    per_site = table.groupby(site)[weight]
    if (per_site.nunique() > 1).any() or not (table[weight] > 0).all():
        raise DataError(
            f"a site has one positive weight, got {table[weight].min():g} to {table[weight].max():g}, or two"
        )
    return per_site.first().to_numpy(float)


def _bends(changepoints: Sequence[int], years: list[int], model: int) -> tuple[int, ...]:
    """Positions of the change points; a line without any bends at the first year alone."""
    if model not in (2, 3):
        raise DataError(f"the model of a trend is 2 (a line) or 3 (a free effect a year), got {model!r}; choose one")
    if model == 3:
        if changepoints:
            raise DataError(f"change points belong to model 2, got {list(changepoints)} with model 3; choose model=2")
        return ()
    outside = [c for c in changepoints if c not in years[:-1]]
    if outside:
        raise DataError(f"a change point is a year from {years[0]} to {years[-2]}, got {outside[0]}")
    return tuple(sorted({0, *(years.index(c) for c in changepoints)}))


def _stepwise(bends: tuple[int, ...], fitted: Callable[[tuple[int, ...]], Counts]) -> tuple[int, ...]:
    """Change points that stay: the least significant leaves while p > 0.2, the best returns while p < 0.15."""
    left, out = bends, set[int]()
    for _ in range(4 * len(bends) + 1):
        p_values = wald(fitted(left), left)
        worst = max(p_values, key=lambda bend: p_values[bend], default=None)
        if worst is not None and p_values[worst] > TO_REMOVE:
            left, out = tuple(b for b in left if b != worst), out | {worst}
            continue
        entering = {b: wald(fitted(with_b), with_b)[b] for b in out if (with_b := tuple(sorted({*left, b})))}
        best = min(entering, key=lambda bend: entering[bend], default=None)
        if best is None or entering[best] >= TO_ENTER:
            return left
        left, out = tuple(sorted({*left, best})), out - {best}
    return left


def _summary(
    work: Counts,
    *,
    sites: list[object],
    years: list[int],
    base: int,
    labels: list[str],
    bends: tuple[int, ...],
    estimated: tuple[bool, bool],
) -> Trend:
    sums, indices, slopes = pd.DataFrame(index=years), pd.DataFrame(index=years), {}
    for name, (values, covariance) in totals(work).items():
        sums[name], sums[f"{name}_error"] = values, np.sqrt(np.diag(covariance))
        jacobian = np.eye(len(years)) / values[base]
        jacobian[:, base] -= values / values[base] ** 2
        of_index = np.clip(np.diag(jacobian @ covariance @ jacobian.T), 0, None)
        indices[name], indices[f"{name}_error"] = values / values[base], np.sqrt(of_index)
        slopes[name] = _slope(values, covariance)
    observed, mu = work.observed[work.seen], work.mu[work.seen]
    ratio = float(2 * np.sum(xlogy(observed, observed / mu)))
    errors = np.sqrt(np.diag(np.linalg.inv(work.information()[0])))
    groups = len(work.beta) // len(labels)
    named = [label if g == 0 else f"{label}, category {g + 1}" for g in range(groups) for label in labels]
    return Trend(
        indices=indices,
        totals=sums,
        slopes=pd.DataFrame(slopes).T,
        coefficients=pd.DataFrame({"value": work.beta, "error": errors}, index=named),
        imputed=pd.DataFrame(np.where(work.seen, work.observed, work.mu), index=sites, columns=years),
        overdispersion=work.dispersion if estimated[0] else None,
        serial_correlation=work.correlation if estimated[1] else None,
        chi_square=float(np.nansum(work.residuals() ** 2)),
        likelihood_ratio=ratio,
        aic=ratio - 2 * work.degrees,
        degrees=work.degrees,
        changepoints=tuple(years[b] for b in bends),
    )


def _slope(totals: np.ndarray, covariance: np.ndarray) -> dict[str, float]:
    """The line through the logarithms of the totals, by least squares, with the error that the totals bring."""
    place = np.arange(len(totals)) - (len(totals) - 1) / 2
    weights = place / (place @ place) / totals
    slope, error = float(place @ np.log(totals) / (place @ place)), float(np.sqrt(weights @ covariance @ weights))
    return {
        "additive": slope,
        "additive_error": error,
        "multiplicative": float(np.exp(slope)),
        "multiplicative_error": float(np.exp(slope) * error),
    }


def _index_of(base: int | None, years: list[int]) -> int:
    if base is None:
        return 0
    if base not in years:
        raise DataError(f"the base year is one of {years[0]} to {years[-1]}, got {base}")
    return years.index(base)
