"""Open data as a dataset of a science."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .registry import domain as science

TABLES = (".csv", ".tsv", ".parquet", ".smi", ".sdf", ".gpkg", ".geojson", ".shp", ".tif")


def open(
    source: Any, *, domain: str | None = None, split: str | Mapping[str, Any] | None = None, **choices: Any
) -> Any:
    """A dataset of a domain.

    Args:
        source: a path, an xarray object, a name of the catalog (`pde.burgers2d`, fetched or generated if it is not
            here), or whatever else the domain's `open` takes.
        domain: name of the domain; for a name of the catalog the domain of that entry, else `pde`.
        split: only the part called `train`, `validation` or `test`; or how the parts are made, such as
            {"train": 4, "test": 6}. For a name of the catalog the parts are those of its entry.
        choices: what the domain's `open` takes beside the source, such as `periodic=True`.

    Raises:
        ValueError: an unknown domain, a table without one, or data that break a rule of it.
        FileNotFoundError: there is no such file.
    """
    from .cataloguing import from_catalog, is_catalog_name, parts_of

    if not is_catalog_name(source):
        kind = next((k for k in TABLES if domain is None and str(source).removesuffix(".gz").endswith(k)), None)
        if kind:
            raise ValueError(
                f"{kind} files are opened for a domain, got none for {source}; add domain='graphs' for molecules and "
                "graphs, domain='biodiversity' for species"
            )
        return science(domain or "pde").open(source, split=split, **choices)
    entry, place = from_catalog(source)
    if domain not in (None, entry.domain):
        raise ValueError(f"{source} belongs to the domain {entry.domain!r}, got domain={domain!r}; leave it out")
    parts = parts_of(entry) if split is None or isinstance(split, str) else split
    data = science(entry.domain).open(place, split=parts, **{**entry.opening, **choices})
    return data.split(split) if isinstance(split, str) else data
