"""Layers of the environment on one grid, and their values at places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean

from .crs import is_geographic, transformed
from .layer_files import read_layers, require_same_grid, sources_of
from .occurrences import LATITUDE, LONGITUDE, SPECIES

TAKEN = ("x", "y", LONGITUDE, LATITUDE, SPECIES, "present")
CELLS = 2**18  # of a block of rows that is read at once


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
        taken = [name for name in self.names if self.names.count(name) > 1 or name in TAKEN]
        if taken:
            raise DataError(
                f"layers have names of their own, got {taken[0]!r}, which is a column of records or the name of two; "
                "give others (names= of open_environment)"
            )
        for axis in ("x", "y"):
            if axis not in self.layers.coords or self.layers.sizes[axis] < 2:
                raise DataError(
                    f"layers have coordinates of two cells or more along {axis}, got {self.layers.sizes[axis]} cells "
                    f"{'without coordinates' if axis not in self.layers.coords else 'in all'}; give them"
                )
            steps = np.diff(self.layers[axis].values.astype(float))
            if np.ptp(steps) > 1e-3 * np.abs(steps).mean():
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

    Nodata values are NaN, of arrays in memory too, and the scale and offset of a file are applied.

    Args:
        source: a path, a pattern, a folder of images, a list of paths, {name: path}, or an xarray object with x and y
            (or longitude and latitude).
        names: of the layers; by default the bands' descriptions, or file and variable names.
        crs: of the grid, where the file does not say: 'EPSG:4326', 32633, a WKT or an object of pyproj.
        factors: names of layers whose values are classes.

    Raises:
        DataError: no CRS or an unknown one, layers on different or rotated grids, a wrong number of names, a name twice
            or one of a column of records, or a file that is none of layers.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, Mapping) and not isinstance(source, xr.Dataset):
        source, names = list(source.values()), names or list(source)
    sources = sources_of(source)
    parts = [read_layers(one, crs, _height) for one in sources]
    first, found = parts[0]
    for (other, its), path in zip(parts[1:], sources[1:], strict=True):
        require_same_grid(first, found, other, its, path if isinstance(path, str | Path) else "in memory")
    layers = first
    if len(parts) > 1:
        layers = xr.concat([p for p, _ in parts], "layer", join="override", coords="minimal", compat="override")
        are_files = all(isinstance(one, str | Path) for one in sources)
        if are_files and len(set(layers["layer"].values)) < len(sources) == layers.sizes["layer"]:
            names = names or [Path(one).stem for one in sources]  # one band each, all described alike
    if names is not None:
        if len(names) != layers.sizes["layer"]:
            raise DataError(f"every layer has a name, got {len(names)} names for {layers.sizes['layer']} layers")
        layers = layers.assign_coords(layer=list(names))
    if found is None:
        raise DataError("a grid says in which CRS it is, got none; pass crs='EPSG:4326' if x and y are degrees")
    return Environment(layers, found, tuple(factors))


def _height(columns: int) -> int:
    """Rows of a block."""
    return max(1, CELLS // columns)


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
