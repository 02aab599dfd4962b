"""Open data as a dataset of a science."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from humboldt.data_catalog import DataError

from .batch import staged
from .batch.staging import PLACE
from .registry import domain as science

log = logging.getLogger(__name__)

TABLES = (".csv", ".tsv", ".parquet", ".smi", ".sdf", ".gpkg", ".geojson", ".shp", ".tif")


def open(
    source: Any,
    *,
    domain: str | None = None,
    split: str | Mapping[str, Any] | None = None,
    curated: Any = None,
    **choices: Any,
) -> Any:
    """A dataset of a domain.

    Args:
        source: a path, an xarray object, a name of the catalog (`pde.burgers2d`, fetched or generated if it is not
            here, and read from a copy on the node's own disk where `HUMBOLDT_STAGE` names one), or whatever else the
            domain's `open` takes.
        domain: name of the domain; for a name of the catalog the domain of that entry, else `pde`.
        split: only the part called `train`, `validation` or `test`; or how the parts are made, such as
            {"train": 4, "test": 6}. For a name of the catalog the parts are those of its entry, if all of it is here.
        curated: learn from the units that a list of `humboldt.curating.curate` keeps: its file, or the list. The other
            parts stay as they are.
        choices: what the domain's `open` takes beside the source, such as `periodic=True`.

    Raises:
        ValueError: an unknown domain, a table without one, data that break a rule of it, or that a list of kept samples
            is not of.
        FileNotFoundError: there is no such file.
    """
    if curated is None:
        return _opened(source, domain, split, choices)
    from .manifest import Manifest, read_manifest
    from .view import Chosen

    kept = curated if isinstance(curated, Manifest) else read_manifest(curated)
    whole = _opened(source, domain, None if isinstance(split, str) else split, choices)
    kept.of(whole.split("train"))  # other data are refused at the door
    return Chosen(whole, kept).split(split) if isinstance(split, str) else Chosen(whole, kept)


def _opened(source: Any, domain: str | None, split: str | Mapping[str, Any] | None, choices: Mapping[str, Any]) -> Any:
    from .cataloguing import from_catalog, is_catalog_name, parts_of

    if not is_catalog_name(source):
        name = str(source).removesuffix(".gz") if isinstance(source, str | os.PathLike) else ""
        if domain is None and (kind := next(filter(name.endswith, TABLES), None)):
            raise ValueError(
                f"{kind} files are opened for a domain, got none for {source}; add domain='graphs' for molecules and "
                "graphs, domain='biodiversity' for species and counts"
            )
        return science(domain or "pde").open(source, split=split, **choices)
    entry, place = from_catalog(source)
    if os.environ.get(PLACE) and Path(place).exists():
        place = staged(place)
    if domain not in (None, entry.domain):
        raise ValueError(f"{source} belongs to the domain {entry.domain!r}, got domain={domain!r}; leave it out")
    parts = parts_of(entry) if split is None or isinstance(split, str) else split
    choices = {**entry.opening, **choices}
    try:
        data = science(entry.domain).open(place, split=parts, **choices)
    except DataError as error:
        if parts is None or parts is split:
            raise
        data = science(entry.domain).open(place, split=None, **choices)
        log.warning("%s: what is here is not all of it; its parts are not the published ones: %s", source, error)
    return data.split(split) if isinstance(split, str) else data
