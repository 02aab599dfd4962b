"""Files of layers (GeoTIFF and other images, NetCDF, Zarr) as arrays on (layer, y, x), read when they are asked for."""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean, netcdf_engine

from .crs import crs_name, is_same_crs, rioxarray

IMAGES = (".tif", ".tiff", ".vrt", ".asc", ".img")
X_NAMES, Y_NAMES = ("x", "lon", "longitude"), ("y", "lat", "latitude")


def sources_of(source: Any) -> list[Any]:
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


def read_layers(source: Any, crs: Any, height: Callable[[int], int]) -> tuple[xr.DataArray, str | None]:
    """Layers on (layer, y, x), and the name of their CRS, None where there is none.

    NaN stands where there is no value, as the file or the array says (nodata, _FillValue), and values are in the units
    that a file's scale and offset lead to.

    Args:
        source: a path or an xarray object.
        crs: instead of the file's.
        height: rows of a block for so many columns.

    Raises:
        DataError: a file of something else, a rotated grid, other axes, or a CRS that is not known.
        FileNotFoundError: there is no such file.
    """
    in_memory = isinstance(source, xr.DataArray | xr.Dataset)
    if isinstance(source, xr.DataArray | xr.Dataset):
        data, label = source, "layer"
    else:
        path = Path(source)
        if not path.exists():
            near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
            raise FileNotFoundError(f"layers are read from a file, got {path}, which is not there{near}")
        is_image = path.suffix.lower() in IMAGES
        data, label = (_image(path) if is_image else _store(path)), path.stem
    rioxarray()
    found = data.rio.crs if crs is None else crs
    data = _without_nodata(data) if in_memory else data
    return _stacked(_named_axes(data, None if in_memory else height), label), None if found is None else crs_name(found)


def _image(path: Path) -> Any:
    from rasterio.errors import RasterioIOError

    try:
        data = rioxarray().open_rasterio(path, mask_and_scale=True)
    except RasterioIOError as error:
        raise DataError(f"layers in an image are read by GDAL, got {path} ({error}); look into the file") from error
    if not data.rio.transform().is_rectilinear:
        raise DataError(
            f"rows and columns of layers go along x and y, got the rotated grid of {path}; turn it with rioxarray: "
            "layer.rio.reproject(layer.rio.crs)"
        )
    return data


def _without_nodata(data: Any) -> Any:
    """NaN where an array holds what it says is no value, as one does that was opened without masking."""
    if isinstance(data, xr.Dataset):
        return data.map(_without_nodata, keep_attrs=True)
    mark = data.rio.nodata
    if mark is None or np.isnan(mark):
        return data
    return data.where(data != (data.dtype.type(mark) if data.dtype.kind == "f" else mark))


def _store(path: Path) -> xr.Dataset:
    try:
        engine: Any = "zarr" if path.is_dir() else netcdf_engine(str(path))
        return xr.open_dataset(path, engine=engine, decode_coords="all", chunks=None)
    except (OSError, ValueError, KeyError) as error:
        said = str(error).partition(".")[0][:100]
        raise DataError(
            f"layers are images ({', '.join(IMAGES)}), NetCDF or Zarr, or a folder of images, got {path} ({said}); "
            "look into it"
        ) from error


def _named_axes(data: xr.DataArray | xr.Dataset, height: Callable[[int], int] | None) -> xr.DataArray | xr.Dataset:
    """Axes called x and y; what is not in memory is read by blocks of rows, when it is asked for."""
    renamed = {d: n for n, others in (("x", X_NAMES), ("y", Y_NAMES)) for d in data.dims if str(d).lower() in others}
    data = data.rename({old: new for old, new in renamed.items() if old != new})
    if not {"x", "y"} <= set(data.dims):
        raise DataError(f"layers have the axes x and y, or longitude and latitude, got {tuple(map(str, data.dims))}")
    return data if height is None else data.chunk({"y": height(data.sizes["x"])})


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


def require_same_grid(first: xr.DataArray, crs: str | None, other: xr.DataArray, its: str | None, path: Any) -> None:
    """Refuse layers on another grid, or in another CRS, than the first.

    Raises:
        DataError: says both grids and the cure.
    """
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
