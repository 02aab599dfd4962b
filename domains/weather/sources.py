"""What is in one or many files, as it stands there: NetCDF, Zarr and GRIB, here or behind a URL."""

from __future__ import annotations

import atexit
import glob
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean, download, is_hdf5, netcdf_engine, read_directly

LAZILY: dict[str, Any] = {"chunks": None, "cache": False, "decode_cf": False}
SUFFIXES = (".nc", ".nc4", ".cdf", ".grib", ".grb", ".grib2", ".grb2", ".h5", ".hdf5")


def open_files(source: Any) -> list[xr.Dataset]:
    """What is in one or many files, as it stands there: times as numbers, names of the file."""
    if isinstance(source, xr.DataArray):
        return [source.to_dataset(name=source.name or "field")]
    if isinstance(source, xr.Dataset):
        return [source]
    if isinstance(source, Sequence) and not isinstance(source, str):
        return [part for one in source for part in open_files(one)]
    text = os.fspath(source)
    if "://" not in text and any(mark in text for mark in "*?["):
        if not (found := sorted(glob.glob(text))):
            raise FileNotFoundError(f"data are read from files, but nothing matches {text}")
        return [part for one in found for part in open_files(one)]
    path = Path(text)
    if "://" not in text and not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise FileNotFoundError(f"data are read from files, {text} is not there{did_you_mean(path.name, beside)}")
    if path.is_dir() and not any((path / mark).is_file() for mark in ("zarr.json", ".zgroup", ".zmetadata")):
        if not (files := sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)):
            raise DataError(f"a folder of data holds {', '.join(SUFFIXES)} files or a Zarr store, {text} has none")
        return [part for one in files for part in open_files(one)]
    return _open_one(text)


def _open_one(path: str) -> list[xr.Dataset]:
    """A store is read where it is, chunk by chunk; a file behind a URL is fetched whole first. A GRIB file has a part
    for each kind of level."""
    is_zarr = path.rstrip("/").endswith(".zarr") or Path(path).is_dir()
    if "://" in path and urlsplit(path).path.endswith(SUFFIXES):
        path = _fetched(path)
    try:
        if path.endswith((".grib", ".grb", ".grib2", ".grb2")):
            return [on_dask(read_directly(raw, path)) for raw in _open_grib(path)]
        with warnings.catch_warnings():  # a store without consolidated metadata is slower to open, and as good
            warnings.filterwarnings("ignore", message="Failed to open Zarr store with consolidated")
            engine: Any = "zarr" if is_zarr else netcdf_engine(path)
            raw = xr.open_dataset(path, engine=engine, **LAZILY)
            data = read_directly(raw, path)
            return [data if is_zarr or is_hdf5(path) else on_dask(data)]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"data are NetCDF, GRIB or Zarr, got {path}, which cannot be read as such ({error}); check that it is whole"
        ) from error


def _open_grib(path: str) -> list[xr.Dataset]:
    """Fields of one kind of level make a hypercube; those of several kinds make one each."""
    try:
        import cfgrib
    except ImportError as error:
        raise ImportError('GRIB files need cfgrib: pip install "humboldt[weather]"') from error
    choices: dict[str, Any] = {"indexpath": "", "errors": "raise"}
    try:
        return [xr.open_dataset(path, engine="cfgrib", backend_kwargs=choices, **LAZILY)]
    except cfgrib.DatasetBuildError:
        found: list[xr.Dataset] = cfgrib.open_datasets(path, backend_kwargs={"indexpath": ""}, chunks=None, cache=False)
        return found


def on_dask(data: xr.Dataset) -> xr.Dataset:
    """The same with lazy variables on dask, cut as in their file: they are turned, joined or reduced by pieces."""
    lazy = {n: v.variable for n, v in data.data_vars.items() if is_lazy(v)}
    return data.assign({n: v.chunk(v.encoding.get("preferred_chunks", {})) for n, v in lazy.items()})


def is_lazy(variable: xr.DataArray) -> bool:
    """Whether values are read when they are asked for, and not by dask."""
    return variable.chunks is None and not variable.variable._in_memory


def _fetched(url: str) -> str:
    """A copy of a file in a folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="humboldt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(download(url, folder / Path(urlsplit(url).path).name, progress=False))
