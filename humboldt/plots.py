"""Pictures of forecasts: maps, error curves, spectra (needs matplotlib)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from humboldt.domains.pde import Evaluation
from humboldt.domains.weather import WeatherScores, lead_time_curves, scorecard
from humboldt.foundations import Scores, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by every kind of colour vision; persistence and truth are neutral.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEUTRAL = {"truth": "#111111", "persistence": "#8c8c8c"}
SIGNED, ERROR = "RdBu_r", "PuOr_r"


def forecast_maps(truth: xr.Dataset, prediction: xr.Dataset, variable: str, lead_times: Sequence[float] = ()) -> Figure:
    """Truth, prediction and error of one variable, a column per lead time; dims (lead_time, two space axes).

    Truth and prediction share colour limits, symmetric about 0; the error has its own.
    """
    true, made = truth[variable], prediction[variable]
    times = list(lead_times) or _some(true["lead_time"].values.tolist(), 4)
    true, made = (x.sel(lead_time=times, method="nearest") for x in (true, made))
    rows = [("truth", true, SIGNED), ("prediction", made, SIGNED), ("error", made - true, ERROR)]
    limits = [_limit(true.values)] * 2 + [_limit((made - true).values)]
    figure, axes = pyplot().subplots(
        3, len(times), figsize=(2.3 * len(times) + 1.3, 7.0), squeeze=False, layout="constrained"
    )
    for row, (name, values, colours) in enumerate(rows):
        for column, time in enumerate(times):
            axis = axes[row, column]
            image = _map(axis, values.isel(lead_time=column), colours, limits[row])
            if row == 0:
                axis.set_title(f"lead time {_quantity(time, true['lead_time'].attrs)}", fontsize=10)
        axes[row, 0].set_ylabel(name, fontsize=11)
        if row > 0:
            shared = axes[:2].ravel().tolist() if row == 1 else axes[2].tolist()
            label = _label(variable if row == 1 else f"error of {variable}", true.attrs)
            figure.colorbar(image, ax=shared, shrink=0.85, pad=0.02, label=label, extend="both")
    return figure


def prediction_maps(forecast: xr.Dataset, lead_times: Sequence[float] = ()) -> Figure:
    """The fields of a forecast: a row per variable, a column per lead time, the first place along all other dimensions.

    The first space axis runs to the right; a row shares its colours, symmetric about 0 where the field has both signs.
    Fields on the Earth are drawn by `humboldt.domains.weather.forecast_maps`.

    Raises:
        ValueError: no variable has a lead time and two space axes.
    """
    if {"latitude", "longitude"} <= set(forecast.dims):
        from humboldt.domains.weather import forecast_maps as earth_maps

        return earth_maps(forecast, lead_times)
    fields = {str(name): _flat(field) for name, field in forecast.data_vars.items() if "lead_time" in field.dims}
    fields = {name: field for name, field in fields.items() if field.ndim == 3}
    if not fields:
        raise ValueError(
            f"maps are drawn of variables with lead_time and two space axes, got {dict(forecast.sizes)}; plot the "
            "forecast with xarray"
        )
    times = list(lead_times) or _some(forecast["lead_time"].values.tolist(), 4)
    size = (2.6 * len(times) + 1.3, 2.2 * len(fields) + 0.4)
    figure, axes = pyplot().subplots(len(fields), len(times), figsize=size, squeeze=False, layout="constrained")
    for row, (name, field) in zip(axes, fields.items(), strict=True):
        chosen = field.sel(lead_time=times, method="nearest")
        low, high = float(chosen.min()), float(chosen.max())
        if low < 0 < high:
            low, high, colours = -max(-low, high), max(-low, high), SIGNED
        else:
            colours = "viridis"
        for axis, time, values in zip(row, times, chosen, strict=True):
            image = axis.imshow(values.T, origin="lower", cmap=colours, vmin=low, vmax=high, extent=_extent(values))
            axis.set_xticks([])
            axis.set_yticks([])
            if axis in axes[0]:
                axis.set_title(f"lead time {_quantity(time, forecast['lead_time'].attrs)}", fontsize=10)
        figure.colorbar(image, ax=row.tolist(), shrink=0.85, pad=0.02, label=_label(name, field.attrs))
    return figure


def _flat(field: xr.DataArray) -> xr.DataArray:
    """Lead time, horizontal axis, vertical axis; the first place along all others."""
    across = [str(d) for d in field.dims if d != "lead_time"]
    return field.isel(dict.fromkeys(across[:-2], 0)).transpose("lead_time", *across[-2:])


def _extent(field: xr.DataArray) -> tuple[float, ...] | None:
    """Ends of both axes where they have coordinates."""
    ends = [field[dim].values[[0, -1]] for dim in field.dims if dim in field.coords]
    return tuple(float(end) for axis in ends for end in axis) if len(ends) == 2 else None


def error_curves(scores: xr.Dataset, score: str = "relative_l1") -> Figure:
    """Median error over lead time for every method, with the quartiles over samples as a band; a panel per group."""
    groups = scores["group"].values.tolist()
    figure, axes = _panels(len(groups))
    for axis, group in zip(axes, groups, strict=True):
        for method, colour in _colours(scores["forecast"].values.tolist()).items():
            values = scores[score].sel(forecast=method, group=group)
            low, middle, high = (values.quantile(q, "sample").values for q in (0.25, 0.5, 0.75))
            time, dashed = scores["lead_time"].values, "--" if method == "persistence" else "-"
            axis.fill_between(time, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(time, middle, dashed, color=colour, marker="o", markersize=4, label=method)
        axis.set_title(group)
        axis.set_xlabel(_label("lead time", scores["lead_time"].attrs))
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.25)
    axes[0].set_ylabel(f"{score.replace('_', ' ').replace(' l', ' L')} (median, quartiles)")
    axes[0].legend(frameon=False)
    return figure


def energy_spectra(spectra: xr.Dataset, lead_time: float | None = None) -> Figure:
    """Mean energy per wavenumber of the truth and every method at one lead time (the last by default)."""
    time = float(spectra["lead_time"][-1]) if lead_time is None else lead_time
    here = spectra["energy"].sel(lead_time=time, method="nearest")
    groups = spectra["group"].values.tolist()
    figure, axes = _panels(len(groups))
    for axis, group in zip(axes, groups, strict=True):
        for method, colour in _colours(spectra["forecast"].values.tolist()).items():
            curve = here.sel(forecast=method, group=group)[1:]
            width = 2.4 if method == "truth" else 1.5
            style = {"truth": "-", "persistence": "--"}.get(method, "-")
            axis.loglog(curve["wavenumber"], curve, style, color=colour, linewidth=width, label=method)
        true, every = (
            float(x[..., 1:].max()) for x in (here.sel(forecast="truth", group=group), here.sel(group=group))
        )
        axis.set_ylim(true * 1e-8, min(every, 1e3 * true) * 3)
        axis.set_title(f"{group}, lead time {_quantity(time, spectra['lead_time'].attrs)}")
        axis.set_xlabel("wavenumber / periods per side")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("energy in shell")
    axes[0].legend(frameon=False)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a picture whole or not at all; returns its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawing-", dir=path.parent) as scratch:
        aside = Path(scratch) / path.name
        figure.savefig(aside, dpi=150)
        os.replace(aside, path)
    pyplot().close(figure)
    return path


def comparison(found: Sequence[Mapping[str, Any]]) -> Figure:
    """Error against trained parameters, a point a method, a panel a number of samples; bars span the seeds."""
    from .comparison_run import RANDOM
    from .comparison_table import summary

    rows, sizes = summary(found), sorted({record["samples"] for record in found})
    figure, axes = _panels(len(sizes))
    colours = pyplot().get_cmap("tab20").colors
    for axis, size in zip(axes, sizes, strict=True):
        for place, row in enumerate(rows):
            errors, is_random = row["errors"].get(size), row["method"] == RANDOM
            if not errors:
                continue
            mean = float(np.mean(errors))
            bar = [[mean - min(errors)], [max(errors) - mean]]
            colour = "black" if is_random else colours[place % len(colours)]
            marker = "x" if is_random else "osD^v"[place % 5]  # names beside points would lie on each other
            axis.errorbar(
                row["trained"], mean, bar, fmt=marker, color=colour, markersize=5, capsize=2, label=row["method"]
            )
        axis.set_xscale("log")
        axis.set_title(f"{size} samples", fontsize=10)
        axis.set_xlabel("trained parameters")
    axes[0].set_ylabel("error on the test part")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    return figure


def save_comparison(found: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write a picture for every model and data set into `folder`, under the names that the page has."""
    from .comparison_page import groups, picture_name

    paths = []
    for of, records in groups(found).items():
        figure = comparison(records)
        figure.savefig(folder / picture_name(*of), dpi=130)
        pyplot().close(figure)
        paths.append(folder / picture_name(*of))
    return paths


