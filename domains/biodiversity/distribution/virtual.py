"""Virtual species: regions made on the fly, and species in them whose niche is known.

A region is a raster of smooth random fields and of variables mixed from them, some skewed, rounded or of two classes.
A species answers to a few variables, to directions among them, or to fields that are no variable, sometimes only where
another lies above a limit; it may have two niches, move between them in the course of the year, and be kept from places
it could live in. People find it where it is suitable and where they look, which may not be everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit

from humboldt.data_catalog import DataError

SIDE = 48  # cells of the rasters that are made for training


@dataclass(frozen=True, eq=False)
class VirtualRegion:
    """A raster of an environment that nobody has seen.

    Attributes:
        variables: values of each variable, (v, side, side).
        fields: what they are mixed from, of mean 0 and variance 1, (f, side, side).
        effort: relative chance that anybody looks at a cell, (side, side).
    """

    variables: np.ndarray
    fields: np.ndarray
    effort: np.ndarray

    @property
    def side(self) -> int:
        """Rows, and columns."""
        return self.variables.shape[-1]

    def layers(self) -> xr.DataArray:
        """Variables on (layer, y, x), for `open_environment`; x and y count cells."""
        names, axis = [f"variable_{i + 1}" for i in range(len(self.variables))], np.arange(self.side, dtype=float)
        return xr.DataArray(
            self.variables, dims=("layer", "y", "x"), coords={"layer": names, "y": axis[::-1], "x": axis}
        )


def virtual_region(random: np.random.Generator, variables: int | None = None, side: int = SIDE) -> VirtualRegion:
    """A region with 4 to 18 variables, or as many as asked for.

    Raises:
        DataError: fewer than one variable, or a raster of less than 8 cells a side.
    """
    number = int(random.integers(4, 19)) if variables is None else variables
    if number < 1 or side < 8:
        raise DataError(
            f"a virtual region has a variable and 8 cells a side at least, got {number} variables and {side} cells"
        )
    fields = np.stack([smooth_field(random, side) for _ in range(int(random.integers(3, 9)))])
    mixed = np.stack([_variable(random, fields) for _ in range(number)])
    strength = random.uniform(0, 2.5) if random.random() < 0.7 else 0.0
    pull = random.normal(size=len(fields)) * (random.random(len(fields)) < 0.4)
    effort = strength * (standard(np.tensordot(pull, fields, 1)) + 0.5 * smooth_field(random, side)) / 1.2
    return VirtualRegion(mixed, fields, np.exp(effort - effort.max()))


def smooth_field(random: np.random.Generator, side: int) -> np.ndarray:
    """A Gaussian field whose spectrum falls off with a power between 2 and 4.5; mean 0, variance 1."""
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.sqrt(rows**2 + columns**2)
    frequency[0, 0] = np.inf
    amplitude = np.maximum(frequency, 0.7 / side) ** (-random.uniform(2, 4.5) / 2)
    waves = random.normal(size=amplitude.shape) + 1j * random.normal(size=amplitude.shape)
    return standard(np.fft.irfft2(amplitude * waves, (side, side)))


def standard(values: np.ndarray) -> np.ndarray:
    """Mean 0, variance 1; zeros where all are the same."""
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 1e-12 else 1.0)


def _variable(random: np.random.Generator, fields: np.ndarray) -> np.ndarray:
    """One to three fields mixed, with noise of single cells, then bent."""
    number = min(len(fields), int(random.integers(1, 4)))
    chosen = random.choice(len(fields), number, replace=False)
    x = np.tensordot(random.normal(size=number), fields[chosen], 1)
    noise = random.choice([0.0, 0.1, 0.3, 1.0], p=[0.4, 0.3, 0.2, 0.1])
    x = standard(standard(x) + noise * random.normal(size=x.shape))
    bent = random.random()
    if bent < 0.25:
        x = np.exp(random.uniform(0.3, 1.2) * x)
    elif bent < 0.35:
        x = np.maximum(x - random.uniform(-0.5, 1.0), 0)
    elif bent < 0.45:
        x = (x > random.uniform(-1.3, 1.3)).astype(float)
    elif bent < 0.55:
        x = np.abs(x) ** random.uniform(0.5, 2)
    return np.round(x * random.uniform(1, 5)) if random.random() < 0.2 else x


def virtual_species(random: np.random.Generator, region: VirtualRegion, number: int) -> np.ndarray:
    """Probability of presence of some species in every cell, (number, side, side); they share what drives them."""
    scores = np.stack([standard(rank_scores(v)) for v in region.variables])
    important = random.dirichlet(np.full(len(scores), 0.5))
    return np.stack([_species(random, region, scores, important) for _ in range(number)])


def seasonal_species(random: np.random.Generator, region: VirtualRegion, number: int) -> np.ndarray:
    """Probability of presence of some species in every month, (number, 12, side, side).

    Most of them move between two niches, with a season of their own and more or less abruptly; the others stay.
    """
    scores = np.stack([standard(rank_scores(v)) for v in region.variables])
    important, found = random.dirichlet(np.full(len(scores), 0.5)), []
    for _ in range(number):
        summer = _logit(random, region, scores, important)
        winter = _logit(random, region, scores, important) if random.random() < 0.75 else summer
        swing = random.uniform(1, 6) * np.cos(2 * np.pi * (np.arange(12) / 12 - random.random()))
        share = expit(swing + random.normal())[:, None, None]
        prevalence = np.exp(random.uniform(np.log(0.01), np.log(0.6)))
        logits = share * with_prevalence(summer, prevalence) + (1 - share) * with_prevalence(winter, prevalence)
        found.append(expit(logits))
    return np.stack(found)


def rank_scores(values: np.ndarray) -> np.ndarray:
    """Ranks of values, those that are equal sharing one, from 0 to 1."""
    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    del distinct
    return (middle[inverse] / values.size).reshape(values.shape)


def _species(
    random: np.random.Generator, region: VirtualRegion, scores: np.ndarray, important: np.ndarray
) -> np.ndarray:
    prevalence = np.exp(random.uniform(np.log(0.01), np.log(0.6)))
    return expit(with_prevalence(_logit(random, region, scores, important), prevalence))


def _logit(random: np.random.Generator, region: VirtualRegion, scores: np.ndarray, important: np.ndarray) -> np.ndarray:
    """Suitability up to a constant: one niche or two, what is not known, and where the species came to."""
    logit = _niche(random, region, scores, important)
    if random.random() < 0.15:
        logit = np.logaddexp(logit, _niche(random, region, scores, important))
    logit = logit + random.exponential(0.6) * smooth_field(random, region.side)
    return logit + _range(random, region.side) if random.random() < 0.5 else logit


def _niche(random: np.random.Generator, region: VirtualRegion, scores: np.ndarray, important: np.ndarray) -> np.ndarray:
    """A sum of responses, some of which count only where another driver lies above a limit."""
    logit = np.zeros(region.variables.shape[1:])
    for _ in range(int(random.integers(1, 6))):
        part = random.uniform(0.5, 3) * _response(random, _driver(random, region, scores, important))
        if random.random() < 0.15:
            limit = 0.7 * random.normal()
            part = part * expit(random.uniform(2, 8) * (_driver(random, region, scores, important) - limit))
        logit += part
    return logit


def _driver(
    random: np.random.Generator, region: VirtualRegion, scores: np.ndarray, important: np.ndarray
) -> np.ndarray:
    """A variable, a direction among several, or a field that is none."""
    kind = random.random()
    if kind < 0.6:
        return scores[random.choice(len(scores), p=important)]
    if kind < 0.85:
        few = random.choice(len(scores), min(len(scores), int(random.integers(2, 4))), replace=False)
        return standard(np.tensordot(random.normal(size=len(few)), scores[few], 1))
    return region.fields[random.integers(len(region.fields))]


def _response(random: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """An optimum (of different widths to both sides), a plateau, a limit or a trend; its largest value is about 0."""
    optimum, kind = 1.2 * random.normal(), random.random()
    if kind < 0.45:
        left, right = np.exp(random.uniform(np.log(0.4), np.log(2.5), size=2))
        return -0.5 * ((x - optimum) / np.where(x < optimum, left, right)) ** 2
    sign = random.choice([-1.0, 1.0])
    if kind < 0.75:
        return -np.logaddexp(0, -sign * random.uniform(1, 5) * (x - optimum))
    if kind < 0.85:
        return -np.maximum(np.abs(x - optimum) - random.uniform(0.3, 1.5), 0) * random.uniform(1, 3)
    return sign * 0.7 * x


def _range(random: np.random.Generator, side: int) -> np.ndarray:
    """Where the species came to: near one or two places."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    near = np.full((side, side), -np.inf)
    for _ in range(int(random.integers(1, 3))):
        row, column = random.random(2)
        width = random.uniform(0.12, 0.6)
        near = np.maximum(near, -0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / width**2)
    return np.maximum(near, -random.uniform(1, 6))


