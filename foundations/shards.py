"""Weights in one safetensors file, or in several with an index where one would be too large."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .tensor_file import CheckpointError, header, inside, read_json, read_tensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
LARGEST = 5 * 10**9  # bytes of tensors in one file
KINDS = {
    torch.uint64: "U64", torch.int64: "I64", torch.float64: "F64", torch.float32: "F32", torch.uint32: "U32",
    torch.int32: "I32", torch.bfloat16: "BF16", torch.float16: "F16", torch.uint16: "U16", torch.int16: "I16",
    torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""What a safetensors file calls the types of its tensors, in the order in which they lie in it."""


def write_weights(folder: Path, state: Mapping[str, Tensor], largest: int | None = None) -> dict[Path, str]:
    """Write tensors into an empty folder, in shards of at most `largest` bytes (5 GB).

    Returns:
        SHA-256 of the files, all of which are on the disk; the index is the last.
    """
    parts = _parts(state, largest or LARGEST)
    if len(parts) == 1:
        return {folder / WEIGHTS: _save(parts[0], folder / WEIGHTS)}
    places: dict[str, str] = {}
    written: dict[Path, str] = {}
    for number, part in enumerate(parts, 1):
        name = f"model-{number:05d}-of-{len(parts):05d}.safetensors"
        written[folder / name] = _save(part, folder / name)
        places |= dict.fromkeys(part, name)
    total = sum(value.nbytes for value in state.values())
    index = json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=1) + "\n"
    return written | {folder / INDEX: _write([index.encode()], folder / INDEX)}


def shards(index: Path) -> list[Path]:
    """The files that an index names, each of which holds exactly the tensors that it is said to hold.

    Raises:
        CheckpointError: a broken index, a name that leads out of the folder, a file or a tensor that is not there.
    """
    folder, places = index.parent, read_json(inside(index.parent, index.name))
    places = places.get("weight_map") if isinstance(places, dict) else None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{index} must say by a weight_map which file holds which tensor; fetch it again")
    names = {name if isinstance(name, str) else repr(name) for name in places.values()}
    files = [inside(folder, name) for name in sorted(names)]
    if absent := [path.name for path in files if not path.is_file()]:
        raise CheckpointError(f"{index} names {absent}, which are not there; fetch the checkpoint again")
    for path in files:
        said, found = {key for key, name in places.items() if name == path.name}, header(path).keys()
        if said != found:
            wrong = sorted(said ^ found)[:3]
            raise CheckpointError(f"{index} and {path.name} disagree about {wrong}; fetch the checkpoint again")
    return files


def read_files(files: list[Path]) -> dict[str, Tensor]:
    """The tensors of one or several safetensors files.

    Raises:
        CheckpointError: a broken file, or a tensor that is there twice.
    """
    state: dict[str, Tensor] = {}
    for path in files:
        part = read_tensors(path)
        if twice := sorted(state.keys() & part.keys()):
            raise CheckpointError(f"the files of a checkpoint hold each tensor once, but {path} repeats {twice[:3]}")
        state |= part
    return state


def _parts(state: Mapping[str, Tensor], largest: int) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    for key, value in state.items():
        if parts[-1] and sum(v.nbytes for v in parts[-1].values()) + value.nbytes > largest:
            parts.append({})
        parts[-1][key] = value
    return parts


def _save(part: Mapping[str, Tensor], path: Path) -> str:
    """A safetensors file, byte for byte that of the library, which copies the tensors and tells no hash; its SHA-256.

    Raises:
        CheckpointError: a type that weights have not.
    """
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, value in part.items():
        if value.dtype not in KINDS:
            raise CheckpointError(f"weights are of a type among {', '.join(KINDS.values())}, {name} has {value.dtype}")
    order, end, pieces = list(KINDS), 0, []
    for name in sorted(part, key=lambda name: (order.index(part[name].dtype), name)):
        value = part[name].detach().cpu().contiguous()
        place = [end, end := end + value.nbytes]
        entries[name] = {"dtype": KINDS[value.dtype], "shape": list(value.shape), "data_offsets": place}
        pieces.append(value.reshape(-1).view(torch.uint8).numpy().data)
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return _write([len(header).to_bytes(8, "little"), header, *pieces], path)


def _write(content: list[bytes | memoryview], path: Path) -> str:
    """Write to the disk; the SHA-256, taken from memory while the disk works."""

    def hashed() -> str:
        found = hashlib.sha256()
        for piece in content:
            found.update(piece)
        return found.hexdigest()

    with ThreadPoolExecutor(1) as pool, path.open("wb") as file:
        sha256 = pool.submit(hashed)
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
        return sha256.result()
