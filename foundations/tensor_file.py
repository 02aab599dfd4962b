"""Reading what strangers wrote: safetensors files and JSON, checked in full before anything in them is believed."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

LARGEST_HEADER = 10**8  # bytes; the largest that the format allows
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # how they begin, packed or not
LARGEST_JSON = 16 * 2**20  # bytes of a configuration or an index
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip
"""The types that weights have; others (float8, float4, complex numbers) are refused."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted or does not fit; the message states rule, value and cure."""


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        CheckpointError: not a file, larger than 16 MiB, not JSON, nested too deeply, or a key that is there twice.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_JSON:
            raise CheckpointError(f"{path} may have {LARGEST_JSON} bytes, got {size}; is it another kind of file?")
        return _parsed(path.read_bytes(), path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check the path and its rights") from error


def header(path: Path) -> dict[str, dict[str, Any]]:
    """Type, shape and place of every tensor of a safetensors file, by name.

    Everything that is said is compared with the length of the file: tensors lie one after another, without overlap and
    without holes, and end where the file ends.

    Raises:
        CheckpointError: not a whole, sound safetensors file.
    """
    try:
        with path.open("rb") as file:
            size, begin = os.fstat(file.fileno()).st_size, file.read(8)
            length = int.from_bytes(begin, "little")
            if size < 8 or length > min(LARGEST_HEADER, size - 8):
                if begin.startswith(PICKLES):  # not sooner: a header of 640 bytes begins like the second of them
                    raise CheckpointError(
                        f"weights lie in safetensors files, but {path} is a PyTorch file or another pickle under that "
                        "name, and is not opened; convert it to safetensors where you trust it"
                    )
                raise _unsound(path, f"its header would have {length} bytes in a file of {size}")
            entries = _parsed(file.read(length), path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check the path and its rights") from error
    if not isinstance(entries, dict):
        raise _unsound(path, f"its header is a {type(entries).__name__}")
    entries.pop("__metadata__", None)
    spans = sorted((_span(path, name, entry), name) for name, entry in entries.items())
    end = 0
    for (start, stop), name in spans:
        if start != end:
            raise _unsound(path, f"{name} begins at byte {start} of the data, not at {end}")
        end = stop
    if end != size - 8 - length:
        raise _unsound(path, f"its tensors take {end} bytes, {size - 8 - length} are there")
    return entries


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped into memory.

    Raises:
        CheckpointError: not a whole, sound safetensors file (see `header`).
    """
    header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unsound(path, str(error)) from error


def require_finite(state: dict[str, Tensor], where: Path) -> None:
    """Refuse weights that hold NaN or infinity.

    Raises:
        CheckpointError: names the first five tensors that do, with the number of such values.
    """
    found = {
        name: int((~value.isfinite()).sum())
        for name, value in state.items()
        if value.is_floating_point() and not value.isfinite().all()
    }
    if found:
        first = ", ".join(f"{count} of {name}" for name, count in sorted(found.items())[:5])
        raise CheckpointError(
            f"weights are finite numbers, but {where} holds NaN or infinity: {first} (in {len(found)} tensors); its "
            "training diverged, take an earlier checkpoint"
        )


def inside(folder: Path, name: Any) -> Path:
    """The file called `name` in a folder, which must not lead out of it (the snapshot of a hub may lead to its blobs).

    Raises:
        CheckpointError: a name with folders in it, or a link to somewhere else.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or "\0" in name or Path(name).name != name:
        raise CheckpointError(f"a file of a checkpoint is called by its name alone, got {name!r} in {folder}")
    path = folder / name
    root = folder.parent.parent if folder.parent.name == "snapshots" else folder
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise CheckpointError(
            f"a checkpoint keeps its files in its own folder, but {path} is a link to {path.resolve()}; copy the file "
            "to where the link is"
        )
    return path


def _span(path: Path, name: str, entry: Any) -> tuple[int, int]:
    """First byte of a tensor's data and the one after its last."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise _unsound(path, f"{name} has no dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in BITS:
        raise CheckpointError(f"weights are of a type among {', '.join(BITS)}, but {name} of {path} has {kind!r}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        raise _unsound(path, f"{name} has the shape {shape!r} and the offsets {offsets!r}")
    if offsets[1] - offsets[0] != math.prod(shape) * BITS[kind] // 8:
        raise _unsound(path, f"{name} of shape {shape} and type {kind} lies in {offsets[1] - offsets[0]} bytes")
    return offsets[0], offsets[1]


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**48 for v in values)


def _unsound(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is not a whole safetensors file ({why[:200]}); fetch it again")


def _parsed(content: bytes, path: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise CheckpointError(f"{path} names {twice!r} twice, and which one counts is open; fetch it again")
        return found

    try:
        return json.loads(content.decode(), object_pairs_hook=unique)
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} must be JSON, but: {str(error)[:200]}; fetch the checkpoint again") from error


def is_number(kind: torch.dtype) -> bool:
    """Whether weights are kept in this floating type."""
    return kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
