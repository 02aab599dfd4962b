"""Suitability on a raster grid, block by block: memory stays the same however large the grid is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from tqdm import tqdm

from humboldt.data_catalog import DataError, did_you_mean

from ..crs import transformed
from ..environment import Environment
from .extrapolation import mess

if TYPE_CHECKING:
    from .estimator import SpeciesModel

CACHE = 2**26  # bytes of the cache of images while a map is made
NAMES = ("suitability", "lower", "upper")
ABOUT = {
    "suitability": "probability of presence, comparable between places more than between species",
    "lower": "lower bound of an interval of 95 %",
    "upper": "upper bound of an interval of 95 %",
    "extrapolation": "multivariate environmental similarity; below 0 a variable lies beyond the background",
}
UNITS = {"suitability": "1", "lower": "1", "upper": "1", "extrapolation": "percent"}


def map_environment(
    model: SpeciesModel, environment: Environment, month: int | None, output: str | Path | None, progress: bool
) -> xr.Dataset:
    """Maps of all species of a fitted model; see `SpeciesModel.predict`."""
    answers = _answers(model, environment, month, progress and sys.stderr.isatty())
    with _small_cache():
        if output is None:
            return _in_memory(model, environment, answers)
        path = Path(output)
        if path.suffix.lower() == ".nc":
            _to_netcdf(path, model, environment, answers)
            return xr.open_dataset(path, chunks={}, decode_coords="all")
        if path.suffix.lower() in (".tif", ".tiff"):
            _to_geotiff(path, model, environment, answers)
            return _in_memory(model, environment, iter(()), read=path)
        raise DataError(f"maps are written as .nc or .tif, got {path.name}")


def map_rows(model: SpeciesModel, environment: Environment, rows: slice, month: int | None) -> xr.Dataset:
    """Maps of all species of a fitted model in some rows of a grid, as `SpeciesModel.predict` makes them."""
    with _small_cache():
        found = _answer(model, environment, rows, month)
    return _labelled(xr.DataArray(found, dims=("band", "y", "x")), model, environment, rows)


def of_species(maps: xr.Dataset, name: str | None) -> xr.Dataset:
    """What maps or responses say of one species, the first by default.

    Raises:
        DataError: a species that they do not have.
    """
    names = [str(n) for n in maps["species"].values]
    if name is not None and name not in names:
        raise DataError(f"there are the species {names[:8]}, got {name!r}{did_you_mean(name, names)}")
    return maps.isel(species=0 if name is None else names.index(name))


def generalise_maps(maps: xr.Dataset, size: float) -> xr.Dataset:
    """Maps on a coarser grid, means of the cells in it, so that a fine map does not betray the places it was fitted to.

    Args:
        maps: of `SpeciesModel.predict`.
        size: of a cell, in units of x and y; the nearest multiple of the cells of the maps.

    Raises:
        DataError: a size of less than two cells of the maps, or of more than all of them.
    """
    step = max(abs(float(maps[axis][1] - maps[axis][0])) for axis in ("y", "x"))
    number, most = round(size / step), min(maps.sizes["y"], maps.sizes["x"])
    if not 2 <= number <= most:
        raise DataError(f"a coarser cell spans 2 to {most} cells of {step:g}, got a size of {size:g}; choose another")
    coarse = maps.coarsen(y=number, x=number, boundary="pad").mean(keep_attrs=True)
    return coarse.assign_attrs(maps.attrs | {"generalised_to": number * step})


def _answers(
    model: SpeciesModel, environment: Environment, month: int | None, progress: bool
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows and their maps; refused at the end, before a file takes its place, where no cell has a value."""
    known = False
    for rows in tqdm(environment.row_blocks(), desc="suitability", unit="block", disable=not progress):
        maps = _answer(model, environment, rows, month)
        known |= bool(np.isfinite(maps).any())
        yield rows, maps
    if not known:
        raise DataError(f"a map is made of cells in which every layer has a value, got {environment.lacking()}")


def _answer(model: SpeciesModel, environment: Environment, rows: slice, month: int | None) -> np.ndarray:
    """(3 species + 1, rows, columns): the maps of each species and the similarity."""
    from .estimator import interval

    values = environment.read(rows)
    table = pd.DataFrame(dict(zip(environment.names, values.reshape(len(values), -1), strict=True)))
    x, y = environment.layers["x"].values, environment.layers["y"].values[rows]
    places = np.tile(x, len(y)), np.repeat(y, len(x))
    table["x"], table["y"] = transformed(*places, environment.crs, model.crs_) if model.place and model.crs_ else places
    logit, deviation = model.answer(table, month)
    maps = [m for one, its in zip(logit, deviation, strict=True) for m in interval(one, its).values()]
    names = list(model.variables_.names)
    maps.append(mess(model.background_[names].to_numpy(float), table[names].to_numpy(float))[0])
    return np.stack(maps).reshape(-1, len(y), len(x)).astype(np.float32)


