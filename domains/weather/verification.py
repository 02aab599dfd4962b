"""Scores of labelled forecasts: the functions of `metrics` over xarray objects, in memory or chunk by chunk with dask.

Forecast and target have `latitude` and `longitude`, ensembles `number`; all other dimensions are kept. Regions are
chosen by `sel` before, land or sea by setting the rest to NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr

from humboldt.data_catalog import DataError

from . import metrics, spectra
from .grid import Grid

PLACE = ("latitude", "longitude")


def rows_of(data: xr.DataArray, weights: str = "area") -> torch.Tensor:
    """Weights of the rows: `area` of the cells (WeatherBench 2) or `cosine` of the latitude.

    Raises:
        DataError: another word, or no latitude.
    """
    if weights not in ("area", "cosine"):
        raise DataError(f"rows are weighed by 'area' or 'cosine', got {weights!r}")
    if not set(PLACE) <= set(data.dims):
        raise DataError(f"scores are taken over {PLACE}, got dimensions {data.dims}; rename them")
    grid = _grid(data)
    return torch.from_numpy(grid.area_weights() if weights == "area" else grid.cosine_weights())


def _grid(data: xr.DataArray) -> Grid:
    return Grid(*(tuple(data[name].values.astype(float).tolist()) for name in PLACE))


def mse(forecast: xr.DataArray, target: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Area mean of the squared error."""
    return _over_place(metrics.squared_error, forecast, target, rows=rows_of(target, weights))


def rmse(
    forecast: xr.DataArray, target: xr.DataArray, over: str | None = "time", weights: str = "area"
) -> xr.DataArray:
    """Root of the mean squared error over the area *and* over the dimension `over`, the root last."""
    return _mean(mse(forecast, target, weights), over) ** 0.5


