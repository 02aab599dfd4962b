"""Files of records as tables: text of any delimiter and encoding, GBIF downloads, Parquet, layers of points."""

from __future__ import annotations

import gzip
import logging
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from humboldt.data_catalog import DataError, did_you_mean

log = logging.getLogger(__name__)

HEAD = 2**16  # bytes from which delimiter, encoding and decimal sign are told
DELIMITERS = ("\t", ";", ",", "|")
BESIDE = ("verbatim", "multimedia", "citation", "rights", "readme", "meta")  # text files of a download without records
ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".zip", ".parquet", ".pq", ".gpkg", ".shp", ".geojson")
Opener = Callable[[], BinaryIO]


def read_records(path: Path) -> pd.DataFrame:
    """The table of a file, with the columns and, of a layer of points, the geometry that it has.

    Raises:
        DataError: an unknown kind of file, or a download without records.
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise FileNotFoundError(f"records are read from a file, got {path}, which is not there{near}")
    kind = path.suffix.lower()
    if kind in (".parquet", ".pq"):
        return _parquet(path)
    if kind in (".gpkg", ".shp", ".geojson"):
        return geopandas().read_file(path)
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:
            name = _of_records(archive.namelist())
            return _text(lambda: archive.open(name), name)  # type: ignore[arg-type, return-value]
    if kind == ".gz":
        return _text(lambda: gzip.open(path, "rb"), path.name)  # type: ignore[arg-type, return-value]
    if kind in (".csv", ".txt", ".tsv"):
        return _text(lambda: path.open("rb"), path.name)
    raise DataError(f"records are read from csv, txt, tsv, zip, parquet, gpkg, shp or geojson, got {path.name}")


def _parquet(path: Path) -> pd.DataFrame:
    """A table, or a layer of points (GeoParquet)."""
    try:
        from pyarrow.parquet import read_schema
    except ImportError as error:
        raise ImportError('Parquet files need pyarrow: pip install "humboldt[geo]"') from error
    is_layer = b"geo" in (read_schema(path).metadata or {})
    return geopandas().read_parquet(path) if is_layer else pd.read_parquet(path)


def _of_records(names: list[str]) -> str:
    """The file of a download (or Darwin Core archive) that holds the records."""
    text = [n for n in names if n.lower().endswith((".csv", ".tsv", ".txt"))]
    text = [n for n in text if not Path(n).name.lower().startswith(BESIDE)]
    text.sort(key=lambda n: ("occurrence" not in Path(n).name.lower(), not n.lower().endswith((".csv", ".tsv"))))
    if not text:
        raise DataError(f"a GBIF download holds occurrence.txt or a csv file, got {names[:5]}")
    return text[0]


def _text(opened: Opener, name: str) -> pd.DataFrame:
    """A delimited table; what is not UTF-8 is taken as Windows-1252."""
    with opened() as file:
        head = file.read(HEAD)
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = head.decode(encoding, errors="ignore").splitlines() or [""]
    delimiter = max(DELIMITERS, key=lambda sign: _bare(lines[0]).count(sign))
    is_plain = delimiter == "\t" and '"' not in lines[0]  # GBIF does not quote: a quotation mark is a character
    cells = [cell for line in lines[1:50] for cell in line.split(delimiter)]
    commas, points = (sum(map(_is_fraction(sign), cells)) for sign in (",", "."))
    has_comma = delimiter != "," and commas > points
    choices: dict[str, Any] = {
        "sep": delimiter, "quoting": 3 if is_plain else 0, "decimal": "," if has_comma else ".", "low_memory": False,
    }  # fmt: skip
    try:
        with opened() as file:
            return pd.read_csv(file, encoding=encoding, **choices)
    except UnicodeDecodeError:
        log.warning("%s is no UTF-8; it is read as Windows-1252", name)
        with opened() as file:
            return pd.read_csv(file, encoding="cp1252", encoding_errors="replace", **choices)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"a table of records has a row of names, got the empty file {name}") from error


def _is_fraction(sign: str) -> Callable[[str], bool]:
    pattern = re.compile(rf'"?-?\d+{re.escape(sign)}\d+"?')
    return lambda cell: pattern.fullmatch(cell.strip()) is not None


def _bare(line: str) -> str:
    """A row without what stands in quotation marks."""
    return re.sub(r'"[^"]*"', "", line)


def geopandas() -> Any:
    """The package; its absence names the extra."""
    try:
        import geopandas
    except ImportError as error:
        raise ImportError('layers of points and polygons need geopandas: pip install "humboldt[geo]"') from error
    return geopandas
