"""Layers of the environment on one grid, and their values at places."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

from .crs import crs_name, is_geographic, is_same_crs, rioxarray, transformed

IMAGES = (".tif", ".tiff", ".vrt", ".asc", ".img")
CELLS = 2**18  # of a block of rows that is read at once
X_NAMES, Y_NAMES = ("x", "lon", "longitude"), ("y", "lat", "latitude")


@dataclass(frozen=True, eq=False)
class Environment:
    """Layers on one grid.

    Attributes:
        layers: (layer, y, x), NaN where there is no value; read when it is asked for.
        crs: of x and y, as pyproj names it.
        factors: names of layers whose values are classes.
    """

    layers: xr.DataArray
    crs: str
    factors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.factors if name not in self.names]
        if unknown:
            near = did_you_mean(unknown[0], list(self.names))
            raise DataError(f"factors are layers {list(self.names)}, got {unknown[0]!r}{near}")
        for axis in ("x", "y"):
            steps = np.diff(self.layers[axis].values.astype(float))
            if len(steps) < 1 or np.ptp(steps) > 1e-3 * np.abs(steps).mean():
                raise DataError(
                    f"layers lie on an evenly spaced grid, got uneven steps along {axis}; regrid them first"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(str(name) for name in self.layers["layer"].values)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.layers.sizes["y"], self.layers.sizes["x"]

    def cells(self, x: Any, y: Any, crs: Any = "EPSG:4326") -> tuple[np.ndarray, np.ndarray]:
        """Row and column of the cell of each point, -1 outside of the grid; 350 degrees east are 10 degrees west."""
        x, y = transformed(np.asarray(x, float), np.asarray(y, float), crs, self.crs)
        rows, columns = _place(y, self.layers["y"].values), _place(x, self.layers["x"].values)
        if (columns < 0).any() and is_geographic(self.crs):
            for turn in (-360.0, 360.0):
                columns = np.where(columns < 0, _place(x + turn, self.layers["x"].values), columns)
        return rows, columns

    def extract(self, x: Any, y: Any, crs: Any = "EPSG:4326") -> pd.DataFrame:
        """Values of every layer at points, a row a point; NaN outside of the grid and where there is none.

        Args:
            x, y: coordinates (longitude and latitude by default).
            crs: of x and y.
        """
        rows, columns = self.cells(x, y, crs)
        outside = (rows < 0) | (columns < 0)
        values = self._gathered(np.where(outside, 0, rows), np.where(outside, 0, columns))
        if outside.any():
            values = np.where(outside, np.nan, values)
        return pd.DataFrame(values.T, columns=list(self.names), copy=False)

    def row_blocks(self) -> list[slice]:
        """Rows that are read together, so that memory stays the same however large the grid is."""
        height = _height(self.shape[1])
        return [slice(start, min(start + height, self.shape[0])) for start in range(0, self.shape[0], height)]

    def read(self, rows: slice) -> np.ndarray:
        """Values of all layers in some rows, (layer, y, x)."""
        return np.asarray(self.layers.isel(y=rows).values)

    def _gathered(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Values of all layers in cells, (layer, cell).

        What lies in memory is one block; the rest is read block by block, where cells are asked for.
        """
        if self.layers.chunks is None:
            return _taken(self.layers.values, rows, columns)
        found = np.empty((len(self.names), len(rows)), np.result_type(self.layers.dtype, np.float32))
        for block in self.row_blocks():
            here = np.flatnonzero((rows >= block.start) & (rows < block.stop))
            if len(here):
                found[:, here] = _taken(self.read(block), rows[here] - block.start, columns[here])
        return found

    def valid(self) -> np.ndarray:
        """Cells in which every layer has a value, [y, x]."""
        return np.concatenate([pd.notna(self.read(block)).all(0) for block in self.row_blocks()])

    def lacking(self) -> str:
        """Which layer has no value, or that the layers have none in common: what an error says of an empty grid."""
        known = np.any([pd.notna(self.read(block)).any((1, 2)) for block in self.row_blocks()], axis=0)
        if not known.all():
            empty = self.names[int(known.argmin())]
            return f"no value at all in {empty!r}; look at its nodata value, or leave the layer out (names=)"
        return f"none in common of {list(self.names)[:6]}; look at their extents and nodata values"

    def places(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the middle of cells, in the CRS of the layers."""
        return self.layers["x"].values[columns], self.layers["y"].values[rows]

    def areas(self) -> np.ndarray:
        """Relative area of the cells of each row: 1 on the plane, cos(latitude) in degrees."""
        if not is_geographic(self.crs):
            return np.ones(self.shape[0])
        return np.cos(np.radians(self.layers["y"].values.astype(float)))


def open_environment(
    source: Any, *, names: Sequence[str] | None = None, crs: Any = None, factors: Sequence[str] = ()
) -> Environment:
    """Layers from GeoTIFF, NetCDF or Zarr, or several of them on one grid; in any CRS.

    Args:
        source: a path, a pattern, a folder of images, a list of paths, {name: path}, or an xarray object with x and y
            (or longitude and latitude).
        names: of the layers; by default the bands' descriptions, or file and variable names.
        crs: of the grid, where the file does not say: 'EPSG:4326', 32633, a WKT or an object of pyproj.
        factors: names of layers whose values are classes.

    Raises:
        DataError: no CRS or an unknown one, layers on different grids, or a wrong number of names.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, Mapping) and not isinstance(source, xr.Dataset):
        source, names = list(source.values()), names or list(source)
    sources = _sources(source)
    parts = [_layers(one, crs) for one in sources]
    first, found = parts[0]
    for (other, its), path in zip(parts[1:], sources[1:], strict=True):
        _same_grid(first, found, other, its, path if isinstance(path, str | Path) else "in memory")
    layers = first
    if len(parts) > 1:
        layers = xr.concat([p for p, _ in parts], "layer", join="override", coords="minimal", compat="override")
    if names is not None:
        if len(names) != layers.sizes["layer"]:
            raise DataError(f"every layer has a name, got {len(names)} names for {layers.sizes['layer']} layers")
        layers = layers.assign_coords(layer=list(names))
    if found is None:
        raise DataError("a grid says in which CRS it is, got none; pass crs='EPSG:4326' if x and y are degrees")
    return Environment(layers, found, tuple(factors))


