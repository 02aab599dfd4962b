"""What a store is made from and how: kept with it, and compared before a conversion goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dask

from ..store import zarr_folder
from .any_source import Source
from .chunking import ArrayPlan


def describe(source: Source, plans: Sequence[ArrayPlan], options: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the store depends on, JSON-ready."""
    arrays = {
        p.name: {"shape": list(p.shape), "dtype": str(p.dtype), "chunks": list(p.chunks), "shards": list(p.shards)}
        for p in plans
    }
    if source.files:
        files = {name: [os.stat(path).st_size, os.stat(path).st_mtime_ns] for name, path in named(source.files).items()}
    elif zarr_folder(source.name):
        files = {Path(source.name).name: [0, os.stat(source.name).st_mtime_ns]}
    else:
        files = {f"xarray object {dask.base.tokenize(source.data)}": [source.data.nbytes, 0]}
    return {"arrays": arrays, "sources": files, **options}


def named(files: Sequence[str]) -> dict[str, str]:
    """{name: path} of files, without the folder that they share."""
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in files])
    return {os.path.relpath(os.path.abspath(path), folder): path for path in files}


def comparable(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan without the times of change of the files, which copies of the same data do not share."""
    return {**plan, "sources": {name: size for name, (size, _) in plan["sources"].items()}}


def newest(plan: Mapping[str, Any]) -> int:
    """When the file of a plan that was changed last was changed, as it stood when the plan was made [ns since 1970]."""
    return max((changed for _, changed in plan["sources"].values()), default=0)
