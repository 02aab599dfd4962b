"""What a fitted model makes of each variable: its responses, and how much it leans on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit

from humboldt.data_catalog import DataError
from humboldt.foundations import pyplot

from ..crs import DEGREES, is_geographic, rioxarray, transformed
from ..metrics import auc_roc
from ..occurrences import LATITUDE, LONGITUDE, SPECIES, read_occurrences
from .estimator import SpeciesModel
from .maps import of_species


def response_curves(
    model: SpeciesModel, *, points: int = 50, averaged: int = 200, month: int | None = None
) -> xr.Dataset:
    """Mean suitability over background points when one variable is set to each of its values (partial dependence).

    Args:
        model: fitted.
        points: of a curve, evenly spread from the least to the largest background value; classes of a factor are all.
        averaged: over how many background points.
        month: of a model with seasons.

    Returns:
        `suitability` on (species, variable, point) and `value` on (variable, point), NaN behind the end of a curve.
    """
    names, table = model.variables_.names, _rows(model, averaged)
    values = np.full((len(names), points), np.nan)
    found = np.full((len(model.species_), len(names), points), np.nan)
    for v, name in enumerate(names):
        levels = model.variables_.levels.get(name)
        low, high = model.background_[name].min(), model.background_[name].max()
        grid = np.asarray(levels[:points]) if levels else np.linspace(low, high, points)
        values[v, : len(grid)] = grid
        asked = pd.concat([table.assign(**{name: value}) for value in grid], ignore_index=True)
        logit, _ = model.answer(asked, month)
        found[:, v, : len(grid)] = expit(logit).reshape(len(found), len(grid), -1).mean(-1)
    coords = {"species": list(model.species_), "variable": list(names)}
    fields = {"suitability": (("species", "variable", "point"), found), "value": (("variable", "point"), values)}
    return xr.Dataset(fields, coords)


def permutation_importance(
    model: SpeciesModel, table: pd.DataFrame | None = None, *, repeats: int = 5, seed: int = 0, month: int | None = None
) -> pd.DataFrame:
    """How much AUC is lost when the values of a variable are shuffled among the points (Breiman 2001).

    Args:
        model: fitted.
        table: points with the variables, `scientificName` and `present`, best ones that were not used in fitting. By
            default the presences and the background of the fit, so that AUC tells presences from background.
        repeats: shuffles.
        seed: of them.
        month: of a model with seasons.

    Returns:
        Per species and variable: `importance` (mean loss of AUC), `deviation` between shuffles, `auc` of the model.

    Raises:
        DataError: no presence or no absence of a species in the table.
    """
    random, rows = np.random.default_rng(seed), []
    for number, name in enumerate(model.species_):
        points = _labelled(model, table, name)
        observed = points["present"].to_numpy(int)
        if observed.min() == observed.max():
            raise DataError(f"importance is measured on presences and absences, got one class alone for {name!r}")
        auc = auc_roc(observed, model.answer(points, month)[0][number])
        for variable in model.variables_.names:
            losses = []
            for _ in range(repeats):
                shuffled = points.assign(**{variable: random.permutation(points[variable].to_numpy())})
                losses.append(auc - auc_roc(observed, model.answer(shuffled, month)[0][number]))
            rows.append((name, variable, np.mean(losses), np.std(losses), auc))
    return pd.DataFrame(rows, columns=["species", "variable", "importance", "deviation", "auc"])


def _labelled(model: SpeciesModel, table: pd.DataFrame | None, name: str) -> pd.DataFrame:
    if table is not None:
        return table[table[SPECIES] == name]
    found = model.records_[model.records_[SPECIES] == name]
    return pd.concat([found.assign(present=True), _rows(model, 1000).assign(present=False)], ignore_index=True)


def _rows(model: SpeciesModel, number: int) -> pd.DataFrame:
    around = model.background_
    return around if len(around) <= number else around.sample(number, random_state=model.seed)


def plot_responses(curves: xr.Dataset, species: str | None = None, *, model: SpeciesModel | None = None) -> Any:
    """A figure with a small plot a variable; with the model, marks of where the species was found along the axis.

    Raises:
        DataError: a species that is not there.
        ImportError: matplotlib is missing.
    """
    plt = pyplot()
    of_one = of_species(curves, species)
    name = str(of_one["species"].item())
    variables, columns = curves.sizes["variable"], min(4, curves.sizes["variable"])
    rows = -(-variables // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.6 * columns, 2.1 * rows), sharey=True, squeeze=False)
    for axis, variable in zip(axes.ravel(), curves["variable"].values, strict=False):
        one = of_one.sel(variable=variable)
        axis.plot(one["value"], one["suitability"], color="#1f6f5c", linewidth=2)
        if model is not None:
            found = model.records_.loc[model.records_[SPECIES] == name, variable]
            axis.plot(found, np.full(len(found), 0.02), "|", color="0.4", transform=axis.get_xaxis_transform())
        axis.set(xlabel=str(variable))
    for axis in axes.ravel()[variables:]:
        axis.axis("off")
    for axis in axes[:, 0]:
        axis.set_ylabel("suitability")
    axes[0, 0].set_ylim(0, 1.08 * float(of_one["suitability"].max()))
    figure.suptitle(name)
    figure.tight_layout()
    return figure


def plot_map(maps: xr.Dataset, species: str | None = None, *, occurrences: Any = None) -> Any:
    """A figure of suitability, hatched where the environment is new, beside the width of the interval.

    Args:
        maps: of `SpeciesModel.predict`.
        species: which, the first by default.
        occurrences: table with x and y in the CRS of the maps, such as `records_`, or what `read_occurrences` takes.

    Raises:
        DataError: a species that is not there.
        ImportError: matplotlib is missing.
    """
    plt = pyplot()
    one = of_species(maps, species)
    x, y = one["x"].values, one["y"].values
    shape = np.ptp(y) / np.ptp(x)
    figure, axes = plt.subplots(1, 2, figsize=(11, 1.2 + 4.6 * float(np.clip(shape, 0.4, 1.6))), sharey=True)
    shown = {"suitability": one["suitability"], "width of the 95 % interval": one["upper"] - one["lower"]}
    for axis, (title, field), colours in zip(axes, shown.items(), ("viridis", "magma"), strict=True):
        image = axis.pcolormesh(x, y, field.values, vmin=0, cmap=colours, rasterized=True)
        figure.colorbar(image, ax=axis, shrink=0.8)
        axis.set(title=title, aspect="equal", xlabel="x")
        axis.locator_params(axis="x", nbins=5)  # metres have six digits
    new = one["extrapolation"].values < 0
    if new.any():
        axes[0].contourf(x, y, new, levels=[0.5, 1.5], colors="none", hatches=["///"])
    if occurrences is not None:
        axes[0].plot(*_points(maps, occurrences), "o", color="white", markeredgecolor="black", markersize=3.5)
    axes[0].set_ylabel("y")
    figure.suptitle(f"{one['species'].item()}   (hatched: environment beyond the background)")
    figure.tight_layout()
    return figure


def _points(maps: xr.Dataset, occurrences: Any) -> tuple[Any, Any]:
    """x and y of records in the CRS of maps."""
    if isinstance(occurrences, pd.DataFrame) and {"x", "y"} <= set(occurrences):
        return occurrences["x"], occurrences["y"]
    records = read_occurrences(occurrences)
    rioxarray()
    longitude, latitude = records[LONGITUDE].to_numpy(), records[LATITUDE].to_numpy()
    x, y = transformed(longitude, latitude, DEGREES, maps.rio.crs or DEGREES)
    if float(maps["x"].max()) > 180 and is_geographic(maps.rio.crs or DEGREES):
        x = np.where(x < float(maps["x"].min()), x + 360, x)
    return x, y