def with_prevalence(logit: np.ndarray, prevalence: float) -> np.ndarray:
    """Logits moved so that the mean probability is the prevalence, by bisection."""
    low, high = -30.0, 60.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(logit + middle).mean() < prevalence else (low, middle)
    return logit + (low + high) / 2


def survey(
    random: np.random.Generator, region: VirtualRegion, probability: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cells in which people who look where `effort` is found a species: (rows, columns), each cell once."""
    chance = (probability * region.effort).ravel()
    keys = np.log(chance + 1e-300) + random.gumbel(size=chance.size)
    number = min(number, int((chance > 1e-6 * chance.max()).sum()))
    rows, columns = np.unravel_index(np.argpartition(-keys, number - 1)[:number], probability.shape)
    return rows, columns


def dated_survey(
    random: np.random.Generator, region: VirtualRegion, monthly: np.ndarray, number: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Flat cells and months (0 to 11) in which each species, (species, 12, side, side), was found; some months are
    looked at more than others."""
    busy, found = random.dirichlet(np.full(12, 2.0)), []
    for species in monthly:
        counts = random.multinomial(number, busy)
        cells = [
            np.ravel_multi_index(survey(random, region, species[m], int(counts[m])), species[m].shape)
            for m in np.flatnonzero(counts)
        ]
        month = np.repeat(np.flatnonzero(counts), [len(c) for c in cells])
        found.append((np.concatenate(cells), month))
    return found


def virtual_occurrences(region: VirtualRegion, probability: np.ndarray, number: int, *, seed: int = 0) -> pd.DataFrame:
    """Darwin Core records of every species, with coordinates that count cells as `VirtualRegion.layers` does."""
    random, parts = np.random.default_rng(seed), []
    for index, one in enumerate(probability):
        rows, columns = survey(random, region, one, number)
        parts.append(
            pd.DataFrame(
                {
                    "scientificName": f"Species virtualis {index + 1}",
                    "decimalLongitude": columns.astype(float),
                    "decimalLatitude": (region.side - 1 - rows).astype(float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
