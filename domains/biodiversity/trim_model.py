"""The log-linear model of counts by site and year, fitted by generalised estimating equations (see `trim`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import chi2

from humboldt.data_catalog import DataError

ITERATIONS = 200
PRECISION = 1e-8
SETTLED = 1e-4  # change of a coefficient beyond which a fit is none


@dataclass(eq=False)
class Counts:
    """Sites by years, and the fit that is worked on.

    Attributes:
        observed: NaN where nothing was counted.
        weight: of each site in the totals.
        design: what each coefficient is multiplied with, [sites or 1, years, coefficients].
    """

    observed: np.ndarray
    weight: np.ndarray
    design: np.ndarray  # sites, years, coefficients
    beta: np.ndarray = field(init=False)
    mu: np.ndarray = field(init=False)
    dispersion: float = 1.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        self.seen = ~np.isnan(self.observed)
        self.beta = np.zeros(self.design.shape[2])

    @property
    def degrees(self) -> int:
        """Counts less parameters."""
        return int(self.seen.sum()) - len(self.observed) - len(self.beta)

    def sites(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Counts, means, inverse covariance and design of each site at the years that were counted."""
        for i, seen in enumerate(self.seen):
            mu = self.mu[i, seen]
            yield self.observed[i, seen], mu, np.linalg.inv(self.covariance(i)), self.design[i, seen]

    def covariance(self, i: int) -> np.ndarray:
        """Of the counts of site i."""
        years = np.flatnonzero(self.seen[i])
        root = np.sqrt(self.mu[i, years])
        lag = np.abs(years[:, None] - years[None])
        return self.dispersion * root[:, None] * root[None] * self.correlation**lag

    def set_mu(self) -> None:
        """Site effects for the present beta: sum_j z_j f_j = sum_j z_j mu_j with z = mu V^-1."""
        line = np.exp(self.design @ self.beta)
        if not hasattr(self, "mu"):
            self.mu = line
        alpha = np.empty(len(line))
        for i, (f, mu, inverse, _) in enumerate(self.sites()):
            z = mu @ inverse
            alpha[i] = (z @ f) / (z @ line[i, self.seen[i]])
        self.mu = np.maximum(alpha, 1e-12)[:, None] * line

    def information(self) -> tuple[np.ndarray, np.ndarray]:
        """Information on beta with the site effects profiled out, and the score."""
        count = len(self.beta)
        information, score = np.zeros((count, count)), np.zeros(count)
        for f, mu, inverse, design in self.sites():
            omega = mu[:, None] * inverse * mu[None]
            total = omega.sum(0)
            profiled = omega - np.outer(total, total) / total.sum()
            information += design.T @ profiled @ design
            score += design.T @ (mu * (inverse @ (f - mu)))
        return information, score

    def residuals(self) -> np.ndarray:
        """(f - mu) / sqrt(mu), NaN where nothing was counted."""
        return (self.observed - self.mu) / np.sqrt(self.mu)


def basis(count: int, bends: tuple[int, ...], model: int) -> np.ndarray:
    """Years by coefficients."""
    place = np.arange(count)
    if model == 3:
        return np.eye(count)[:, 1:]
    ends = [*bends[1:], count - 1]
    return np.stack([np.clip(place, a, b) - a for a, b in zip(bends, ends, strict=True)], axis=1).astype(float)


def design(line: np.ndarray, categories: list[np.ndarray]) -> np.ndarray:
    """Sites by years by coefficients: the basis, and once more for each category but the first of each covariate."""
    parts: list[np.ndarray] = []
    for values in categories:
        known = of_every_year(values)
        for level in sorted(set(known.ravel()))[1:]:
            parts.append((known == level)[..., None] * line)
    shape = (len(categories[0]) if categories else 1, *line.shape)
    return np.concatenate([np.broadcast_to(line, shape), *parts], axis=2)


def of_every_year(values: np.ndarray) -> np.ndarray:
    """Categories of sites by years; a year without one has that of the year before it, else of the next one."""
    return np.asarray(pd.DataFrame(values).ffill(axis=1).bfill(axis=1))


