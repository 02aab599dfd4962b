"""What `zarr.json` (version 3) or `.zarray` (version 2) says: where chunks of an array lie, how they are decoded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numcodecs
import numpy as np

from .store import DataError

LARGEST_CHUNK = 2**31
SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


class UnreadableLayoutError(DataError):
    """A layout that is left to zarr-python; the message says why."""


@dataclass(frozen=True, kw_only=True)
class ZarrLayout:
    """How the values of one array lie in files.

    Attributes:
        shape: of the array; chunks: of what is decoded at once; shards: chunks in a file along each axis, or None where
            a file is a chunk.
        dtype: as stored, with byte order; fill: the value of chunks that are not there.
        decoders: applied in this order to the bytes of a chunk.
        column_major: the first axis varies fastest within a chunk.
        prefix, separator: of the names of the files.
        index_first: the index of a shard stands before its chunks, not behind; index_checked: a CRC32C follows it.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype
    fill: Any
    decoders: tuple[Any, ...]
    shards: tuple[int, ...] | None = None
    column_major: bool = False
    prefix: str = "c"
    separator: str = "/"
    index_first: bool = False
    index_checked: bool = False

    @property
    def chunk_bytes(self) -> int:
        """Size of a decoded chunk."""
        return math.prod(self.chunks) * self.dtype.itemsize

    def file(self, place: Sequence[int]) -> str:
        """Name of the file at a place in the grid of files."""
        words = [self.prefix, *map(str, place)] if self.prefix else list(map(str, place)) or ["0"]
        return self.separator.join(words)


def read_zarr_layout(folder: str | Path) -> ZarrLayout:
    """The layout of the array in `folder`.

    Raises:
        UnreadableLayoutError: metadata that are broken, or that ask for what is not read here.
    """
    folder = Path(folder)
    try:
        if (folder / "zarr.json").is_file():
            return version_3(json.loads((folder / "zarr.json").read_text()))
        return version_2(json.loads((folder / ".zarray").read_text()))
    except UnreadableLayoutError:
        raise
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
    ) as error:
        raise UnreadableLayoutError(
            f"the metadata of a Zarr array follow the specification, got {error!r} in {folder}; write the store again"
        ) from error


def version_3(said: Mapping[str, Any]) -> ZarrLayout:
    """The layout in a `zarr.json`."""
    require(said.get("node_type", "array") == "array", "a group", "arrays")
    require(said["chunk_grid"]["name"] == "regular", said["chunk_grid"]["name"], "regular chunk grids")
    require(not said.get("storage_transformers"), "storage transformers", "arrays without storage transformers")
    shape, outer = sizes(said["shape"], 0), sizes(said["chunk_grid"]["configuration"]["chunk_shape"], 1)
    named = said["chunk_key_encoding"]
    require(named["name"] in ("default", "v2"), named["name"], "the chunk key encodings default and v2")
    separator = named.get("configuration", {}).get("separator", "/" if named["name"] == "default" else ".")
    codecs, shard = list(said["codecs"]), {}
    inner, shards = outer, None
    if codecs[0]["name"] == "sharding_indexed":
        require(len(codecs) == 1, "codecs around shards", "shards without codecs around them")
        shard = codecs[0]["configuration"]
        inner, codecs = sizes(shard["chunk_shape"], 1), list(shard["codecs"])
        require(len(inner) == len(outer) and not any(o % i for o, i in zip(outer, inner, strict=True)), inner, "whole")
        shards = tuple(o // i for o, i in zip(outer, inner, strict=True))
        index = [codec["name"] for codec in shard.get("index_codecs", [])]
        require(index in (["bytes"], ["bytes", "crc32c"]), index, "shard indexes as plain bytes")
    order, decoders = decoding_3(codecs)
    dtype = np.dtype(said["data_type"] if said["data_type"] != "bool" else "?").newbyteorder(order)
    return checked(
        ZarrLayout(
            shape=shape,
            chunks=inner,
            dtype=dtype,
            fill=fill_value(said["fill_value"], dtype),
            decoders=decoders,
            shards=shards,
            prefix="c" if named["name"] == "default" else "",
            separator=separator,
            index_first=shard.get("index_location", "end") == "start",
            index_checked="crc32c" in [codec["name"] for codec in shard.get("index_codecs", [])],
        )
    )


def decoding_3(codecs: Sequence[Mapping[str, Any]]) -> tuple[Literal["<", ">"], tuple[Any, ...]]:
    """Byte order, and what undoes the codecs of version 3, last first."""
    require(codecs[0]["name"] == "bytes", codecs[0]["name"], "chunks whose first codec is bytes")
    endian = codecs[0].get("configuration", {}).get("endian", "little")
    require(endian in ("little", "big"), endian, "bytes that are little or big endian")
    order: Literal["<", ">"] = "<" if endian == "little" else ">"
    decoders = []
    for codec in reversed(codecs[1:]):
        name, options = codec["name"], codec.get("configuration", {})
        if name.startswith("numcodecs."):
            decoders.append(numcodecs.get_codec({"id": name.removeprefix("numcodecs."), **options}))
        else:
            require(name in ("blosc", "zstd", "gzip", "crc32c"), name, "the codecs blosc, zstd, gzip and crc32c")
            decoders.append(numcodecs.get_codec({"id": name}))
    return order, tuple(decoders)


def version_2(said: Mapping[str, Any]) -> ZarrLayout:
    """The layout in a `.zarray`."""
    dtype = np.dtype(said["dtype"]) if isinstance(said["dtype"], str) else None
    require(dtype is not None, said["dtype"], "one number an element")
    assert dtype is not None
    stored = [*(said.get("filters") or []), *([said["compressor"]] if said.get("compressor") else [])]
    return checked(
        ZarrLayout(
            shape=sizes(said["shape"], 0),
            chunks=sizes(said["chunks"], 1),
            dtype=dtype,
            fill=fill_value(said.get("fill_value"), dtype),
            decoders=tuple(numcodecs.get_codec(dict(codec)) for codec in reversed(stored)),
            column_major=said.get("order", "C") == "F",
            prefix="",
            separator=said.get("dimension_separator", "."),
        )
    )


def checked(layout: ZarrLayout) -> ZarrLayout:
    """The layout, if its parts fit together and a chunk fits into memory."""
    require(layout.dtype.kind in "fiub", layout.dtype, "real numbers")
    require(len(layout.shape) == len(layout.chunks), layout.chunks, "one chunk size for each axis")
    require(layout.chunk_bytes < LARGEST_CHUNK, layout.chunk_bytes, f"chunks below {LARGEST_CHUNK} bytes")
    require(layout.separator in "/.", layout.separator, "keys separated by / or .")
    return layout


def sizes(values: Any, least: int) -> tuple[int, ...]:
    """Whole numbers from `least` on."""
    found = tuple(values)
    require(all(type(n) is int and n >= least for n in found), found, f"whole sizes from {least} on")
    require(len(found) <= 32, len(found), "at most 32 axes")
    return found


def fill_value(value: Any, dtype: np.dtype) -> Any:
    """The fill value as a number of that type; 0 where none is said."""
    if isinstance(value, str) and value.startswith("0x"):
        return np.frombuffer(bytes.fromhex(value[2:])[::-1], dtype.newbyteorder("<"))[0]
    return dtype.type(SPECIAL.get(value, value) if isinstance(value, str) else value or 0)


def require(holds: bool, got: Any, rule: str) -> None:
    """Leave to zarr-python what is not read here."""
    if not holds:
        raise UnreadableLayoutError(f"Humboldt reads {rule} by itself, got {got!r}; zarr-python reads it, slower")
