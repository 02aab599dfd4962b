"""The command that writes data anew for the way in which they are read, as it can be pasted."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .ranges import HDF5_ENDINGS

log = logging.getLogger(__name__)


def convert_line(source: str, window: Mapping[str, int] | None = None, group: str = "") -> str:
    """The command that writes a source anew; for reading windows of it, such as `{"time": 1}`, if they are named."""
    words = ["humboldt", "convert", source, f"{Path(source.rstrip('/')).stem}.rechunked.zarr"]
    words += ["--group", group] if group else []
    if window:
        words += ["--window", f"{{{', '.join(f'{dim}: {size}' for dim, size in window.items())}}}"]
    return shlex.join(words)


def place_of(path: str, variable: str | Sequence[str] | None) -> tuple[str, str]:
    """The store and the group in it that hold a variable: groups of Zarr are stores of their own, those of HDF5 not."""
    folder = variable.rpartition("/")[0] if isinstance(variable, str) else ""
    if path.lower().endswith(HDF5_ENDINGS):
        return path, folder
    if variable is None and not path.lower().rstrip("/").endswith(".zarr"):  # an array itself
        return path.rstrip("/").rpartition("/")[0] or ".", ""
    return "/".join(filter(None, (path.rstrip("/"), folder))), ""


def window_in_file(
    source: str, window: Mapping[str, int], *, group: str = "", variable: str = "", dims: Sequence[str] = ()
) -> dict[str, int]:
    """A window under the names that dimensions have where `humboldt convert` opens the data, as far as they are found.

    Args:
        source, group: of the data. window: {dimension: length} under the names of the caller.
        variable, dims: an array, and the names of its axes with the caller: its axes have the same order in the file.
            Without them dimensions are found by the part that they play (`sample`, `time`).
    """
    from ..catalog.axes import kind_of_axis
    from ..converter.any_source import open_source

    try:
        data = open_source(source, group=group or None).data
    except Exception as error:  # the line is advice: what cannot be opened here is said where it is opened
        log.debug("the names of dimensions in %s are not known (%s)", source, error)
        return dict(window)
    array: Any = data.get(variable)
    if array is not None and array.ndim == len(dims):
        names = dict(zip(dims, map(str, array.dims), strict=True))
    else:
        kinds = {kind_of_axis(data, str(dim)): str(dim) for dim in reversed(list(data.dims))}
        names = {dim: kinds.get(dim, dim) for dim in window if dim not in data.dims}
    return {names.get(dim, dim): size for dim, size in window.items()}
