"""Scores, spectra and storms as pictures (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.foundations import pyplot

from .grid import Grid
from .maps import PLACE, colours, draw, grid_of, map_axes, placed
from .spectra import effective_resolution, spherical_spectrum, zonal_spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by every kind of colour vision; what is no model is neutral
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEUTRAL = {"truth": "#111111", "persistence": "#8c8c8c", "climatology": "#bdbdbd"}


def lead_time_curves(scores: xr.Dataset, score: str = "rmse", channels: Sequence[str] = ()) -> Figure:
    """A score over lead time, a panel per channel and a line per forecast.

    Args:
        scores: of `evaluate`.
        score: one of its variables.
        channels: by name; at most nine, evenly spread, by default.
    """
    names = scores["channel"].values.tolist()
    chosen = list(channels) or [names[i] for i in np.unique(np.linspace(0, len(names) - 1, 9).round().astype(int))]
    figure, axes = _panels(len(chosen))
    for axis, channel in zip(axes, chosen, strict=True):
        here = scores[score].sel(channel=channel)
        for name, colour in line_colours(scores["forecast"].values.tolist()).items():
            style = "--" if name in NEUTRAL else "-"
            axis.plot(scores["lead_time"], here.sel(forecast=name), style, color=colour, marker="o", markersize=3,
                      label=name)  # fmt: skip
        units = "1" if score == "acc" or score.startswith("skill") else str(here["units"].item())
        axis.set_title(channel, fontsize=10)
        axis.set_ylabel(score + ("" if units == "1" else f" / {units}"))
        axis.set_xlabel("lead time / hours")
        if score in ("rmse", "mae"):
            axis.set_ylim(0, 1.05 * axis.dataLim.ymax if axis.dataLim.ymax > 0 else None)
        if scores.sizes["lead_time"] < 7:
            axis.set_xticks(scores["lead_time"].values)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def scorecard(scores: xr.Dataset, forecast: str = "model", reference: str = "persistence") -> Figure:
    """RMSE against that of a reference in percent, a row per channel and a column per lead time; blue is better.

    Raises:
        ValueError: a forecast that was not scored.
    """
    there = scores["forecast"].values.tolist()
    for name in (forecast, reference):
        if name not in there:
            raise ValueError(f"a scorecard compares forecasts that were scored, {there}, got {name!r}; score it too")
    table = 100 * (scores["rmse"].sel(forecast=forecast) / scores["rmse"].sel(forecast=reference) - 1)
    values = table.transpose("channel", "lead_time").values
    rows, columns = values.shape
    limit = max(5.0, min(50.0, float(np.nanmax(np.abs(values)))))
    figure, axis = pyplot().subplots(figsize=(max(3.6, 1.6 + 0.8 * columns), 1.1 + 0.3 * rows), layout="constrained")
    image = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = "white" if abs(value) > 0.6 * limit else "black"
            axis.text(column, row, f"{value:+.0f}", ha="center", va="center", fontsize=8, color=shade)
    axis.set_yticks(range(rows), table["channel"].values.tolist(), fontsize=8)
    axis.set_xticks(range(columns), [f"{x:g}" for x in table["lead_time"].values])
    axis.set_xlabel("lead time / hours")
    figure.suptitle(f"RMSE of {forecast} over {reference} / %", fontsize=10)
    figure.colorbar(image, ax=axis, shrink=0.9, extend="both")
    return figure


def spectra(fields: Mapping[str, xr.DataArray], reference: str = "truth") -> Figure:
    """Mean power per wavenumber, a line per field; the legend has the effective resolution beside the reference.

    On the globe wavenumbers are those of spherical harmonics; in a region, of whole periods across it.

    Args:
        fields: by name, with latitude and longitude; the mean is taken over all other dimensions.
        reference: the field that the others are compared with, if it is there.
    """
    made = {name: _power(field) for name, field in fields.items()}
    figure, (axis,) = _panels(1)
    for name, colour in line_colours(list(made)).items():
        label = name
        if reference in made and name != reference:
            label += f" (resolves {effective_resolution(made[name], made[reference])})"
        width = 2.2 if name == reference else 1.4
        axis.loglog(np.arange(1, len(made[name])), made[name][1:], color=colour, linewidth=width, label=label)
    one = next(iter(fields.values()))
    axis.set_xlabel("total wavenumber" if grid_of(one).periodic else "periods across the region")
    units = one.attrs.get("units", "1")
    axis.set_ylabel("power" + ("" if units == "1" else f" / ({units})²"))
    axis.legend(frameon=False, fontsize=8)
    return figure


ROUNDING = 1e-6
"""Degrees by which a place may lie west of where a map begins, and not be taken around the globe."""


def storm_tracks(tracks: Mapping[str, pd.DataFrame], field: xr.DataArray | None = None, margin: float = 8.0) -> Figure:
    """Tracks on a map (left) and the pressure of their centres over time (right), a colour per source.

    Args:
        tracks: tables of `track` by name, such as {"truth": ..., "model": ...}.
        field: (latitude, longitude) drawn under the tracks, and its extent; by default that of the tracks.
        margin: around the tracks, degrees.

    Raises:
        ValueError: no source has a track.
    """
    every = pd.concat(tracks.values())
    if not len(every):
        raise ValueError(f"storms are drawn of tables with tracks, {list(tracks)} have none; follow more times")
    dated = not any(hasattr(time, "calendar") for time in every["time"])  # other calendars have days that no axis knows
    west = _widest_gap(every["longitude"].to_numpy()) if field is None else float(grid_of(field).longitude_edges()[0])
    east = {name: (table["longitude"] - west + ROUNDING) % 360 - ROUNDING for name, table in tracks.items()}
    tracks = {name: table.assign(longitude=west + east[name]) for name, table in tracks.items()}
    grid = _around(pd.concat(tracks.values()), margin) if field is None else grid_of(field)
    figure, axes = map_axes(1, 1, grid)
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    figure.set_size_inches(9.5, 4.2)
    left = axes[0, 0]
    left.set_subplotspec(figure.add_gridspec(1, 2, width_ratios=(1.3, 1))[0])
    right = figure.add_subplot(left.get_subplotspec().get_gridspec()[1])
    if field is None:
        left.set_facecolor("white")
    else:
        image = draw(left, field, alpha=0.6, **colours(field))
        figure.colorbar(image, ax=left, shrink=0.8, label=f"{field.name or ''} / {field.attrs.get('units', '1')}")
    for name, colour in line_colours(list(tracks)).items():
        for number, (_, one) in enumerate(tracks[name].groupby("track")):
            label = name if number == 0 else None
            left.plot(*_cut_at_seam(one), "-o", color=colour, markersize=3, label=label, **placed(left))
            right.plot(one["time"] if dated else one["hours"], one["pressure"] / 100, "-o", color=colour, markersize=3)
    left.legend(frameon=True, fontsize=8, loc="lower left")
    right.set_ylabel("pressure of the centre / hPa")
    if dated:
        right.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=6))
        right.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        right.set_xlabel("hours")
    _plain(right)
    return figure


def line_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each line."""
    free = iter(COLOURS * (1 + len(names) // len(COLOURS)))
    return {name: NEUTRAL[name] if name in NEUTRAL else next(free) for name in names}


def _widest_gap(longitude: np.ndarray) -> float:
    """The eastern end of the widest stretch of the circle without a storm: the map begins there, on their branch."""
    around = np.unique(longitude % 360)
    west = float(around[int(np.argmax(np.diff(around, prepend=around[-1] - 360)))])
    turns = ((longitude - west) % 360 + west - longitude).mean() / 360
    return west - 360 * round(float(turns))


def _cut_at_seam(track: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes with a gap where a storm leaves the map on one side and comes in on the other."""
    longitude, latitude = (track[name].to_numpy(float) for name in ("longitude", "latitude"))
    jumps = np.nonzero(np.abs(np.diff(longitude)) > 180)[0] + 1
    return np.insert(longitude, jumps, np.nan), np.insert(latitude, jumps, np.nan)


def _around(tracks: pd.DataFrame, margin: float) -> Grid:
    """A region around all places, of cells of a degree or less: a map reaches to the edges of its cells."""
    low, high = tracks["latitude"].min() - margin, tracks["latitude"].max() + margin
    west, east = tracks["longitude"].min() - margin, tracks["longitude"].max() + margin
    spans = (max(low, -89.0), min(high, 89.0)), (west, min(east, west + 359.0))
    return Grid(*(tuple(np.linspace(*span, 361).tolist()) for span in spans))


def _power(field: xr.DataArray) -> torch.Tensor:
    grid = grid_of(field)
    values = torch.from_numpy(np.ascontiguousarray(field.transpose(..., *PLACE).values, dtype=np.float64))
    if grid.periodic:
        power = spherical_spectrum(values, grid)
    else:
        window = torch.hann_window(values.shape[-1], periodic=False, dtype=torch.float64)
        power = zonal_spectrum((values - values.mean(-1, keepdim=True)) * window, torch.from_numpy(grid.area_weights()))
    if bool(power.isnan().all()):
        raise ValueError(
            f"spectra are of fields without gaps, got {int(values.isnan().sum())} missing values of {values.numel()}; "
            "fill them (see fill_gaps), or select a region without any"
        )
    return power.reshape(-1, power.shape[-1]).nanmean(0)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = pyplot().subplots(
        rows, columns, figsize=(3.6 * columns + 0.6, 2.8 * rows + 0.3), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[count:]:
        axis.remove()
    for axis in axes.flat[:count]:
        _plain(axis)
    return figure, axes.ravel().tolist()[:count]


def _plain(axis: Any) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
