"""Writing safetensors files: the bytes of the library, hashed from memory while the disk takes them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from .tensor_file import CheckpointError

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.float16: "F16", torch.bfloat16: "BF16", torch.int32: "I32", torch.uint32: "U32", torch.float32: "F32",
    torch.float64: "F64", torch.int64: "I64", torch.uint64: "U64",
}  # fmt: skip
"""Types of weights in the order in which a file holds them."""
BUFFER = 1 << 20  # bytes; small tensors are handed to the disk together


def write_tensors(state: Mapping[str, Tensor], path: Path) -> str:
    """Write tensors as a safetensors file and wait until the disk has it; returns its SHA-256, in hexadecimal.

    Byte for byte what the library writes. Its header comes first, so that a second thread can hash the content from
    memory: the file is never read. Tensors may share memory.

    Raises:
        CheckpointError: a type that weights do not have.
        OSError: the file cannot be written, or the disk is full.
    """
    parts = _parts(state)
    with path.open("wb", buffering=BUFFER) as file, ThreadPoolExecutor(1) as pool:
        sha256 = pool.submit(_digest, parts)
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
        return sha256.result()


def tensors_hash(state: Mapping[str, Tensor]) -> str:
    """The SHA-256 that `write_tensors` would return, in hexadecimal, without a file.

    Raises:
        CheckpointError: a type that weights do not have.
    """
    return _digest(_parts(state))


def _parts(state: Mapping[str, Tensor]) -> list[memoryview]:
    """The content of a file, in order."""
    order, header = _header(state)
    return [memoryview(len(header).to_bytes(8, "little") + header), *(_bytes(state[name]) for name in order)]


def _header(state: Mapping[str, Tensor]) -> tuple[list[str], bytes]:
    """Names by type and alphabet, and what a file says of them: types, shapes and places, filled up to 8 bytes."""
    if odd := [name for name, value in state.items() if value.dtype not in NAMES]:
        kinds = ", ".join(str(kind) for kind in NAMES)
        raise CheckpointError(
            f"weights are of a type among {kinds}, but {odd[0]} has {state[odd[0]].dtype}; convert it before saving"
        )
    ranks = {kind: rank for rank, kind in enumerate(NAMES)}
    order = sorted(state, key=lambda name: (-ranks[state[name].dtype], name.encode()))
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        value = state[name]
        places = [end, end + value.nbytes]
        entries[name] = {"dtype": NAMES[value.dtype], "shape": list(value.shape), "data_offsets": places}
        end = places[1]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    return order, text + b" " * (-len(text) % 8)


def _bytes(value: Tensor) -> memoryview:
    """The content of a tensor, without a copy where it lies in order in the memory of the processor."""
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _digest(parts: Sequence[memoryview]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()