def mae(forecast: xr.DataArray, target: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Area mean of the absolute error."""
    return _over_place(metrics.absolute_error, forecast, target, rows=rows_of(target, weights))


def bias(forecast: xr.DataArray, target: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Area mean of forecast less target."""
    return _over_place(metrics.bias, forecast, target, rows=rows_of(target, weights))


def acc(forecast: xr.DataArray, target: xr.DataArray, climate: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Correlation of anomalies from the climatology (see `metrics.anomaly_correlation`)."""
    return _over_place(metrics.anomaly_correlation, forecast, target, climate, rows=rows_of(target, weights))


def wind_vector_rmse(
    forecast: tuple[xr.DataArray, xr.DataArray],
    target: tuple[xr.DataArray, xr.DataArray],
    over: str | None = "time",
    weights: str = "area",
) -> xr.DataArray:
    """Root of the mean squared length of the error of a wind, (eastward, northward) each, over area and `over`."""
    known = (forecast[0] - target[0] + forecast[1] - target[1]).notnull()  # a vector has both
    east, north = (mse(f.where(known), t, weights) for f, t in zip(forecast, target, strict=True))
    return _mean(east + north, over) ** 0.5


def skill(score: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    """1 - score / reference: 1 is perfect, 0 no better than the reference (persistence, climatology)."""
    return 1 - score / reference


def quantile_score(forecast: xr.DataArray, target: xr.DataArray, level: float, weights: str = "area") -> xr.DataArray:
    """Area mean of the loss of a forecast of the quantile `level` (see `metrics.quantile_loss`)."""

    def score(f: torch.Tensor, t: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return metrics.area_mean(metrics.quantile_loss(f, t, level), rows)

    return _over_place(score, forecast, target, rows=rows_of(target, weights))


def crps(ensemble: xr.DataArray, target: xr.DataArray, fair: bool = True, weights: str = "area") -> xr.DataArray:
    """Area mean of the continuous ranked probability score of an ensemble (dimension `number`)."""
    points = _apply(lambda e, t: metrics.crps(e.movedim(-1, 0), t, fair), (ensemble, target), (("number",), ()))
    return _apply(metrics.area_mean, (points,), (PLACE,), rows=rows_of(target, weights))


def brier(
    ensemble: xr.DataArray, target: xr.DataArray, threshold: float, fair: bool = True, weights: str = "area"
) -> xr.DataArray:
    """Area mean of the Brier score of the event `value >= threshold`."""

    def score(e: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return metrics.brier(e.movedim(-1, 0), t, threshold, fair)

    points = _apply(score, (ensemble, target), (("number",), ()))
    return _apply(metrics.area_mean, (points,), (PLACE,), rows=rows_of(target, weights))


def energy_score(
    ensemble: xr.DataArray, target: xr.DataArray, fair: bool = True, weights: str = "area"
) -> xr.DataArray:
    """Energy score of whole fields (see `metrics.energy_score`)."""

    def score(e: torch.Tensor, t: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return metrics.energy_score(e.movedim(-3, 0), t, rows, fair)

    return _apply(score, (ensemble, target), (("number", *PLACE), PLACE), rows=rows_of(target, weights))


def spread_skill(
    ensemble: xr.DataArray, target: xr.DataArray, over: str | None = "time", weights: str = "area"
) -> xr.Dataset:
    """`spread`, `error` of the mean and their `ratio`, 1 if reliable; means over `over` are taken before the roots."""
    if (members := ensemble.sizes.get("number", 1)) < 2:
        raise DataError(
            f"a spread is that of two members or more (dimension 'number'), got {members}; take more of them"
        )
    ensemble = ensemble.where(target.notnull())
    squares = mse(ensemble.mean("number", skipna=False), target, weights)
    spreads = ensemble.var("number", ddof=1, skipna=False)
    variance = _apply(metrics.area_mean, (spreads,), (PLACE,), rows=rows_of(target, weights))
    spread, error = (np.sqrt(_mean(x, over)) for x in (variance, squares))
    ratio = np.sqrt((members + 1) / members) * spread / error
    return xr.Dataset({"spread": spread, "error": error, "ratio": ratio})


def rank_histogram(ensemble: xr.DataArray, target: xr.DataArray, seed: int = 0) -> xr.DataArray:
    """How often the target lies above 0, 1, ... members (dimension `rank`), ties broken at random.

    Counted over all places; other dimensions are kept.
    """

    def found(e: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return metrics.ranks(e.movedim(-1, 0), t, torch.Generator().manual_seed(seed))

    places = _apply(found, (ensemble, target), (("number",), ()))
    every = xr.DataArray(np.arange(ensemble.sizes["number"] + 1), dims="rank")
    return (places == every.assign_coords(rank=every)).sum(PLACE)


def zonal_spectrum(field: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Power by zonal wavenumber of whole circles of longitude (see `spectra.zonal_spectrum`)."""
    if not _grid(field).periodic:
        west, east = (float(field["longitude"][i]) for i in (0, -1))
        raise DataError(
            f"zonal wavenumbers are those of whole circles, got longitudes {west:g} to {east:g}; take the globe, or "
            "draw the spectrum of a region with pictures.spectra"
        )
    count = field.sizes["longitude"] // 2 + 1
    return _spectrum(spectra.zonal_spectrum, field, count, rows=rows_of(field, weights))


def spherical_spectrum(field: xr.DataArray, degrees: int | None = None) -> xr.DataArray:
    """Power by total wavenumber (see `spectra.spherical_spectrum`)."""
    count = field.sizes["latitude"] // 2 if degrees is None else degrees
    return _spectrum(spectra.spherical_spectrum, field, count, grid=_grid(field), degrees=count)


def effective_resolution(forecast: xr.DataArray, target: xr.DataArray, share: float = 0.5) -> xr.DataArray:
    """The largest wavenumber up to which a spectrum keeps at least `share` of the power of the target's."""

    def found(one: np.ndarray, other: np.ndarray) -> int:
        return spectra.effective_resolution(torch.from_numpy(one.copy()), torch.from_numpy(other.copy()), share)

    return xr.apply_ufunc(
        found,
        forecast,
        target,
        input_core_dims=[["wavenumber"]] * 2,
        vectorize=True,
        dask="parallelized",
        output_dtypes=[int],
    )


def negative_share(field: xr.DataArray, weights: str = "area") -> xr.DataArray:
    """Share of the area where a quantity that cannot be negative (humidity, precipitation) is."""
    return _over_place(metrics.negative_share, field, rows=rows_of(field, weights))


def drift(field: xr.DataArray, along: str = "lead_time", weights: str = "area") -> xr.DataArray:
    """Change of the global mean since the first state along a dimension, as a fraction: of mass, water, energy."""
    means = _over_place(metrics.area_mean, field, rows=rows_of(field, weights))
    return means / means.isel({along: 0}, drop=True) - 1


def fss(
    forecast: xr.DataArray, target: xr.DataArray, threshold: float, window: int, closed: bool = False
) -> xr.DataArray:
    """Fractions skill score in windows of `window` by `window` points (see `metrics.fractions_skill`)."""
    return _over_place(metrics.fractions_skill, forecast, target, threshold=threshold, window=window, closed=closed)


def _spectrum(power: Callable[..., torch.Tensor], field: xr.DataArray, count: int, **choices: Any) -> xr.DataArray:
    made = _apply(power, (field,), (PLACE,), {"wavenumber": count}, **choices)
    return made.assign_coords(wavenumber=np.arange(count))


def _mean(squares: xr.DataArray, over: str | None) -> xr.DataArray:
    if over is not None and over not in squares.dims:
        raise DataError(
            f"a mean is taken over a dimension of the forecast, {list(squares.dims)}, got over={over!r}; name one of "
            "them, or None"
        )
    return squares if over is None else squares.mean(over)


def _over_place(score: Callable[..., torch.Tensor], *fields: xr.DataArray, **choices: Any) -> xr.DataArray:
    return _apply(score, fields, (PLACE,) * len(fields), **choices)


def _apply(
    score: Callable[..., torch.Tensor],
    fields: tuple[xr.DataArray, ...],
    dims: tuple[tuple[str, ...], ...],
    made: Mapping[str, int] | None = None,
    **choices: Any,
) -> xr.DataArray:
    """A function of tensors over labelled arrays of one shape beside `dims`; values are taken in double precision.

    made: sizes of the dimensions that the function makes, last.
    """

    def on_arrays(*values: np.ndarray) -> np.ndarray:
        return score(*(torch.from_numpy(np.ascontiguousarray(v, dtype=np.float64)) for v in values), **choices).numpy()

    for field, needed in zip(fields, dims, strict=True):
        if missing := [name for name in needed if name not in field.dims]:
            raise DataError(f"this score needs the dimension {missing[0]!r}, got {list(field.dims)}; rename or add it")
    beside = [f.isel(dict.fromkeys(d, 0), drop=True) for f, d in zip(fields, dims, strict=True)]
    shape = xr.broadcast(*beside)[0]
    spread = [
        f.broadcast_like(shape, exclude=d) if set(shape.dims) - set(f.dims) else f
        for f, d in zip(fields, dims, strict=True)
    ]
    try:
        spread = list(xr.align(*spread, join="exact", copy=False))
    except ValueError as error:
        raise DataError(
            f"forecast and target share their coordinates, but: {error}; select or interpolate one to the other"
        ) from error
    return xr.apply_ufunc(
        on_arrays,
        *(f.transpose(*shape.dims, *d) for f, d in zip(spread, dims, strict=True)),
        input_core_dims=dims,
        output_core_dims=[list(made or {})],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": dict(made or {})},
        output_dtypes=[np.float64],
    )