def _in_memory(model: SpeciesModel, environment: Environment, answers: Any, read: Path | None = None) -> xr.Dataset:
    bands = 3 * len(model.species_) + 1
    if read is None:
        found = np.empty((bands, *environment.shape), np.float32)
        for rows, maps in answers:
            found[:, rows] = maps
        array = xr.DataArray(found, dims=("band", "y", "x"))
    else:
        import rioxarray

        opened: Any = rioxarray.open_rasterio(read)
        array = opened.chunk({"band": 1}).drop_vars(("band", "spatial_ref"))
    return _labelled(array, model, environment)


def _labelled(
    array: xr.DataArray, model: SpeciesModel, environment: Environment, rows: slice = slice(None)
) -> xr.Dataset:
    axes: dict[str, Any] = {"y": environment.layers["y"].values[rows], "x": environment.layers["x"].values}
    fields = {}
    for number, name in enumerate(NAMES):
        part = array.isel(band=slice(number, 3 * len(model.species_), 3)).rename(band="species")
        fields[name] = part.assign_attrs(units=UNITS[name], long_name=ABOUT[name])
    last = array.isel(band=-1, drop=True)
    fields["extrapolation"] = last.assign_attrs(units=UNITS["extrapolation"], long_name=ABOUT["extrapolation"])
    found = xr.Dataset(fields).assign_coords(species=list(model.species_), **axes)
    return _georeferenced(found, environment)


def _georeferenced(found: xr.Dataset, environment: Environment) -> xr.Dataset:
    import rioxarray  # noqa: F401  (adds the accessor)

    return found.rio.write_crs(environment.crs)


def _to_netcdf(path: Path, model: SpeciesModel, environment: Environment, answers: Any) -> None:
    import netCDF4
    from pyproj import CRS

    with _whole(path) as partial, netCDF4.Dataset(partial, "w") as file:
        file.Conventions = "CF-1.8"
        for name, size in (("species", len(model.species_)), ("y", environment.shape[0]), ("x", environment.shape[1])):
            file.createDimension(name, size)
        file.createVariable("species", str, ("species",))[:] = np.asarray(model.species_, dtype=object)
        for axis in ("y", "x"):
            file.createVariable(axis, "f8", (axis,))[:] = environment.layers[axis].values
        mapping = file.createVariable("spatial_ref", "i8")
        mapping[...] = 0
        mapping.setncatts(CRS.from_user_input(environment.crs).to_cf())
        for name in (*NAMES, "extrapolation"):
            dims = ("y", "x") if name == "extrapolation" else ("species", "y", "x")
            variable = file.createVariable(name, "f4", dims, zlib=True, complevel=1, fill_value=np.float32(np.nan))
            variable.setncatts({"grid_mapping": "spatial_ref", "long_name": ABOUT[name], "units": UNITS[name]})
        for rows, maps in answers:
            for number, name in enumerate(NAMES):
                file[name][:, rows] = maps[number:-1:3]
            file["extrapolation"][rows] = maps[-1]


def _to_geotiff(path: Path, model: SpeciesModel, environment: Environment, answers: Any) -> None:
    import rasterio
    import rioxarray  # noqa: F401  (adds the accessor)
    from rasterio.windows import Window

    rows, columns = environment.shape
    about = {
        "driver": "GTiff", "dtype": "float32", "nodata": float("nan"), "compress": "deflate", "BIGTIFF": "IF_SAFER",
        "count": 3 * len(model.species_) + 1, "height": rows, "width": columns, "crs": environment.crs,
        "transform": environment.layers.rio.transform(recalc=True),
    }  # fmt: skip
    described = [f"{name} {what}" for name in model.species_ for what in NAMES]
    with _whole(path) as partial, rasterio.open(partial, "w", **about) as file:
        for number, text in enumerate([*described, "extrapolation"], 1):
            file.set_band_description(number, text)
        for block, maps in answers:
            file.write(maps, window=Window(0, block.start, columns, maps.shape[1]))


def _small_cache() -> Any:
    """Blocks of images are used once; by default they are kept, up to a twentieth of the memory of the machine."""
    import rasterio

    return rasterio.Env(GDAL_CACHEMAX=CACHE)


@contextmanager
def _whole(path: Path) -> Iterator[str]:
    """A file beside it that takes its place when it is whole, and goes when it is not."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield str(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
