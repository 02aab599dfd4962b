"""What is in a file, store, table or folder, as one lazy dataset, whatever the format."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import xarray as xr

from ..errors import DataError
from ..store import OTHER_FORMATS, PLAIN_HDF5, open_store

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
FILES = (".nc", ".nc4", ".cdf", ".netcdf", *PLAIN_HDF5, *OTHER_FORMATS)
STORES = (*FILES, ".zarr")

log = logging.getLogger(__name__)


def open_contents(path: str | Path) -> xr.Dataset:
    """The variables of a file that `open_source` reads, a Zarr store, table, NumPy archive or folder of these, with
    times left as numbers.

    A column of a table is a variable along `row`. Files of a folder are joined as `open_source` does:
    runs become samples, years one axis. Other equal names in a folder keep the first.

    Raises:
        DataError: it cannot be read.
        FileNotFoundError: it is not there.
    """
    name = str(path).rstrip("/")
    if name.endswith(TABLES):
        return _table(Path(name))
    if name.endswith(".npz"):
        return _archive(Path(name))
    if Path(name).is_dir() and not name.endswith(".zarr") and not (Path(name) / "zarr.json").exists():
        return _folder(Path(name))
    return open_store(path)


def _table(path: Path) -> xr.Dataset:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, sep="\t" if ".tsv" in path.name else ",")
    except (ValueError, OSError, ImportError) as error:
        raise DataError(f"a table is CSV, TSV or Parquet, got {path}, which cannot be read ({error})") from error
    return xr.Dataset({str(name): ("row", np.asarray(frame[name])) for name in frame.columns})


def _archive(path: Path) -> xr.Dataset:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (ValueError, OSError) as error:
        raise DataError(f"an archive of arrays is .npz, got {path}, which cannot be read ({error})") from error
    dims = {name: [f"{name}_{axis}" for axis in range(values.ndim)] for name, values in found.items()}
    return xr.Dataset({name: (dims[name], values) for name, values in found.items()})


def _folder(path: Path) -> xr.Dataset:
    readable = [p for p in sorted(path.rglob("*")) if p.name.endswith((*TABLES, *STORES, ".npz")) and p.name[0] != "."]
    inside = [p for p in readable if not any(parent.suffix == ".zarr" for parent in p.relative_to(path).parents)]
    if not inside:
        raise DataError(f"a folder holds files of {', '.join((*TABLES, *STORES))}, got {path} without any")
    gridded = [p for p in inside if p.name.endswith(FILES)]
    joined = _joined(path, gridded)
    parts = [("", joined)] if joined is not None else []
    parts += [(p.stem, open_contents(p)) for p in inside if joined is None or p not in gridded]
    found: dict[str, xr.Variable] = {}
    attributes: dict[str, object] = {}
    for stem, data in parts:
        attributes |= data.attrs
        for name, variable in data.variables.items():
            dims = [f"{stem}_row" if dim == "row" else str(dim) for dim in variable.dims]
            found.setdefault(str(name), xr.Variable(dims, variable._data, variable.attrs))
    return xr.Dataset(found, attrs=attributes)


def _joined(folder: Path, files: list[Path]) -> xr.Dataset | None:
    """Files that continue each other, or are runs of one kind, as one dataset; None where there are none such."""
    from ..converter.any_source import natural, open_source

    if len(files) < 2:
        return None
    try:
        return open_source(sorted(map(str, files), key=natural)).data
    except DataError as error:
        log.warning("files of %s are not joined, and of equal names the first is described: %s", folder, error)
        return None
