"""One lazy dataset from whatever there is: a file, a folder of files, a pattern, a list, a store, an object."""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import xarray as xr

from ..errors import DataError
from ..reader.hdf5_reader import is_hdf5
from ..store import did_you_mean, near, open_store, zarr_folder
from .formats import ALL_ENDINGS, open_file
from .headers import rename_with_chunks
from .joining import join_files

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A lazy dataset, the files that it lies in (none for an object in memory), and a name for messages."""

    name: str
    data: xr.Dataset
    files: tuple[str, ...] = ()


def open_source(
    source: Any,
    *,
    variables: Sequence[str] | None = None,
    dims: Mapping[str, str] | None = None,
    join: str | None = None,
    group: str | None = None,
) -> Source:
    """Open data of any format lazily as one dataset.

    Args:
        source: a NetCDF, HDF5, GRIB or GeoTIFF file, a folder of them, a pattern (`runs/*.nc`), a list of paths, a Zarr
            store, or an xarray object (in memory or lazy, also on dask).
        variables: to take; all numeric ones if none are named.
        dims: {new name: name in the file} of dimensions.
        join: dimension along which files continue each other, or a new one; found by their coordinates if not given.
        group: in NetCDF and HDF5 files.

    Raises:
        FileNotFoundError: nothing is there.
        DataError: files that cannot be read or do not fit together.
    """
    files: list[str] = []
    if isinstance(source, xr.Dataset | xr.DataArray) or _is_store(source):
        data, name = open_store(source), str(source) if isinstance(source, str | Path) else "xarray object"
    else:
        files = find_files(source)
        name = str(source) if isinstance(source, str | os.PathLike) else f"{files[0]}, ..."
        if len(files) == 1 and join is None:
            data = open_file(files[0], group)
        else:
            data, left_out = join_files(files, join=join, group=group)
            if left_out:
                log.info("files differ in %s: left out", ", ".join(left_out))
    if files and not data.data_vars and (groups := groups_in(files[0])):
        raise DataError(
            f"variables lie in one group of a file, got {name} with the groups {groups}; name one: group=..."
        )
    return Source(name=name, data=chosen(renamed(data, dims or {}), variables), files=tuple(files))


def groups_in(path: str) -> list[str]:
    """The groups of an HDF5 file that hold arrays; none for other files."""
    if not is_hdf5(path):
        return []
    found: set[str] = set()
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.add(os.path.dirname(name)) if isinstance(item, h5py.Dataset) else None)
    return sorted(found - {""})


def _is_store(source: Any) -> bool:
    is_path = isinstance(source, str | Path)
    return is_path and (zarr_folder(source) is not None or "://" in str(source) or str(source).endswith(".zarr"))


def find_files(source: Any) -> list[str]:
    """The files of a folder, a pattern, a list or a path, numbers in their names in the order of numbers.

    Raises:
        FileNotFoundError: there are none.
    """
    if not isinstance(source, str | os.PathLike):
        return [file for one in source for file in find_files(one)]
    text = os.fspath(source)
    if zarr_folder(text) is not None:
        raise DataError(f"a Zarr store is a source by itself, got {text} among other files; name it alone")
    if os.path.isdir(text):
        found = [entry.path for entry in os.scandir(text) if entry.name.lower().endswith(ALL_ENDINGS)]
        rule = f"a folder holds files that end in one of {', '.join(ALL_ENDINGS)}"
    elif glob.has_magic(text) and not os.path.exists(text):
        found, rule = glob.glob(text, recursive=True), "a pattern matches files"
    elif os.path.isfile(text):
        return [text]
    else:
        raise FileNotFoundError(f"data are read from files, got {text}, which is not there{near(text)}")
    if not found:
        raise FileNotFoundError(f"{rule}, got {text}, in which there is none; name the files")
    return sorted(found, key=natural)


def natural(name: str) -> list[Any]:
    """A key that puts run_9 before run_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def renamed(data: xr.Dataset, dims: Mapping[str, str]) -> xr.Dataset:
    """The dataset with dimensions {new: old} under new names."""
    for new, old in dims.items():
        if old not in data.dims:
            known = list(map(str, data.dims))
            raise DataError(
                f"dims maps a new name to a dimension of the data, got {new}={old!r}; they have {known}"
                f"{did_you_mean(old, known)}"
            )
    return rename_with_chunks(data, {old: new for new, old in dims.items() if old != new})


def chosen(data: xr.Dataset, variables: Sequence[str] | None) -> xr.Dataset:
    """The numeric variables, or those named; the cell areas of these become coordinates."""
    known = list(map(str, data.data_vars))
    for name in variables or ():
        if name not in known:
            raise DataError(
                f"variables are taken by name, got {name!r}, and the data have {known}{did_you_mean(name, known)}"
            )
    numeric = [name for name in known if data[name].dtype.kind in "fiubc"]
    left = [name for name in (variables or known) if name not in numeric]
    if left:
        log.warning("%s hold no numbers and are left out", ", ".join(left))
    kept = [name for name in (variables or known) if name in numeric]
    if not kept:
        raise DataError(f"data hold numeric variables, got {known or 'none at all'}; name another file or group")
    measured = {word for name in kept for word in linked_areas(data[name]).split()}  # they are weighted by
    areas = [name for name in known if name in measured and name not in kept]
    return data.set_coords(areas).drop_vars([name for name in known if name not in (*kept, *areas)])


def linked_areas(variable: xr.DataArray) -> str:
    """The attribute `cell_measures`, which xarray may keep apart."""
    return str(variable.attrs.get("cell_measures", variable.encoding.get("cell_measures", "")))