def _sources(source: Any) -> list[Any]:
    """The files of a folder or a pattern in alphabetical order; everything else as it is."""
    if isinstance(source, list | tuple):
        return list(source)
    if isinstance(source, str | Path):
        found = sorted(glob.glob(str(source)))
        if Path(source).is_dir():
            found = [str(path) for path in sorted(Path(source).iterdir()) if path.suffix.lower() in IMAGES]
        if found:
            return found
    return [source]


def _layers(source: Any, crs: Any) -> tuple[xr.DataArray, str | None]:
    in_memory = isinstance(source, xr.DataArray | xr.Dataset)
    if isinstance(source, xr.DataArray | xr.Dataset):
        data, label = source, "layer"
    else:
        path = Path(source)
        if not path.exists():
            near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
            raise FileNotFoundError(f"layers are read from a file, got {path}, which is not there{near}")
        is_image = path.suffix.lower() in IMAGES
        data, label = (rioxarray().open_rasterio(path, masked=True) if is_image else _store(path)), path.stem
    rioxarray()
    found = data.rio.crs if crs is None else crs
    return _stacked(_named_axes(data, in_memory), label), None if found is None else crs_name(found)


def _store(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="zarr" if path.is_dir() else None, decode_coords="all", chunks=None)


def _named_axes(data: xr.DataArray | xr.Dataset, in_memory: bool) -> xr.DataArray | xr.Dataset:
    """Axes called x and y; what is not in memory is read by blocks of rows, when it is asked for."""
    renamed = {d: n for n, others in (("x", X_NAMES), ("y", Y_NAMES)) for d in data.dims if str(d).lower() in others}
    data = data.rename({old: new for old, new in renamed.items() if old != new})
    if not {"x", "y"} <= set(data.dims):
        raise DataError(f"layers have the axes x and y, or longitude and latitude, got {tuple(map(str, data.dims))}")
    return data if in_memory else data.chunk({"y": _height(data.sizes["x"])})


def _height(columns: int) -> int:
    """Rows of a block."""
    return max(1, CELLS // columns)


def _stacked(data: xr.DataArray | xr.Dataset, label: str) -> xr.DataArray:
    """(layer, y, x) with names."""
    if isinstance(data, xr.Dataset):
        layers = [v for v in data.data_vars if set(data[v].dims) == {"x", "y"}]
        if not layers:
            raise DataError(
                f"a layer lies on (y, x) alone, got variables on {[data[v].dims for v in data.data_vars][:4]}"
            )
        return data[layers].to_dataarray("layer").transpose("layer", "y", "x")
    if set(data.dims) - {"x", "y", "band", "layer"}:
        raise DataError(f"a layer lies on (y, x) alone, got one on {tuple(map(str, data.dims))}; choose one of each")
    described = data.attrs.get("long_name")
    if "band" in data.dims:
        count = data.sizes["band"]
        said = (
            list(described)
            if isinstance(described, tuple | list)
            else [described]
            if count == 1 and described
            else None
        )
        named = said or ([label] if count == 1 else [f"{label}_{i + 1}" for i in range(count)])
        data = data.rename(band="layer").assign_coords(layer=named)
    elif "layer" not in data.dims:
        data = data.expand_dims(layer=[str(data.name or label)])
    return data.drop_vars("spatial_ref", errors="ignore").transpose("layer", "y", "x")


def _same_grid(first: xr.DataArray, crs: str | None, other: xr.DataArray, its: str | None, path: Any) -> None:
    same = all(
        first.sizes[axis] == other.sizes[axis] and np.allclose(first[axis], other[axis], rtol=0, atol=1e-6)
        for axis in ("x", "y")
    )
    if not same or not is_same_crs(crs, its):
        raise DataError(
            f"layers lie on one grid, got {first.sizes['y']} x {first.sizes['x']} cells in {crs} and "
            f"{other.sizes['y']} x {other.sizes['x']} in {its} ({path}); put them on one grid with "
            "rioxarray: layer.rio.reproject_match(first)"
        )


def _taken(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values in cells, (layer, cell): layer by layer with flat numbers of cells, faster than with rows and columns."""
    number = rows * values.shape[2] + columns
    found = np.empty((len(values), len(number)), np.result_type(values, np.float32))
    for layer, row in zip(values, found, strict=True):
        row[:] = np.take(layer.reshape(-1), number, mode="clip")
    return found


def _place(values: np.ndarray, axis: np.ndarray) -> np.ndarray:
    step = float(axis[-1] - axis[0]) / (len(axis) - 1)
    place = np.floor((values - float(axis[0])) / step + 0.5)
    inside = np.isfinite(place) & (place >= 0) & (place < len(axis))
    return np.where(inside, place, -1).astype(int)
