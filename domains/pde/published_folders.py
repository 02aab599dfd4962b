"""Published collections in several files: a folder of The Well or of PDEBench as one dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, joined_variable

ENDINGS = (".h5", ".hdf5", ".hdf")
PARTS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
"""Folders of The Well, and what their files are for."""


def read_folder(folder: Path, read: Callable[[Path], xr.Dataset | None]) -> xr.Dataset | None:
    """The files of a folder, and of folders in it, one after the other along `sample`; None if `read` knows none.

    What does not vary in a file and differs between files is repeated for its samples. Files in folders called `train`,
    `valid` and `test` are the parts of the split.

    Raises:
        DataError: some of the files are of another kind, or they do not fit together.
    """
    paths = sorted((p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file()), key=natural)
    found = [(path, read(path)) for path in paths]
    known = [(path, data) for path, data in found if data is not None]
    if not known:
        return None
    if odd := [path for path, data in found if data is None]:
        raise DataError(f"a folder holds files of one collection, got {odd[0]} beside {known[0][0]}; open one file")
    parts = {data_part(path, folder) for path, _ in known}
    data = joined([path for path, _ in known], [data for _, data in known])
    if None not in parts and len(parts) > 1:
        data.attrs["split"] = numbers([data_part(p, folder) for p, _ in known], [d.sizes["sample"] for _, d in known])
    return data


def natural(path: Path) -> list[Any]:
    """A key that puts file_9 before file_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


def data_part(path: Path, folder: Path) -> str | None:
    """The part that the folders of a file name."""
    return next((PARTS[p] for p in path.relative_to(folder).parts[:-1] if p in PARTS), None)


def numbers(parts: Sequence[str | None], sizes: Sequence[int]) -> dict[str, list[int]]:
    """The samples of each part, for files of these parts and sizes in order."""
    found: dict[str, list[int]] = {}
    for part, size, last in zip(parts, sizes, np.cumsum(sizes).tolist(), strict=True):
        found.setdefault(str(part), []).extend(range(last - size, last))
    return found


def joined(paths: Sequence[Path], parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Datasets one after the other along `sample`.

    Raises:
        DataError: other variables, grids or times.
    """
    first = parts[0]
    for path, part in zip(paths, parts, strict=True):
        if set(part.data_vars) != set(first.data_vars) or not same_places(first, part):
            raise DataError(
                f"files of a collection share variables, grid and times, got {dict(part.sizes)} of {list(part)} in "
                f"{path} after {dict(first.sizes)} of {list(first)} in {paths[0]}; open them one by one"
            )
    fields: dict[str, xr.Variable] = {}
    for name in map(str, first.data_vars):
        variables = [part[name].variable for part in parts]
        if "sample" not in first[name].dims:
            values = [variable.values for variable in variables]
            if all(np.array_equal(values[0], other) for other in values[1:]):
                fields[name] = variables[0]
                continue
            variables = [
                xr.Variable(("sample", *v.dims), np.repeat(v.values[None], part.sizes["sample"], axis=0), v.attrs)
                for v, part in zip(variables, parts, strict=True)
            ]
        fields[name] = joined_variable(variables, "sample")
        fields[name].encoding.pop("hdf5", None)  # it lies in several files
    return xr.Dataset(fields, first.coords, first.attrs)


def same_places(one: xr.Dataset, other: xr.Dataset) -> bool:
    """Whether two datasets share all dimensions but `sample`, and their coordinates."""
    sizes = [{d: n for d, n in data.sizes.items() if d != "sample"} for data in (one, other)]
    return sizes[0] == sizes[1] and all(np.array_equal(one[n].values, other[n].values) for n in one.coords)
