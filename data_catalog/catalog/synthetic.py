"""Small data sets made from a seed with NumPy alone: weather and species of which the truth is known (graphs beside).

Floats are rounded to 13 significant bits, beyond the last digits in which processors differ, so that a seed gives the
same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import lpmv

from ..errors import DataError
from ..store import did_you_mean
from .synthetic_graphs import random_lobsters, random_trees, stochastic_blocks

RADIUS, ROTATION, GRAVITY = 6.371e6, 7.292e-5, 9.80665  # of the Earth [m, s-1, m s-2]
BITS = 13


def synthesise(problem: str, folder: Path, *, seed: int, **parameters: Any) -> None:
    """Write the files of a problem into a folder.

    Raises:
        DataError: an unknown problem, with the nearest.
    """
    if problem not in GENERATORS:
        raise DataError(
            f"a generator is one of {', '.join(GENERATORS)}, got {problem!r}{did_you_mean(problem, [*GENERATORS])}"
        )
    GENERATORS[problem](folder, np.random.default_rng(seed), **parameters)


def rounded(values: np.ndarray) -> np.ndarray:
    """Float32 with the last bits of the mantissa rounded away."""
    mantissa, exponent = np.frexp(np.asarray(values, np.float64))
    return np.ldexp(np.rint(mantissa * 2**BITS), exponent - BITS).astype(np.float32)


def rossby_waves(
    folder: Path, random: np.random.Generator, *, steps: int = 360, latitudes: int = 32, truncation: int = 10
) -> None:
    """Stochastically forced linear Rossby waves on the sphere, six-hourly from 2001-01-01, without leap days.

    The stream function is a sum of spherical harmonics, psi = Re sum c[n, m] P[n, m](sin lat) exp(i m lon), and each
    coefficient follows c(t + h) = r[n] exp(i m (2 Omega / (n (n + 1)) - omega) h) c(t) + noise: waves run west against
    a solid-body westerly flow omega and decay within days. Wind is its gradient; geopotential is in linear balance;
    temperature has a season and is displaced poleward and equatorward by the waves. The best possible forecast is
    r^k exp(...) c, so that skill can be compared with what can be known.
    """
    hours, lat = 6.0, (np.arange(latitudes) + 0.5) * 180.0 / latitudes - 90.0
    lon = np.arange(2 * latitudes) * 180.0 / latitudes
    degrees = [(n, m) for n in range(3, truncation + 1) for m in range(n + 1)]
    coefficients = _coefficients(random, degrees, steps, hours * 3600.0)
    sine, cosine = np.sin(np.deg2rad(lat)), np.cos(np.deg2rad(lat))
    legendre, slope = _legendre(degrees, sine, cosine)
    order = np.array([m for _, m in degrees])
    waves = np.exp(1j * np.deg2rad(np.outer(order, lon)))

    def field(profile: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.real(np.einsum("tk,kj,ki->tji", coefficients * weight, profile, waves, optimize=True))

    psi, coriolis, flow = field(legendre, np.ones(len(order))), 2 * ROTATION * sine[:, None], 3e-6
    days = np.arange(steps) * hours / 24
    season = -np.cos(2 * np.pi * days / 365)[:, None, None] * sine[:, None]
    displaced = field(legendre, 1j * np.ones(len(order))) * -np.sign(sine)[:, None]
    balance = coriolis * psi - (RADIUS * flow) ** 2 * (ROTATION / flow + 0.5) * sine[:, None] ** 2
    variables = {
        "u": (RADIUS * flow * cosine[:, None] - field(slope, np.ones(len(order))) / RADIUS, "m s-1", "eastward_wind"),
        "v": (field(legendre, 1j * order) / (RADIUS * cosine[:, None]), "m s-1", "northward_wind"),
        "z": (55000.0 + balance, "m2 s-2", "geopotential"),
        "t": (250.0 + 25.0 * cosine[:, None] ** 2 + 8.0 * season + 3e-7 * displaced, "K", "air_temperature"),
    }
    data = xr.Dataset(
        {
            name: (("time", "latitude", "longitude"), rounded(values), {"units": units, "standard_name": standard})
            for name, (values, units, standard) in variables.items()
        },
        {
            "time": ("time", days, {"units": "days since 2001-01-01", "calendar": "noleap", "standard_name": "time"}),
            "latitude": ("latitude", lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", lon, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        {"Conventions": "CF-1.11", "title": "Stochastic Rossby waves", "license": "CC0-1.0"},
    )
    data.to_netcdf(folder / "rossby_waves.nc", encoding={name: {"zlib": True, "complevel": 4} for name in variables})


def _coefficients(random: np.random.Generator, degrees: list, steps: int, interval: float) -> np.ndarray:
    """Complex amplitudes [time, harmonic] of the stream function, m2 s-1."""
    n, m = (np.array(numbers, float) for numbers in zip(*degrees, strict=True))
    phase = m * (2 * ROTATION / (n * (n + 1)) - 3e-6) * interval
    decay = np.exp(-interval / (86400.0 * 12.0 / n))
    amplitude = 3e7 / n**1.5
    noise = random.standard_normal((steps, len(n), 2)) @ np.array([1.0, 1j]) / np.sqrt(2)
    noise[:, m == 0] = noise[:, m == 0].real * np.sqrt(2)
    out = np.empty((steps, len(n)), complex)
    out[0] = amplitude * noise[0]
    for step in range(1, steps):
        out[step] = decay * np.exp(1j * phase) * out[step - 1] + amplitude * np.sqrt(1 - decay**2) * noise[step]
    return out


def _legendre(degrees: list, sine: np.ndarray, cosine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Associated Legendre functions with mean square 1 over the sphere, and their slopes with latitude."""
    values, slopes = [], []
    for n, m in degrees:
        scale = np.sqrt((2 * n + 1) / np.prod(np.arange(n - m + 1, n + m + 1, dtype=float)))
        here, above = lpmv(m, n, sine), lpmv(m, n + 1, sine)
        values.append(scale * here)
        slopes.append(scale * ((n + 1) * sine * here - (n - m + 1) * above) / cosine)
    return np.array(values), np.array(slopes)


