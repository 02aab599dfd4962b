"""An entry as Croissant JSON-LD: what the files are, and tables of the variables and parts.

Croissant says nothing yet about the arrays in Zarr or NetCDF, so that the records are those of the entry itself.
"""

from __future__ import annotations

import json
from typing import Any

from .entry import Entry
from .sources import Files, Generated, Remote, ZarrStore

UNSIZED = "How large it is is not published."
FORMATS = {
    ".nc": "application/x-netcdf", ".zip": "application/zip", ".csv": "text/csv", ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5", ".tif": "image/tiff", ".parquet": "application/x-parquet", ".npz": "application/zip",
    ".gz": "application/gzip", ".zarr": "application/vnd+zarr",
}  # fmt: skip


def croissant(entry: Entry) -> str:
    """The JSON-LD of an entry, in the vocabulary of Croissant 1.0.

    Raises:
        ImportError: `mlcroissant` is not installed; names the extra.
    """
    try:
        import mlcroissant as mlc
    except ImportError as error:
        raise ImportError('Croissant needs mlcroissant: pip install "humboldt[catalog]"') from error
    licence = (
        f"https://spdx.org/licenses/{entry.licence}.html"
        if entry.licence and " " not in entry.licence
        else entry.licence
    )
    metadata = mlc.Metadata(
        name=entry.id.replace(".", "-"),
        description=f"{entry.title}. {entry.description} Redistribution: {entry.redistribution}.",
        license=[licence] if licence else None,
        url=_url(entry),
        version=entry.version,
        cite_as=entry.citation.text + (f" doi:{entry.citation.doi}" if entry.citation.doi else ""),
        keywords=[entry.domain, *entry.keywords],
        distribution=[mlc.FileObject(**file) for file in _files(entry)],
        record_sets=[_records(mlc, name, rows) for name, rows in _tables(entry).items() if rows],
    )
    return json.dumps(metadata.to_json(), indent=1, ensure_ascii=False, default=str)


def _url(entry: Entry) -> str:
    if entry.citation.doi:
        return f"https://doi.org/{entry.citation.doi}"
    return entry.citation.url or f"https://humboldt.readthedocs.io/catalog.html#{entry.id.replace('.', '-')}"


def _files(entry: Entry) -> list[dict[str, Any]]:
    """What can be fetched; a file without a checksum says so, since Croissant wants one of every file."""
    source = entry.source
    if isinstance(source, Files):
        listed = [(f.path, f.url, f.bytes, dict([f.checksum]) if f.checksum else {}) for f in source.files if f.url]
    elif isinstance(source, Remote):
        listed = [(source.url.rpartition("/")[2] or "store", source.url, None, {})]
    elif isinstance(source, ZarrStore) and source.url:
        listed = [
            (
                source.path,
                source.url,
                source.bytes,
                {"sha256": source.manifest_sha256} if source.manifest_sha256 else {},
            )
        ]
    else:
        listed = []
    return [
        {
            "id": path,
            "name": path,
            "content_url": url,
            "content_size": f"{size} B" if size is not None else None,
            "description": UNSIZED if size is None else None,
            "encoding_formats": [_format(path)],
            **(digest or {"sha256": "unknown: the publisher gives no checksum"}),
        }
        for path, url, size, digest in listed
    ]


def _format(path: str) -> str:
    return next((kind for suffix, kind in FORMATS.items() if path.endswith(suffix)), "application/octet-stream")


def _tables(entry: Entry) -> dict[str, list[dict[str, str]]]:
    variables = [
        {
            "name": name,
            "units": variable.units or "unknown",
            "standard_name": variable.standard_name or "",
            "role": variable.role,
            "levels": " ".join(f"{v:g}" for v in entry.levels[variable.levels].values) if variable.levels else "",
        }
        for name, variable in entry.variables.items()
    ]
    splits = entry.splits.parts if entry.splits else {}
    parts = [{"name": name, "labels": part.describe()} for name, part in splits.items()]
    made = entry.source if isinstance(entry.source, Generated) else None
    recipe = (
        [{"problem": made.problem, "seed": str(made.seed), "parameters": json.dumps(made.parameters)}] if made else []
    )
    return {"variables": variables, "splits": parts, "recipe": recipe}


def _records(mlc: Any, name: str, rows: list[dict[str, str]]) -> Any:
    fields = [mlc.Field(id=f"{name}/{column}", name=column, data_types=mlc.DataType.TEXT) for column in rows[0]]
    data = [{f"{name}/{column}": value for column, value in row.items()} for row in rows]
    return mlc.RecordSet(id=name, name=name, fields=fields, data=data)
