"""What tells data apart without reading all of them: files by size and last change, memory by its values."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .converter.formats import ALL_ENDINGS


def files_fingerprint(source: str | os.PathLike[str]) -> str:
    """Hash of the names, sizes and last changes of all files at a path, or of those that fit a pattern.

    Cheap to ask, and another one when any file was written: no chunk is read, none is passed over. A copy that keeps
    the times of its files has the same.

    Raises:
        FileNotFoundError: nothing is there.
    """
    return hashlib.sha256("".join(_lines(os.fspath(source))).encode()).hexdigest()


def source_fingerprint(source: Any) -> str:
    """Hash of whatever a prediction is made of: paths and patterns (see `files_fingerprint`), xarray objects, tables,
    arrays, lists, mappings and dataclasses of them, plain values. A word in a list is a pattern only if it ends as the
    name of a data file does (`*.nc`).

    Of an xarray object that was opened lazily from one file, the file is asked, and the first and the last place of
    each variable are read: selections are told apart that begin or end elsewhere, or whose coordinates say so. All
    that lies in memory, or comes from several files at once, is read.
    """
    found = hashlib.sha256()
    _add(found, source)
    return found.hexdigest()


def _lines(source: str) -> list[str]:
    roots = [source] if os.path.exists(source) else sorted(glob.glob(source))
    if not roots:
        raise FileNotFoundError(f"data are told apart by their files, but there are none at {source}; check the path")
    found = []
    for root in roots:
        inside = (Path(at, name) for at, _, names in os.walk(root) for name in names)
        for path in [Path(root)] if os.path.isfile(root) else sorted(inside):
            about, name = path.stat(), path.relative_to(root if len(roots) == 1 else Path(root).parent)
            found.append(f"{name} {about.st_size} {about.st_mtime_ns}\n")
    return found


def _add(found: Any, source: Any) -> None:
    if hasattr(source, "dims") and hasattr(source, "encoding"):
        _add_labelled(found, source if hasattr(source, "data_vars") else source.to_dataset(name=source.name or "field"))
    elif hasattr(source, "columns") and hasattr(source, "iloc"):
        import pandas as pd

        found.update(repr(list(source.columns)).encode() + pd.util.hash_pandas_object(source).to_numpy().tobytes())
    elif hasattr(source, "__array__"):
        values = np.asarray(source.detach().cpu() if hasattr(source, "detach") else source)
        found.update(f"{values.shape} {values.dtype} ".encode() + _bytes(values))
    elif isinstance(source, Mapping):
        found.update(f"{len(source)} keys ".encode())
        for key in sorted(source, key=str):
            found.update(f"{key!r}: ".encode())
            _add(found, source[key])
    elif dataclasses.is_dataclass(source):
        _add(found, {field.name: getattr(source, field.name) for field in dataclasses.fields(source)})
    elif isinstance(source, list | tuple):
        words = [one if isinstance(one, str) else None for one in source]
        found.update(f"{len(words)} values {words!r}".encode())
        for one in source:
            if not isinstance(one, str):
                _add(found, one)
            elif os.path.exists(one) or (glob.has_magic(one) and one.lower().endswith(ALL_ENDINGS)):
                found.update(files_fingerprint(one).encode())
    else:
        word = os.fspath(source) if isinstance(source, os.PathLike) else source
        found.update(f"{word!r};".encode())
        if isinstance(word, str) and (os.path.exists(word) or glob.glob(word)):
            found.update(files_fingerprint(word).encode())


def _bytes(values: np.ndarray) -> bytes:
    return repr(values.tolist()).encode() if values.dtype.kind == "O" else np.ascontiguousarray(values).tobytes()


def _add_labelled(found: Any, data: Any) -> None:
    files = {data.encoding.get("source")}
    for name, variable in sorted(data.variables.items(), key=lambda item: str(item[0])):
        found.update(
            f"{name} {variable.dims} {variable.shape} {variable.dtype} {variable.attrs.get('units')} ".encode()
        )
        here = variable.encoding.get("source", data.encoding.get("source"))
        pieces: Any = [variable]
        if variable.ndim and name not in data.coords and not variable._in_memory:
            files.add(here)
            starts = [0, len(variable) - 1] if here is not None and _of_one_file(variable) else range(len(variable))
            pieces = (variable[start : start + 1] for start in starts)
        for piece in pieces:
            found.update(_bytes(piece.values))
    for source in sorted(path for path in files if path is not None and os.path.exists(path)):
        found.update(files_fingerprint(source).encode())


def _of_one_file(variable: Any) -> bool:
    """Whether a lazy variable comes from one array; of several that dask put together xarray names the first file."""
    if variable.chunks is None:
        return True
    return sum(not before for before in variable.data.__dask_graph__().dependencies.values()) == 1
