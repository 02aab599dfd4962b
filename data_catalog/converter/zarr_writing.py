"""Laying out a Zarr store: arrays without values, coordinates, attributes, and the record of how it was made."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
import zarr

from humboldt._version import __version__

from ..store import UNFINISHED
from .chunking import ArrayPlan
from .codecs import zarr_codecs
from .headers import linked

RECORD = "humboldt_conversion"


def lay_out(path: Any, data: xr.Dataset, plans: Sequence[ArrayPlan], codecs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write coordinates, attributes and empty arrays to a new store, which says that it is not finished.

    path: what zarr opens.
    """
    group = zarr.create_group(path, zarr_format=3, attributes={**plain(data.attrs), UNFINISHED: True}, overwrite=True)
    for name, variable in data.coords.items():
        write_coordinate(group, str(name), variable.variable)
    for plan in plans:
        variable = data[plan.name]
        whole = plan.chunks == plan.shards or not plan.shape
        group.create_array(
            plan.name,
            shape=plan.shape,
            chunks=plan.chunks,
            shards=None if whole else plan.shards,
            dtype=plan.dtype,
            fill_value=np.nan if plan.dtype.kind in "fc" else 0,
            dimension_names=plan.dims,
            attributes={**plain({**variable.attrs, **linked(variable.encoding)}), **coordinates(data, plan)},
            compressors=zarr_codecs(codecs[plan.name]["codec"], plan.dtype.itemsize) or None,
        )


def coordinates(data: xr.Dataset, plan: ArrayPlan) -> dict[str, str]:
    """CF attribute `coordinates`: the names of those that are no dimensions."""
    linking = set(linked(data[plan.name].encoding).values())
    names = [str(n) for n, c in data.coords.items() if n not in c.dims and {*map(str, c.dims)} <= {*plan.dims}]
    names = [name for name in names if name not in linking]
    return {"coordinates": " ".join(names)} if names else {}


def write_coordinate(group: zarr.Group, name: str, variable: xr.Variable) -> None:
    """A coordinate as a small array of one chunk; dates as numbers, texts as texts."""
    encoded = xr.conventions.encode_cf_variable(variable, name=name)
    attributes = plain({**encoded.attrs, **linked(variable.encoding)})
    attributes.pop("_FillValue", None)  # what is missing is NaN already
    values = np.asarray(encoded.values)
    if values.dtype.kind in "OSU":
        values = values.astype(np.dtypes.StringDType())
    array = group.create_array(
        name, shape=values.shape, chunks=tuple(max(1, n) for n in values.shape), dtype=values.dtype,
        dimension_names=tuple(map(str, variable.dims)), attributes=attributes,
    )  # fmt: skip
    if math.prod(values.shape):
        array[...] = values


def plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON can hold them."""
    return {str(key): _plain(value) for key, value in attributes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def finish(path: Any, data: xr.Dataset, record: Mapping[str, Any]) -> None:
    """Say in the store how it was made, and that it is whole: one write, the last."""
    with warnings.catch_warnings():  # "not part of the Zarr format 3 specification": true, but xarray looks for it
        warnings.simplefilter("ignore")
        group = zarr.consolidate_metadata(path)
    attributes = {"Conventions": "CF-1.11", **plain(data.attrs)}
    record = {**record, "software": f"humboldt {__version__}", "checked": "every shard was read back"}
    group.attrs.put({**attributes, RECORD: record})
