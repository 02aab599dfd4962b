"""Which places of the data statistics are over: the training part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..converter.calendars import calendar_of, is_dated
from ..converter.joining import SAMPLES
from ..errors import DataError
from ..splits import split_units


def training_part(data: xr.Dataset, train: Any) -> dict[str, np.ndarray]:
    """{dimension: whether each place along it is trained on}.

    Raises:
        DataError: it is not known, names nothing that is there, or is empty.
    """
    if train == "all":
        return {}
    if train is None:
        samples = [str(d) for d in data.dims if str(d).lower() in SAMPLES]
        if not samples:
            raise DataError(
                f"statistics are over the training part, which data with {list(data.dims)} do not name; "
                "say train={'time': ['1979', '2015']}, or train='all'"
            )
        train = {samples[0]: len(split_units(data.sizes[samples[0]]).train)}
    found = {}
    for dim, part in train.items():
        if dim not in data.dims:
            raise DataError(f"a training part names dimensions of the data, got {dim!r}; they have {list(data.dims)}")
        mask = np.zeros(data.sizes[dim], bool)
        mask[_places(data, dim, part)] = True
        if not mask.any():
            raise DataError(f"a training part holds something, got {dim}={part}, which is empty; correct it")
        found[dim] = mask
    return found


def _places(data: xr.Dataset, dim: str, part: Any) -> Any:
    if isinstance(part, float):
        return slice(len(split_units(data.sizes[dim], {"train": part}).train))
    return part if isinstance(part, slice) else slice(part) if isinstance(part, int) else labelled(data, dim, part)


def is_decoded(axis: xr.DataArray) -> bool:
    """Whether values are dates already, of numpy or cftime, as in an object that xarray has decoded."""
    import cftime

    return axis.dtype.kind == "M" or (axis.dtype.kind == "O" and isinstance(axis.values.flat[0], cftime.datetime))


def labelled(data: xr.Dataset, dim: str, ends: Sequence[Any]) -> np.ndarray:
    """Places between two labels along a dimension, both included; dates as texts."""
    axis = data[dim] if dim in data.coords else xr.DataArray(np.arange(data.sizes[dim]), dims=dim)
    if isinstance(ends, str) or len(ends) != 2:
        raise DataError(f"a training part goes from a first to a last label, got {dim}={ends!r}; say [first, last]")
    first, last = ends
    dates = axis.values if is_decoded(axis) else None
    if is_dated(axis):
        calendar_of(axis)
        coder = xr.coders.CFDatetimeCoder(use_cftime=True)
        dates = xr.decode_cf(xr.Dataset(coords={dim: axis.variable}), decode_times=coder)[dim].values
    if dates is not None:
        order = np.argsort(dates, kind="stable")  # times may fall
        places = xr.DataArray(order, {dim: dates[order]}, (dim,))
        try:
            return places.sel({dim: slice(str(first), str(last))}).values
        except ValueError as error:
            raise DataError(
                f"dates are written YYYY, YYYY-MM or YYYY-MM-DD, got {dim}=[{first}, {last}] ({error}); correct them"
            ) from error
    return np.flatnonzero((axis.values >= first) & (axis.values <= last))
