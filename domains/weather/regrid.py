"""From one latitude-longitude grid to another, regular or Gaussian, global or regional.

On such grids the weights are products of those along latitude and along longitude, so two small sparse matrices do it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy import sparse

from humboldt.data_catalog import DataError

from .grid import Grid

Method = Literal["conservative", "bilinear"]


def regrid(data: xr.Dataset, to: Grid, method: Method = "conservative", known: float = 0.5) -> xr.Dataset:
    """Every variable with a latitude and a longitude on another grid; in memory or chunk by chunk.

    `conservative` (first order) takes means over the cells of the new grid, so that area integrals are kept; `bilinear`
    takes values at its points, beyond the outermost rows those of the nearest row.

    Args:
        data: canonical analyses (see `open_analyses`).
        to: the new grid.
        known: share of a new cell's weight that must be known (not NaN, inside the old grid) for a value; means are
            over the known part.

    Raises:
        DataError: the grids do not overlap, or the data are not labelled so.
    """
    if not isinstance(data, xr.Dataset) or not {"latitude", "longitude"} <= set(data.dims):
        raise DataError(
            f"a Dataset with the dimensions latitude and longitude is regridded, got {type(data).__name__} with "
            f"{sorted(map(str, data.dims))}; bring it to these names with open_analyses(data)"
        )
    old = Grid(*(tuple(data[n].values.astype(float).tolist()) for n in ("latitude", "longitude")))
    rows, columns = weights(old, to, method)
    if not rows.nnz or not columns.nnz:
        raise DataError(
            f"grids must overlap to be regridded, got latitudes {old.latitude[0]:g} to {old.latitude[-1]:g} and "
            f"{to.latitude[0]:g} to {to.latitude[-1]:g}; choose a grid inside the data"
        )
    place, made = ("latitude", "longitude"), {}
    for name, variable in data.data_vars.items():
        if not set(place) <= set(variable.dims):
            made[name] = variable
            continue
        new = xr.apply_ufunc(
            lambda x: apply_weights(x, rows, columns, known),
            variable.drop_vars([*place], errors="ignore"),
            input_core_dims=[place],
            output_core_dims=[place],
            exclude_dims=set(place),
            dask="parallelized",
            dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": dict(zip(place, to.shape, strict=True))},
            output_dtypes=[_floating(variable.dtype)],
            keep_attrs=True,
        )
        made[name] = new.assign_coords({n: (n, list(getattr(to, n)), data[n].attrs) for n in place})
    return xr.Dataset(made, attrs=data.attrs)


def weights(old: Grid, new: Grid, method: Method = "conservative") -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Sparse matrices (new rows, old rows) and (new columns, old columns).

    Conservative weights are the share of a new cell that an old one covers: in the sine of latitude, and in degrees of
    longitude. The weights of a new cell or point add up to the share of it that lies inside the old grid.
    """
    if method == "conservative":
        sines = [np.sin(np.deg2rad(g.latitude_edges())) for g in (old, new)]
        return _overlap(sines[0], sines[1], None), _overlap(old.longitude_edges(), new.longitude_edges(), 360.0)
    if method != "bilinear":
        raise DataError(f"a regridding is 'conservative' or 'bilinear', got {method!r}")
    latitude, longitude = np.asarray(old.latitude), np.asarray(old.longitude)
    rows = _linear(latitude, np.asarray(new.latitude), clamp=old.latitude_edges())
    if not old.periodic:
        return rows, _linear(longitude, _nearest_turn(np.asarray(new.longitude), longitude[0]))
    closed = np.append(longitude, longitude[0] + 360)
    columns = _linear(closed, (np.asarray(new.longitude) - longitude[0]) % 360 + longitude[0]).tolil()
    columns[:, 0] += columns[:, -1]
    return rows, columns[:, :-1].tocsr()


def apply_weights(x: np.ndarray, rows: sparse.csr_matrix, columns: sparse.csr_matrix, known: float = 0.5) -> np.ndarray:
    """Weighted means of the last two axes over what is known; NaN where that is less than a share `known`."""
    there = np.isfinite(x)

    def both(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(-1, *values.shape[-2:])
        made = np.stack([rows @ (columns @ field.T).T for field in flat])
        return made.reshape(*values.shape[:-2], rows.shape[0], columns.shape[0])

    total, share = both(np.where(there, x, 0.0)), both(there.astype(float))
    enough = (share > 1e-12) & (share >= known * (1 - 1e-9))
    return np.where(enough, total / np.where(enough, share, 1.0), np.nan).astype(_floating(x.dtype))


def _floating(kind: np.dtype) -> np.dtype:
    """The type of means of such values: whole numbers (a land mask, packed values) have fractions."""
    return kind if np.issubdtype(kind, np.floating) else np.result_type(kind, np.float32)


def _overlap(old: np.ndarray, new: np.ndarray, period: float | None) -> sparse.csr_matrix:
    """Share of each new interval that each old one covers, around the circle if there is a period."""
    a = np.stack([np.minimum(old[:-1], old[1:]), np.maximum(old[:-1], old[1:])])
    b = np.stack([np.minimum(new[:-1], new[1:]), np.maximum(new[:-1], new[1:])])
    made = np.zeros((b.shape[1], a.shape[1]))
    for turn in (0.0,) if period is None else (-2 * period, -period, 0.0, period, 2 * period):
        low = np.maximum(b[0][:, None], a[0][None] + turn)
        made += np.clip(np.minimum(b[1][:, None], a[1][None] + turn) - low, 0, None)
    made /= (b[1] - b[0])[:, None]
    made[made < 1e-12] = 0
    return sparse.csr_matrix(made)


def _linear(old: np.ndarray, new: np.ndarray, clamp: np.ndarray | None = None) -> sparse.csr_matrix:
    """Weights of linear interpolation; beyond the old points nothing, or within `clamp` the nearest of them."""
    order = np.argsort(old)
    points = old[order]
    inside = np.clip(new, points[0], points[-1])
    reach = (points[0], points[-1]) if clamp is None else (clamp.min(), clamp.max())
    above = np.searchsorted(points, inside).clip(1, max(len(points) - 1, 1))
    made = np.zeros((len(new), len(old)))
    for index, (value, right) in enumerate(zip(inside, above, strict=True)):
        if not reach[0] - 1e-9 <= new[index] <= reach[1] + 1e-9:
            continue
        if len(points) == 1:
            made[index, 0] = 1
            continue
        part = (value - points[right - 1]) / (points[right] - points[right - 1])
        made[index, order[right - 1]] += 1 - part
        made[index, order[right]] += part
    return sparse.csr_matrix(made)


def _nearest_turn(longitude: np.ndarray, west: float) -> np.ndarray:
    return (longitude - west + 1e-9) % 360 + west - 1e-9
