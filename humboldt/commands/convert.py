"""humboldt convert SOURCE OUT.zarr"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

from ..cli import UsageError, make_parser, option, parse

CODECS = Literal["auto", "none", "lz4", "lz4-bits", "zstd", "zstd-bits"]


def run(words: Sequence[str]) -> None:
    """Convert data to a Zarr store."""
    parser = make_parser(
        "convert",
        "Convert NetCDF, HDF5, GRIB, GeoTIFF or Zarr data to a sharded Zarr store that is read fast sample by sample. "
        "The same command goes on after an interruption, without writing a finished shard again.",
    )
    parser.add_argument("source", nargs="+", type=str, help="file, folder, quoted pattern, several files, or a store")
    parser.add_argument("output", type=str, help="Zarr store to write")
    add = parser.add_argument
    option(add, "variables", list[str] | None, None, "variables to take, such as u,v; all numeric ones by default")
    option(add, "dims", dict[str, str] | None, None, "names of dimensions, such as '{sample: run}' {new: in the file}")
    option(add, "join", str | None, None, "dimension that files continue, or a new one; found by their coordinates")
    option(add, "group", str | None, None, "group in NetCDF and HDF5 files")
    option(add, "window", dict[str, int] | None, None, "what is read at a time, such as '{time: 2, lat: 64}'; a sample")
    option(add, "codec", CODECS, "auto", "of the chunks; auto measures on a sample, and says what it found")
    option(add, "shard_bytes", int, 2**26, "size of a file before compression, about [bytes]")
    option(add, "missing", Literal["keep", "error"], "keep", "what NaN are: kept, or refused")
    option(add, "infinite", Literal["error", "missing", "keep"], "error", "what infinite values are")
    option(add, "scheduler", str, "threads", "threads, processes, here, or a dask cluster such as tcp://host:8786")
    option(add, "workers", int, 2, "threads or processes")
    option(add, "memory", int, 2**30, "for what is under way; more of it reads less twice [bytes]")
    option(add, "overwrite", bool, False, "replace a store that is there")
    option(add, "dry_run", bool, False, "print sizes, chunks, shards and codecs; write nothing")
    given = parse(parser, words)
    if not given["output"].rstrip("/").endswith(".zarr"):
        raise UsageError(f"the output is a Zarr store, whose name ends in .zarr, got {given['output']}; name one")
    from humboldt.data_catalog import convert

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    source = given.pop("source")
    print(convert(source[0] if len(source) == 1 else source, given.pop("output"), **given))
