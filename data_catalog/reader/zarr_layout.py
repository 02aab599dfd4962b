"""What `zarr.json` (version 3) or `.zarray` (version 2) says: where chunks of an array lie, how they are decoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import DataError
from .chunk_layout import ChunkLayout
from .decoding import UnreadableLayoutError, require, steps

LARGEST_INDEX = 2**24
SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class ZarrLayout(ChunkLayout):
    """How the values of one Zarr array lie in files.

    Attributes:
        shards: chunks in a file along each axis, or None where a file is a chunk.
        prefix, separator: of the names of the files.
        index_first: the index of a shard stands before its chunks, not behind; index_checked: a CRC32C follows it.
    """

    shards: tuple[int, ...] | None = None
    prefix: str = "c"
    separator: str = "/"
    index_first: bool = False
    index_checked: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.separator in ("/", "."), self.separator, "keys separated by / or .")
        require(self.index_bytes < LARGEST_INDEX, self.shards, f"shard indexes below {LARGEST_INDEX} bytes")

    @property
    def index_bytes(self) -> int:
        """Size of the index of a shard."""
        count = 1
        for n in self.shards or ():
            count *= n
        return 16 * count + 4 * self.index_checked

    @cached_property
    def pattern(self) -> str:
        """Names of files, with a number for each axis; `0` or `c` for a single value."""
        numbers = ["%d"] * len(self.shape)
        return self.separator.join([self.prefix, *numbers] if self.prefix else numbers or ["0"])

    def file(self, place: tuple[int, ...]) -> str:
        """Name of the file at a place in the grid of files."""
        return self.pattern % place

    def shard(self, place: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """Name of the file that holds a chunk, and the place of the chunk in it."""
        pairs = [divmod(p, n) for p, n in zip(place, self.shards or (), strict=True)]
        return self.file(tuple([p for p, _ in pairs])), tuple([p for _, p in pairs])


def read_zarr_layout(folder: str | Path) -> ZarrLayout:
    """The layout of the array in `folder`.

    Raises:
        UnreadableLayoutError: metadata that are broken, or that ask for what is not read here.
    """

    def text(name: str) -> bytes | None:
        path = Path(folder, name)
        return path.read_bytes() if path.is_file() else None

    return parse_zarr_layout(text, str(folder))


def parse_zarr_layout(text: Callable[[str], bytes | None], place: str) -> ZarrLayout:
    """The layout that the metadata say; `text` gives the bytes of a metadata file, None where there is none.

    Raises:
        UnreadableLayoutError: they are broken, or ask for what is not read here. DataError: they cannot be reached.
    """
    try:
        third = text("zarr.json")
        if third is not None:
            return version_3(json.loads(third))
        second = text(".zarray")
        require(second is not None, f"no zarr.json and no .zarray in {place}", "the metadata of a Zarr array")
        return version_2(json.loads(second or b""))
    except UnreadableLayoutError:
        raise
    except OSError as error:
        raise DataError(
            f"a store can be reached and read, got {str(error).splitlines()[0]} for {place}; check the address, the "
            "network and the permissions, and open it again"
        ) from error
    except BROKEN as error:
        raise UnreadableLayoutError(
            f"the metadata of a Zarr array follow the specification, got {error!r} in {place}; write the store again"
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
        require(index_codecs(shard) in (["bytes"], ["bytes", "crc32c"]), index_codecs(shard), "plain shard indexes")
    axes, order, stored = codecs_3(codecs, len(inner))
    dtype = np.dtype(said["data_type"] if said["data_type"] != "bool" else "?").newbyteorder(order)
    size = ChunkLayout(shape=shape, chunks=inner, dtype=dtype).chunk_bytes
    return ZarrLayout(
        shape=shape,
        chunks=inner,
        dtype=dtype,
        fill=fill_value(said["fill_value"], dtype),
        decoders=steps(stored, size, dtype),
        axes=axes,
        shards=shards,
        prefix="c" if named["name"] == "default" else "",
        separator=separator,
        index_first=shard.get("index_location", "end") == "start",
        index_checked="crc32c" in index_codecs(shard),
    )


def index_codecs(shard: Mapping[str, Any]) -> list[str]:
    """Names of the codecs of a shard's index, if it is little endian."""
    codecs = shard.get("index_codecs", [])
    little = all(c.get("configuration", {}).get("endian", "little") == "little" for c in codecs)
    return [codec["name"] for codec in codecs] if little else ["big endian"]


