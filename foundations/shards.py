"""Weights in one safetensors file, or in several with an index where one would be too large."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from .tensor_file import CheckpointError, header, inside, read_json, read_tensors
from .tensor_writer import write_tensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
LARGEST = 5 * 10**9  # bytes of tensors in one file


def write_weights(folder: Path, state: Mapping[str, Tensor], largest: int | None = None) -> dict[Path, str]:
    """Write tensors into an empty folder, in shards of at most `largest` bytes (5 GB).

    Returns:
        The SHA-256 of every file, in their order; the index, where there is one, comes last and has none ("").
    """
    parts = _parts(state, largest or LARGEST)
    if len(parts) == 1:
        return {folder / WEIGHTS: _save(parts[0], folder / WEIGHTS)}
    found: dict[Path, str] = {}
    places: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        name = f"model-{number:05d}-of-{len(parts):05d}.safetensors"
        found[folder / name] = _save(part, folder / name)
        places |= dict.fromkeys(part, name)
    total = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
    return found | {folder / INDEX: ""}


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
    taken = 0
    for key, value in state.items():
        if parts[-1] and taken + value.nbytes > largest:
            parts.append({})
            taken = 0
        parts[-1][key] = value
        taken += value.nbytes
    return parts


def _save(part: Mapping[str, Tensor], path: Path) -> str:
    sha256 = write_tensors(part, path)
    path.chmod(0o644)  # whatever the mask of the owner, colleagues read
    return sha256