@singledispatch
def save_scores(found: Scores, folder: str | os.PathLike[str]) -> None:
    """Draw what an evaluation found into a folder; a table of scores alone has no picture."""


@save_scores.register
def _(found: WeatherScores, folder: str | os.PathLike[str]) -> None:
    """`errors.png`, and `scorecard.png` of the model over persistence."""
    save(lead_time_curves(found.scores), Path(folder) / "errors.png")
    save(scorecard(found.scores), Path(folder) / "scorecard.png")


@save_scores.register
def _(evaluation: Evaluation, folder: str | os.PathLike[str]) -> None:
    """`errors.png`, `spectra.png` and, in two dimensions, a `maps_<variable>.png` per predicted variable."""
    save(error_curves(evaluation.scores), Path(folder) / "errors.png")
    save(energy_spectra(evaluation.spectra), Path(folder) / "spectra.png")
    truth, made = (evaluation.example.sel(forecast=m) for m in ("truth", "model"))
    for name, values in truth.data_vars.items():
        if values.ndim == 3 and bool(np.isfinite(values).all()):
            save(forecast_maps(truth, made, str(name)), Path(folder) / f"maps_{name}.png")


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure, axes = pyplot().subplots(1, count, figsize=(4.6 * count + 0.6, 3.9), squeeze=False, layout="constrained")
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes[0].tolist()


def _map(axis: Axes, field: xr.DataArray, colours: str, limit: float) -> Any:
    """First space axis to the right, second upwards."""
    image = axis.imshow(field.values.T, origin="lower", cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    return image


def _colours(methods: Sequence[str]) -> dict[str, str]:
    free = iter(COLOURS * (1 + len(methods) // len(COLOURS)))
    return {m: NEUTRAL[m] if m in NEUTRAL else next(free) for m in methods}


def _limit(values: np.ndarray) -> float:
    """The 99.5th percentile of magnitudes, so that single peaks do not bleach the map."""
    return float(np.nanpercentile(np.abs(values), 99.5)) or 1.0


def _some(times: list[float], most: int) -> list[float]:
    return [times[i] for i in np.unique(np.linspace(0, len(times) - 1, most).round().astype(int))]


def _quantity(value: float, attrs: dict[Any, Any]) -> str:
    units = attrs.get("units", "1")
    return f"{value:.3g}" + (f" {units}" if units != "1" else "")


def _label(name: str, attrs: dict[Any, Any]) -> str:
    units = attrs.get("units", "1")
    return name.replace("_", " ") + (f" / {units}" if units != "1" else "")