def codecs_3(
    codecs: Sequence[Mapping[str, Any]], axes: int
) -> tuple[tuple[int, ...] | None, Literal["<", ">"], list[dict[str, Any]]]:
    """Order of the axes, byte order, and the codecs of version 3 as configurations of numcodecs."""
    order: tuple[int, ...] | None = None
    endian: Literal["<", ">"] = "<"
    stored: list[dict[str, Any]] = []
    serialised = False
    for codec in codecs:
        name, options = codec["name"], codec.get("configuration") or {}
        if name == "transpose":
            require(order is None and not stored, "two transpositions", "one transposition, before everything else")
            order = sizes(options["order"], 0)
            require(sorted(order) == list(range(axes)), order, "transpositions that name every axis once")
        elif name == "bytes":
            little = options.get("endian", "little")
            require(little in ("little", "big"), little, "bytes that are little or big endian")
            endian, serialised = "<" if little == "little" else ">", True
            require(endian == "<" or not stored, "a filter before big-endian bytes", "filters of little-endian values")
        elif name.startswith("numcodecs."):
            stored.append({**options, "id": name.removeprefix("numcodecs.")})
        else:
            require(name in ("blosc", "zstd", "gzip", "crc32c"), name, "the codecs blosc, zstd, gzip and crc32c")
            stored.append({"id": name})
    require(serialised, [c["name"] for c in codecs], "chunks that are serialised by the codec bytes")
    return (None if order == tuple(range(axes)) else order), endian, stored


def version_2(said: Mapping[str, Any]) -> ZarrLayout:
    """The layout in a `.zarray`."""
    require(isinstance(said["dtype"], str), said["dtype"], "one number an element")
    dtype, shape, chunks = np.dtype(said["dtype"]), sizes(said["shape"], 0), sizes(said["chunks"], 1)
    order = said.get("order", "C")
    require(order in ("C", "F"), order, "chunks in order C or F")
    stored = [*(said.get("filters") or []), *([said["compressor"]] if said.get("compressor") else [])]
    size = ChunkLayout(shape=shape, chunks=chunks, dtype=dtype).chunk_bytes
    return ZarrLayout(
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        fill=fill_value(said.get("fill_value"), dtype),
        decoders=steps(stored, size, dtype),
        axes=tuple(reversed(range(len(shape)))) if order == "F" and len(shape) > 1 else None,
        prefix="",
        separator=said.get("dimension_separator", "."),
    )


def sizes(values: Any, least: int) -> tuple[int, ...]:
    """Whole numbers from `least` on."""
    found = tuple(values)
    require(all(type(n) is int and n >= least for n in found), found, f"whole sizes from {least} on")
    require(len(found) <= 32, len(found), "at most 32 axes")
    return found


def fill_value(value: Any, dtype: np.dtype) -> Any:
    """The fill value as a number of that type; 0 where none is said. A complex one is the list of its two parts."""
    if dtype.kind == "c" and isinstance(value, list | tuple):
        real, imaginary = (float(SPECIAL.get(part, part) if isinstance(part, str) else part) for part in value)
        return dtype.type(complex(real, imaginary))
    if isinstance(value, str) and value.startswith("0x"):
        return np.frombuffer(bytes.fromhex(value[2:])[::-1], dtype.newbyteorder("<"))[0]
    with np.errstate(over="ignore"):
        return dtype.type(SPECIAL.get(value, value) if isinstance(value, str) else value or 0)