def fit(work: Counts, overdispersion: bool, serial_correlation: bool) -> Counts:
    """Solve for beta, site effects, and (where asked for) dispersion and correlation, in turns, in place.

    Raises:
        DataError: too few counts for what is to be estimated.
    """
    work.design = np.broadcast_to(work.design, (len(work.observed), *work.design.shape[1:]))
    if (overdispersion or serial_correlation) and work.degrees < 1:
        raise DataError(
            f"a dispersion is estimated from more counts than the model has parameters, got {work.seen.sum()} counts "
            f"and {work.seen.sum() - work.degrees} parameters; use overdispersion=False and serial_correlation=False"
        )
    if serial_correlation and not (work.seen[:, 1:] & work.seen[:, :-1]).any():
        raise DataError(
            "a serial correlation is told by sites that were counted in two years running, got none; "
            "use serial_correlation=False"
        )
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # told below
        change = _change_left(work, overdispersion, serial_correlation)
    if not change < SETTLED:
        raise DataError(
            f"coefficients settle in {ITERATIONS} rounds, got a change of {change:.2g} in the last one: there are too "
            "few counts above 0 to tell them from; use fewer change points or covariates, or serial_correlation=False"
        )
    return work


def _change_left(work: Counts, overdispersion: bool, serial_correlation: bool) -> float:
    """The largest change of a coefficient in the last round; infinite where there is no next one."""
    step = np.full(1, np.inf)
    for iteration in range(ITERATIONS):
        try:
            work.set_mu()
            information, score = work.information()
            step = np.linalg.solve(information, score)
            work.beta = work.beta + step
            work.set_mu()
        except np.linalg.LinAlgError:
            return np.inf
        if iteration >= 2 and (overdispersion or serial_correlation):
            estimate_dispersion(work, overdispersion, serial_correlation)
        if iteration > 5 and np.abs(step).max() < PRECISION:
            break
    return float(np.abs(step).max())


def estimate_dispersion(work: Counts, overdispersion: bool, serial_correlation: bool) -> None:
    residuals = work.residuals()
    estimate = np.nansum(residuals**2) / work.degrees
    if serial_correlation:
        pairs = residuals[:, :-1] * residuals[:, 1:]
        work.correlation = float(np.clip(np.nanmean(pairs) / estimate, -0.99, 0.99))
    if overdispersion:
        work.dispersion = float(estimate)


def wald(work: Counts, bends: tuple[int, ...]) -> dict[int, float]:
    """p value of every change of slope but the first: that the slopes on both sides are one, in every category."""
    information, _ = work.information()
    covariance, count = np.linalg.inv(information), len(bends)
    found = {}
    for k in range(1, count):
        contrast = np.zeros((len(work.beta) // count, len(work.beta)))
        for row in range(len(contrast)):
            contrast[row, row * count + k - 1 : row * count + k + 1] = -1, 1
        change = contrast @ work.beta
        statistic = change @ np.linalg.solve(contrast @ covariance @ contrast.T, change)
        found[bends[k]] = float(chi2.sf(statistic, len(contrast)))
    return found


def totals(work: Counts) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Model and imputed totals of every year, each with their covariance.

    With theta = (alpha, beta), information I and gradients G of the modelled totals, of which G_o is the part of the
    counted years:  cov(model) = G I^-1 G',  cov(imputed) = cov(counted) + G I^-1 G' - G_o I^-1 G_o'.
    """
    sites, years, weight = len(work.mu), work.mu.shape[1], work.weight
    diagonal, cross = np.empty(sites), np.empty((sites, len(work.beta)))
    counted = np.zeros((years, years))
    for i, (_, mu, inverse, design) in enumerate(work.sites()):
        total = (mu[:, None] * inverse * mu[None]).sum(0)
        diagonal[i], cross[i] = total.sum(), total @ design
        at = np.flatnonzero(work.seen[i])
        counted[np.ix_(at, at)] += weight[i] ** 2 * work.covariance(i)
    profiled, _ = work.information()

    def spread(mu: np.ndarray) -> np.ndarray:
        of_site = (weight[:, None] * mu).T
        of_beta = np.einsum("ij,ijk->jk", weight[:, None] * mu, work.design) - (of_site / diagonal) @ cross
        return (of_site / diagonal) @ of_site.T + of_beta @ np.linalg.solve(profiled, of_beta.T)

    whole = spread(work.mu)
    imputed = np.where(work.seen, work.observed, work.mu)
    return {
        "model": (weight @ work.mu, whole),
        "imputed": (weight @ imputed, counted + whole - spread(np.where(work.seen, work.mu, 0.0))),
    }
