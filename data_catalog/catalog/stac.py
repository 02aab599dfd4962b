"""An entry as a STAC collection: where and when on Earth, what variables, which files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ..errors import DataError
from .calendar import CALENDARS, day_number
from .entry import Entry, Grid
from .sources import Files, Remote, ZarrStore

DATACUBE = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json"
SCIENTIFIC = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
STATISTICS = {"min": "minimum", "max": "maximum", "mean": "mean", "std": "stddev", "n": "count"}
EARTHLY = ("regular_latlon", "gaussian", "healpix", "points")
AXES = {"longitude": "x", "lon": "x", "x": "x", "latitude": "y", "lat": "y", "y": "y"}


def stac(entry: Entry) -> str:
    """The JSON of a STAC 1.1 collection, with the datacube, scientific and file extensions.

    Raises:
        DataError: the data lie nowhere on Earth.
        ImportError: `pystac` is not installed; names the extra.
    """
    if entry.grid is None or entry.grid.type not in EARTHLY:
        kind = entry.grid.type if entry.grid else "no grid"
        raise DataError(f"STAC describes places on Earth, got {entry.id} with {kind}; export it as croissant")
    try:
        import pystac
    except ImportError as error:
        raise ImportError('STAC needs pystac: pip install "humboldt[catalog]"') from error
    collection = pystac.Collection(
        id=entry.id,
        title=entry.title,
        description=entry.description or entry.title,
        license=entry.licence if entry.licence and " " not in entry.licence and "Ref" not in entry.licence else "other",
        keywords=[entry.domain, *entry.keywords],
        extent=pystac.Extent(pystac.SpatialExtent([bounds(entry.grid)]), pystac.TemporalExtent([interval(entry)])),
        extra_fields={"version": entry.version, **_cube(entry), **_citation(entry)},
        stac_extensions=[DATACUBE, SCIENTIFIC, FILE],
    )
    for name, asset in _assets(entry).items():
        collection.add_asset(name, pystac.Asset(**asset))
    collection.set_self_href(f"{entry.id}.json")
    return json.dumps(collection.to_dict(include_self_link=False), indent=1, ensure_ascii=False)


def bounds(grid: Grid) -> list[float]:
    """West, south, east, north in degrees, longitudes from -180 to 180; the globe where the grid does not say it."""
    box = {"x": (-180.0, 180.0), "y": (-90.0, 90.0)}
    for name, (first, last) in grid.extent.items():
        if name.lower() in AXES:
            box[AXES[name.lower()]] = (min(first, last), max(first, last))
    west, east = box["x"]
    if any(AXES.get(name.lower()) == "x" for name in grid.periodic):
        west, east = -180.0, 180.0
    elif east > 180:  # a part of the globe on 0 to 360
        west, east = (west - 360 if west > 180 else west), east - 360
    return [west, box["y"][0], east, box["y"][1]]


def interval(entry: Entry) -> list[datetime | None]:
    """First and last date of the parts, where they are dates of the civil calendar; open where not."""
    splits = entry.splits
    if splits is None or splits.along != entry.dims.time or CALENDARS.get(entry.calendar or "") != "gregorian":
        return [None, None]
    days = [
        day_number(str(label), str(entry.calendar), end=is_end)
        for part in splits.parts.values()
        for label, is_end in ((part.first, False), (part.last, True))
        if label is not None
    ]
    return [_civil(min(days)), _civil(max(days))] if days else [None, None]


def _civil(day: float) -> datetime:
    """The instant of a day number of the civil calendar."""
    shift = day_number("1970-01-01", "standard")
    return datetime.fromtimestamp((day - shift) * 86400, tz=UTC)


def _cube(entry: Entry) -> dict[str, Any]:
    dims: dict[str, Any] = {}
    for name in entry.dims.space:
        extent = entry.grid.extent.get(name) if entry.grid else None
        axis = AXES.get(name.lower(), "x")
        world = [-180.0, 180.0] if axis == "x" else [-90.0, 90.0]
        dims[name] = {"type": "spatial", "axis": axis, "extent": sorted(extent) if extent else world}
    if entry.dims.time:
        ends = [None if end is None else end.isoformat().replace("+00:00", "Z") for end in interval(entry)]
        dims[entry.dims.time] = {"type": "temporal", "extent": ends}
    for name, levels in entry.levels.items():
        dims[name] = {"type": "other", "values": list(levels.values), "unit": levels.units}
    variables = {
        name: {
            "dimensions": [d for d in (entry.dims.time, v.levels, *entry.dims.space) if d],
            "type": "auxiliary" if v.role in ("label", "coordinate") else "data",
            **({"unit": v.units} if v.units else {}),
            **({"description": v.long_name} if v.long_name else {}),
        }
        for name, v in entry.variables.items()
    }
    return {"cube:dimensions": dims, "cube:variables": variables}


def _bands(entry: Entry) -> list[dict[str, Any]]:
    """The variables as STAC 1.1 lists them: names, units and, where they are known, moments of their values."""
    known = entry.statistics.variables if entry.statistics else {}
    found = []
    for name, variable in entry.variables.items():
        numbers = known[name].model_dump(exclude_none=True) if name in known else {}
        scalars = {word: number for word, number in numbers.items() if isinstance(number, int | float)}
        values = {STATISTICS[word]: number for word, number in scalars.items() if word in STATISTICS}
        described = {"unit": variable.units, "description": variable.long_name, "statistics": values}
        found.append({"name": name, **{word: value for word, value in described.items() if value}})
    return found


def _citation(entry: Entry) -> dict[str, str]:
    citation = {"sci:citation": entry.citation.text}
    return citation | ({"sci:doi": entry.citation.doi} if entry.citation.doi else {})


def _assets(entry: Entry) -> dict[str, dict[str, Any]]:
    """What has an address; a SHA-256 is written as the multihash that the file extension wants."""
    source = entry.source
    if isinstance(source, Remote):
        return {"data": {"href": source.url, "roles": ["data"], "extra_fields": {"bands": _bands(entry)}}}
    if isinstance(source, ZarrStore) and source.url:
        zarr = {"media_type": "application/vnd+zarr", "roles": ["data"], "extra_fields": {"bands": _bands(entry)}}
        return {"data": {"href": source.url, **zarr}}
    listed = source.files if isinstance(source, Files) else ()
    found = {}
    for file in listed:
        if file.url:
            extra = {"file:size": file.bytes, "file:checksum": f"1220{file.sha256}" if file.sha256 else None}
            known = {key: value for key, value in extra.items() if value is not None}
            found[file.path] = {"href": file.url, "roles": ["data"], "extra_fields": known}
    return found
