"""One file of a known format as a lazy dataset: NetCDF, HDF5, GRIB, GeoTIFF; times stay the numbers in the file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import xarray as xr

from ..engine import netcdf_engine
from ..errors import DataError
from ..store import PLAIN_HDF5, near

ENDINGS = {
    "netcdf": (".nc", ".nc4", ".cdf", ".netcdf"),
    "hdf5": PLAIN_HDF5,
    "grib": (".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2"),
    "geotiff": (".tif", ".tiff", ".geotiff"),
}
ALL_ENDINGS = tuple(ending for endings in ENDINGS.values() for ending in endings)
SIGNATURES = {b"CDF\x01": "classic", b"CDF\x02": "classic", b"\x89HDF": "hdf5", b"GRIB": "grib"}


def open_file(path: str | Path, group: str | None = None) -> xr.Dataset:
    """A file as a lazy dataset; packed integers are unpacked and missing values are NaN once they are read.

    group: of a NetCDF or HDF5 file; the root if none is given.

    Raises:
        FileNotFoundError: nothing is there; the message gives the nearest names in that folder.
        DataError: it is there, but it cannot be read.
        ImportError: the package that reads this format is missing; the message names the extra.
    """
    path = str(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"data are read from files, got {path}, which is not there{near(path)}")
    stamp = os.stat(path)
    return _opened(path, group, stamp.st_mtime_ns, stamp.st_size, os.getpid())


@lru_cache(maxsize=64)
def _opened(path: str, group: str | None, changed: int, size: int, process: int) -> xr.Dataset:
    """Files that are read in turns stay open: the index of a GRIB file takes long to make."""
    try:
        with warnings.catch_warnings():  # variables that hold cell areas or bounds may lie in other files
            warnings.filterwarnings("ignore", message="Variable.s. referenced in")
            return READERS[file_format(path)](path, group)
    except ImportError:
        raise
    except Exception as error:  # each of five libraries has errors of its own
        raise unreadable(path, error) from error


def unreadable(path: str, error: object) -> DataError:
    """The error for a file that is damaged."""
    return DataError(
        f"source files are complete NetCDF, HDF5, GRIB or GeoTIFF files, got {path}, which cannot be read ({error}); "
        "copy or download it again"
    )


def file_format(path: str) -> str:
    """`netcdf`, `classic` (NetCDF 3), `hdf5`, `grib` or `geotiff`, by the ending of the name, else by the first bytes.

    Raises:
        DataError: neither tells.
    """
    with open(path, "rb") as file:
        signature = SIGNATURES.get(file.read(4), "")
    for name, endings in ENDINGS.items():
        if path.lower().endswith(endings):
            return "classic" if signature == "classic" else name
    if not signature:
        raise DataError(f"source files end in one of {', '.join(ALL_ENDINGS)}, got {path}; rename it, or convert it")
    return "netcdf" if signature == "hdf5" else signature


def open_netcdf(path: str, group: str | None) -> xr.Dataset:
    engine: Any = netcdf_engine(path) or "netcdf4"
    return xr.open_dataset(
        path, engine=engine, group=group, decode_times=False, decode_coords="all", chunks=None, cache=False
    )


def open_classic(path: str, group: str | None) -> xr.Dataset:
    """NetCDF 3, read by scipy: the C library takes zeros for what a truncated file lacks."""
    return xr.open_dataset(path, engine="scipy", decode_times=False, decode_coords="all", chunks=None, cache=False)


def open_hdf5(path: str, group: str | None) -> xr.Dataset:
    """HDF5: axes that have no names there are called phony_dim_0, phony_dim_1, ..."""
    return xr.open_dataset(
        path, engine="h5netcdf", group=group, phony_dims="sort",
        decode_times=False, decode_coords="all", chunks=None, cache=False,
    )  # fmt: skip


def open_grib(path: str, group: str | None) -> xr.Dataset:
    """GRIB, without an index file beside it, and without the time of reading among the attributes."""
    with suppress(ImportError):  # pyproj finds no database once the library that eccodes brings is loaded before it
        import pyproj  # noqa: F401
    needs("cfgrib", "weather")
    data = xr.open_dataset(
        path, engine="cfgrib", decode_times=False, chunks=None, cache=False,
        backend_kwargs={"indexpath": "", "errors": "raise"},
    )  # fmt: skip
    data.attrs = {k: v for k, v in data.attrs.items() if k != "history"}
    return data


def open_geotiff(path: str, group: str | None) -> xr.Dataset:
    """GeoTIFF: a variable a band, called as the band is described; NaN where it says no data."""
    needs("rioxarray", "geo")
    import rioxarray

    with warnings.catch_warnings():  # rioxarray 0.19 multiplies affine transforms with what affine 3 will drop
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="rioxarray")
        data = rioxarray.open_rasterio(path, band_as_variable=True, masked=True, cache=False)
    assert isinstance(data, xr.Dataset)
    described = {name: str(band.attrs.get("long_name", "")) for name, band in data.data_vars.items()}
    for name in data.data_vars:  # they have been applied
        data[name].attrs = {k: v for k, v in data[name].attrs.items() if k not in ("scale_factor", "add_offset")}
    names = [text for text in described.values() if text]
    return data.rename(described) if len(set(names)) == len(described) else data


def needs(package: str, extra: str) -> None:
    """Refuse with the name of the extra when an optional package is missing."""
    try:
        __import__(package)
    except ImportError as error:
        raise ImportError(
            f"this format is read by {package}, which is not installed; pip install 'humboldt[{extra}]'"
        ) from error


READERS: dict[str, Callable[[str, str | None], xr.Dataset]] = {
    "netcdf": open_netcdf,
    "classic": open_classic,
    "hdf5": open_hdf5,
    "grib": open_grib,
    "geotiff": open_geotiff,
}