def virtual_species(
    folder: Path, random: np.random.Generator, *, species: int = 8, records: int = 120, surveys: int = 400
) -> None:
    """Species with Gaussian niches on invented land: suitability = exp(-1/2 sum ((factor - optimum) / tolerance)^2).

    `environment.nc` holds the land, the niches and the true suitability; `occurrences.csv` presence records in Darwin
    Core terms, seen where people go (more often near the south-west corner); `surveys.csv` presence and absence at
    random sites.
    """
    lat, lon = np.arange(60) * 0.5 + 30.25, np.arange(80) * 0.5 + 0.25
    elevation = rounded(np.maximum(0.0, 900.0 * _smooth(random, lat, lon) + 300.0))
    warmth = 28.0 - 0.55 * (lat[:, None] - 30.0) - 0.0065 * elevation + _smooth(random, lat, lon)
    temperature = rounded(warmth)
    precipitation = rounded(np.exp(6.5 + 0.5 * _smooth(random, lat, lon) + 3e-4 * elevation))
    factors = np.stack([temperature, np.log(precipitation)])
    low, high = (np.quantile(factors.reshape(2, -1), q, axis=1) for q in (0.15, 0.85))
    optimum = rounded(low + (high - low) * random.random((species, 2)))
    tolerance = rounded((high - low) * (0.12 + 0.2 * random.random((species, 2))))
    distance = (factors[None] - optimum[:, :, None, None]) / tolerance[:, :, None, None]
    suitability = rounded(np.exp(-0.5 * np.square(distance).sum(axis=1)))
    names = [f"Virtualis species{number:02d}" for number in range(1, species + 1)]
    grid = ("latitude", "longitude")
    xr.Dataset(
        {
            "elevation": (grid, elevation, {"units": "m", "standard_name": "surface_altitude"}),
            "temperature": (grid, temperature, {"units": "degC", "standard_name": "air_temperature"}),
            "precipitation": (grid, precipitation, {"units": "mm", "long_name": "annual precipitation"}),
            "suitability": (
                ("species", *grid),
                suitability,
                {"units": "1", "long_name": "true probability of presence"},
            ),
            "optimum": (("species", "factor"), optimum, {"long_name": "of temperature [degC] and log precipitation"}),
            "tolerance": (("species", "factor"), tolerance, {"long_name": "of temperature [K] and log precipitation"}),
        },
        {
            "latitude": ("latitude", lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", lon, {"units": "degrees_east", "standard_name": "longitude"}),
            "species": ("species", names),
        },
        {"Conventions": "CF-1.11", "title": "Virtual species", "license": "CC0-1.0"},
    ).to_netcdf(folder / "environment.nc")
    effort = np.exp(-((lat[:, None] - 30.0) / 15.0) - lon / 20.0)
    _write_occurrences(folder / "occurrences.csv", random, names, suitability * effort, lat, lon, records)
    _write_surveys(folder / "surveys.csv", random, names, suitability, lat, lon, surveys)


def _smooth(random: np.random.Generator, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """A smooth random field of deviation about 1: plane waves with wavelengths of 6 to 40 degrees."""
    number = 24
    length, angle, phase = 6 + 34 * random.random(number), *(2 * np.pi * random.random((2, number)))
    x, y = lon[None, :, None] * np.cos(angle), lat[:, None, None] * np.sin(angle)
    weight = length / np.sqrt(np.square(length).sum())
    return np.sqrt(2) * (weight * np.cos(2 * np.pi * (x + y) / length + phase)).sum(axis=-1)


def _write_occurrences(
    path: Path,
    random: np.random.Generator,
    names: list[str],
    rate: np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    records: int,
) -> None:
    rows = ["occurrenceID,scientificName,decimalLatitude,decimalLongitude,geodeticDatum,basisOfRecord,occurrenceStatus"]
    for number, name in enumerate(names):
        cumulated = np.cumsum(rounded(rate[number]).astype(np.float64).ravel())
        cells = np.searchsorted(cumulated, random.random(records) * cumulated[-1], side="right")
        for record, cell in enumerate(np.minimum(cells, cumulated.size - 1)):
            row, column = divmod(int(cell), len(lon))
            place = f"{lat[row]:.2f},{lon[column]:.2f}"
            rows.append(f"{number + 1}-{record + 1},{name},{place},EPSG:4326,HumanObservation,PRESENT")
    path.write_text("\n".join(rows) + "\n")


def _write_surveys(
    path: Path,
    random: np.random.Generator,
    names: list[str],
    suitability: np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    surveys: int,
) -> None:
    rows = ["site,decimalLatitude,decimalLongitude," + ",".join(name.replace(" ", "_") for name in names)]
    for site in range(surveys):
        row, column = int(random.integers(len(lat))), int(random.integers(len(lon)))
        seen = random.random(len(names)) < suitability[:, row, column]
        rows.append(f"{site + 1},{lat[row]:.2f},{lon[column]:.2f}," + ",".join("1" if one else "0" for one in seen))
    path.write_text("\n".join(rows) + "\n")


GENERATORS: Mapping[str, Callable[..., None]] = {
    "rossby-waves": rossby_waves,
    "virtual-species": virtual_species,
    "random-trees": random_trees,
    "random-lobsters": random_lobsters,
    "stochastic-blocks": stochastic_blocks,
}
"""What can be made here without a solver; the door adds the problems of the PDE domain."""
